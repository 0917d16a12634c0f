#!/bin/sh
# Alipay with curl and openssl: create a trade, verify, query.
# MOCKPAY=http://127.0.0.1:9000 sh alipay.sh
set -eu
dir=$(mktemp -d) && trap 'rm -rf "$dir"' EXIT && cd "$dir"
curl -fsS "$MOCKPAY/merchant.json" -o merchant.json
# app_id is there twice; Alipay's comes last.
field() { sed -n "s/^ *\"$1\": \"\(.*\)\",*$/\1/p" merchant.json | tail -n 1; }
printf '%b' "$(field app_private_key)" >app.pem
printf '%b' "$(field alipay_public_key)" >alipay.pem

call() { # METHOD BIZ_CONTENT: the node of the answer is in the file node
	now=$(TZ=UTC-8 date '+%Y-%m-%d %H:%M:%S')
	# Sorted by name, undecoded, and with sign_type.
	message="app_id=$(field app_id)&biz_content=$2&charset=utf-8&method=$1&sign_type=RSA2&timestamp=$now&version=1.0"
	sign=$(printf '%s' "$message" | openssl dgst -sha256 -sign app.pem | openssl base64 -A)
	curl -fsS "$(field gateway)" -o body --data-urlencode "app_id=$(field app_id)" --data-urlencode "biz_content=$2" \
		--data-urlencode charset=utf-8 --data-urlencode "method=$1" --data-urlencode sign_type=RSA2 \
		--data-urlencode "timestamp=$now" --data-urlencode version=1.0 --data-urlencode "sign=$sign"
	sed 's/^{"[a-z_]*":\(.*\),"sign":"[^"]*"}$/\1/' body | tr -d '\n' >node
	sed 's/.*"sign":"\([^"]*\)"}$/\1/' body | tr -d '\n' | openssl base64 -d -A >signature
	openssl dgst -sha256 -verify alipay.pem -signature signature node >/dev/null ||
		{ echo 'the answer is not signed by Alipay' >&2 && exit 1; }
}

order=sh$(date +%s)$$
call alipay.trade.create "{\"out_trade_no\":\"$order\",\"total_amount\":\"0.01\",\"subject\":\"tea\",
	\"product_code\":\"JSAPI_PAY\",\"op_app_id\":\"$(field app_id)\",\"buyer_id\":\"$(field buyer_id)\"}"
call alipay.trade.query "{\"out_trade_no\":\"$order\"}"
echo "Alipay: order $order is $(sed 's/.*"trade_status":"\([A-Z_]*\)".*/\1/' node)"
