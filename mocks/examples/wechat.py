# WeChat Pay with Python's standard library and the openssl program: order, verify, query.
# MOCKPAY=http://127.0.0.1:9000 python3 wechat.py
import base64, json, os, secrets, subprocess, tempfile, time, urllib.request

shop = json.load(urllib.request.urlopen(os.environ["MOCKPAY"] + "/merchant.json"))["wechat"]


def openssl(args, message, **files):
    with tempfile.TemporaryDirectory() as folder:
        for name, content in files.items():
            open(os.path.join(folder, name), "wb").write(content)
        command = ["openssl", "dgst", "-sha256", *args]
        return subprocess.run(command, input=message, cwd=folder, stdout=subprocess.PIPE, check=True).stdout


def call(method, path, body=b""):
    now, nonce = str(int(time.time())), secrets.token_hex(16)
    message = "\n".join([method, path, now, nonce, ""]).encode() + body + b"\n"
    sign = base64.b64encode(openssl(["-sign", "key"], message, key=shop["merchant_private_key"].encode())).decode()
    request = urllib.request.Request(shop["base"] + path, data=body or None, method=method, headers={
        "Accept": "application/json", "Content-Type": "application/json",
        "Wechatpay-Serial": shop["platform_public_key_id"],
        "Authorization": 'WECHATPAY2-SHA256-RSA2048 mchid="%s",nonce_str="%s",timestamp="%s",serial_no="%s",signature="%s"'
        % (shop["mch_id"], nonce, now, shop["merchant_serial"], sign),
    })
    with urllib.request.urlopen(request) as answer:
        text, head = answer.read(), answer.headers
    signed = "\n".join([head["Wechatpay-Timestamp"], head["Wechatpay-Nonce"], ""]).encode() + text + b"\n"
    openssl(["-verify", "key", "-signature", "sign"], signed, key=shop["platform_public_key"].encode(),
            sign=base64.b64decode(head["Wechatpay-Signature"]))  # raises when it does not hold
    return json.loads(text)


order = "py%d%d" % (time.time(), os.getpid())
call("POST", "/v3/pay/transactions/jsapi", json.dumps({
    "appid": shop["app_id"], "mchid": shop["mch_id"], "description": "tea", "out_trade_no": order,
    "notify_url": "http://127.0.0.1:8000/notify", "amount": {"total": 1}, "payer": {"openid": shop["payer_openid"]},
}).encode())
state = call("GET", f"/v3/pay/transactions/out-trade-no/{order}?mchid={shop['mch_id']}")["trade_state"]
print(f"WeChat Pay: order {order} is {state}")
