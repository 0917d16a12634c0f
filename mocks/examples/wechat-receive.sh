#!/bin/sh
# Receive a callback of WeChat Pay with curl and openssl: verify, decrypt, answer. It reads one HTTP request and
# answers on stdout, as inetd and socat run programs:
# MOCKPAY=http://127.0.0.1:9000 socat TCP-LISTEN:8000,bind=127.0.0.1,fork EXEC:'sh wechat-receive.sh'
# openssl's command line has no GCM. The same text comes out of CTR, but nobody checks the tag; here the signature
# has shown before that the ciphertext is WeChat Pay's. A program of yours should use GCM.
set -eu
dir=$(mktemp -d) && trap 'rm -rf "$dir"' EXIT && cd "$dir"
answer() { printf 'HTTP/1.1 %s\r\nContent-Length: 0\r\nConnection: close\r\n\r\n' "$1" && echo "WeChat Pay: $2" >&2 && exit 0; }
refuse() { answer '401 Unauthorized' "refused, $1"; }
cr=$(printf '\r')
while IFS= read -r line && [ "${line%"$cr"}" ]; do printf '%s\n' "${line%"$cr"}"; done >head
header() { sed -n "s/^$1: *\(.*\)$/\1/Ip" head | head -n 1; }
length=$(header Content-Length)
case ${length:-0} in *[!0-9]* | ??????*) refuse 'it is too long' ;; esac
head -c "${length:-0}" >body
curl -fsS --noproxy '*' "$MOCKPAY/merchant.json" -o merchant.json
field() { sed -n "s/^ *\"$1\": \"\(.*\)\",*$/\1/p" merchant.json | head -n 1; }
hex() { od -An -v -tx1 | tr -d ' \n'; }

# 1. Is it WeChat Pay's, of now, and unchanged?
time=$(header Wechatpay-Timestamp) now=$(date +%s)
case $time in '' | *[!0-9]* | ????????????*) refuse 'it has no time' ;; esac
[ $((now - time)) -lt 300 ] && [ $((time - now)) -lt 300 ] || refuse 'it is of another time'
[ "$(header Wechatpay-Serial)" = "$(field platform_public_key_id)" ] || refuse 'its key is unknown'
[ "$(header Wechatpay-Signature-Type)" = WECHATPAY2-SHA256-RSA2048 ] || refuse 'its signature is of another kind'
{ printf '%s\n' "$time" "$(header Wechatpay-Nonce)" && cat body && echo; } >signed
header Wechatpay-Signature | openssl base64 -d -A >signature || refuse 'its signature is not base64'
printf '%b' "$(field platform_public_key)" >platform.pem
openssl dgst -sha256 -verify platform.pem -signature signature signed >/dev/null 2>&1 || refuse 'the signature does not hold'

# 2. What does it say?
inside() { sed -n "s/.*\"$2\":\"*\([^\",}]*\).*/\1/p" "$1"; }
nonce=$(inside body nonce)
[ ${#nonce} -eq 12 ] && [ "$(inside body algorithm)" = AEAD_AES_256_GCM ] || refuse 'it is not encrypted as agreed'
inside body ciphertext | openssl base64 -d -A >sealed
head -c $(($(wc -c <sealed) - 16)) sealed >ciphertext # the last 16 bytes are GCM's tag
openssl enc -d -aes-256-ctr -K "$(field api_v3_key | tr -d '\n' | hex)" -iv "$(printf %s "$nonce" | hex)00000002" -in ciphertext -out plain
[ "$(inside plain mchid)" = "$(field mch_id)" ] && [ "$(inside plain appid)" = "$(field app_id)" ] || refuse 'it is for somebody else'

# 3. Compare the amount with your order's, credit it once, and only then say yes.
[ "$(inside plain trade_state)" = SUCCESS ] || answer '204 No Content' 'another event'
answer '204 No Content' "order $(inside plain out_trade_no) is paid, $(inside plain total) fen"
