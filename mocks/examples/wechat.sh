#!/bin/sh
# WeChat Pay with curl and openssl: order, verify, query.
# MOCKPAY=http://127.0.0.1:9000 sh wechat.sh
set -eu
dir=$(mktemp -d) && trap 'rm -rf "$dir"' EXIT && cd "$dir"
curl -fsS "$MOCKPAY/merchant.json" -o merchant.json
field() { sed -n "s/^ *\"$1\": \"\(.*\)\",*$/\1/p" merchant.json | head -n 1; }
header() { grep -i "^$1:" head | cut -d ' ' -f 2- | tr -d '\r'; }
printf '%b' "$(field merchant_private_key)" >merchant.pem
printf '%b' "$(field platform_public_key)" >platform.pem

call() { # METHOD PATH [BODY]: the answer is in the file body
	now=$(date +%s) nonce=$(openssl rand -hex 16)
	sign=$(printf '%s\n' "$1" "$2" "$now" "$nonce" "${3-}" | openssl dgst -sha256 -sign merchant.pem | openssl base64 -A)
	who="mchid=\"$(field mch_id)\",nonce_str=\"$nonce\",timestamp=\"$now\",serial_no=\"$(field merchant_serial)\""
	curl -fsS -X "$1" "$(field base)$2" -D head -o body ${3:+--data-binary "$3"} \
		-H 'Accept: application/json' -H 'Content-Type: application/json' \
		-H "Wechatpay-Serial: $(field platform_public_key_id)" \
		-H "Authorization: WECHATPAY2-SHA256-RSA2048 $who,signature=\"$sign\""
	{ header Wechatpay-Timestamp && header Wechatpay-Nonce && cat body && echo; } >signed
	header Wechatpay-Signature | openssl base64 -d -A >signature
	openssl dgst -sha256 -verify platform.pem -signature signature signed >/dev/null ||
		{ echo 'the answer is not signed by WeChat Pay' >&2 && exit 1; }
}

order=sh$(date +%s)$$
call POST /v3/pay/transactions/jsapi "{\"appid\":\"$(field app_id)\",\"mchid\":\"$(field mch_id)\",\"description\":\"tea\",
	\"out_trade_no\":\"$order\",\"notify_url\":\"http://127.0.0.1:8000/notify\",\"amount\":{\"total\":1},
	\"payer\":{\"openid\":\"$(field payer_openid)\"}}"
call GET "/v3/pay/transactions/out-trade-no/$order?mchid=$(field mch_id)"
echo "WeChat Pay: order $order is $(sed 's/.*"trade_state":"\([A-Z]*\)".*/\1/' body)"
