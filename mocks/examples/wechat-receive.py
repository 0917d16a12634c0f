# Receive callbacks of WeChat Pay with Python 3 and the package cryptography: verify, decrypt, answer.
# MOCKPAY=http://127.0.0.1:9000 PORT=8000 python3 wechat-receive.py
import base64, http.server, json, os, time, urllib.request
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

shop = json.load(urllib.request.urlopen(os.environ["MOCKPAY"] + "/merchant.json"))["wechat"]
platform = serialization.load_pem_public_key(shop["platform_public_key"].encode())


def verify(head, body):
    """Is it WeChat Pay's, of now, and unchanged? The body is the bytes as they came."""
    stamp, nonce = head.get("Wechatpay-Timestamp", ""), head.get("Wechatpay-Nonce", "")
    if abs(time.time() - int(stamp)) >= 300:
        raise ValueError("it is of another time")
    if head.get("Wechatpay-Serial") != shop["platform_public_key_id"]:
        raise ValueError("its key is unknown")
    if head.get("Wechatpay-Signature-Type") != "WECHATPAY2-SHA256-RSA2048":
        raise ValueError("its signature is of another kind")
    message = f"{stamp}\n{nonce}\n".encode() + body + b"\n"
    signature = base64.b64decode(head.get("Wechatpay-Signature", ""), validate=True)
    platform.verify(signature, message, padding.PKCS1v15(), hashes.SHA256())  # raises when it does not hold


def decrypt(resource):
    nonce = resource["nonce"].encode()
    if resource["algorithm"] != "AEAD_AES_256_GCM" or len(nonce) != 12:
        raise ValueError("it is not encrypted as agreed")
    extra = resource.get("associated_data", "").encode()
    return json.loads(AESGCM(shop["api_v3_key"].encode()).decrypt(nonce, base64.b64decode(resource["ciphertext"]), extra))


class Notify(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))  # a program of yours limits the length
        try:
            verify(self.headers, body)
            event = decrypt(json.loads(body)["resource"])
            if event["mchid"] != shop["mch_id"] or event["appid"] != shop["app_id"]:
                raise ValueError("it is for somebody else")
            # Compare the amount with your order's, credit it once, and only then say yes.
            if event["trade_state"] == "SUCCESS":
                print(f"WeChat Pay: order {event['out_trade_no']} is paid, {event['amount']['total']} fen", flush=True)
            self.send_response(204)
        except Exception as problem:
            print(f"WeChat Pay: refused, {problem!r}", flush=True)
            self.send_response(401)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_):
        pass


server = http.server.ThreadingHTTPServer(("127.0.0.1", int(os.environ.get("PORT", "8000"))), Notify)
print(f"listens on http://127.0.0.1:{server.server_port}/notify", flush=True)
server.serve_forever()
