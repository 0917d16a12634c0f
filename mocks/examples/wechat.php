<?php
// WeChat Pay with PHP 8 and its openssl extension: order, verify, query.
// MOCKPAY=http://127.0.0.1:9000 php wechat.php
$shop = json_decode(file_get_contents(getenv('MOCKPAY') . '/merchant.json'), true)['wechat'];

function call(string $method, string $path, string $body = ''): array
{
    global $shop;
    $now = time();
    $nonce = bin2hex(random_bytes(16));
    openssl_sign("$method\n$path\n$now\n$nonce\n$body\n", $sign, $shop['merchant_private_key'], OPENSSL_ALGO_SHA256);
    $authorization = sprintf(
        'WECHATPAY2-SHA256-RSA2048 mchid="%s",nonce_str="%s",timestamp="%s",serial_no="%s",signature="%s"',
        $shop['mch_id'], $nonce, $now, $shop['merchant_serial'], base64_encode($sign)
    );
    $answer = fopen($shop['base'] . $path, 'r', false, stream_context_create(['http' => [
        'method' => $method, 'content' => $body, 'user_agent' => 'shop', 'header' => [
            'Accept: application/json', 'Content-Type: application/json', "Authorization: $authorization",
            'Wechatpay-Serial: ' . $shop['platform_public_key_id'],
        ],
    ]])) ?: throw new RuntimeException('refused');
    $text = stream_get_contents($answer);
    foreach (stream_get_meta_data($answer)['wrapper_data'] as $line) {
        [$name, $value] = explode(':', $line, 2) + [1 => ''];
        $head[strtolower($name)] = trim($value);
    }
    $signed = "{$head['wechatpay-timestamp']}\n{$head['wechatpay-nonce']}\n$text\n";
    $signature = base64_decode($head['wechatpay-signature']);
    if (openssl_verify($signed, $signature, $shop['platform_public_key'], OPENSSL_ALGO_SHA256) !== 1) {
        throw new RuntimeException('the answer is not signed by WeChat Pay');
    }
    return json_decode($text, true);
}

$order = 'php' . time() . getmypid();
call('POST', '/v3/pay/transactions/jsapi', json_encode([
    'appid' => $shop['app_id'], 'mchid' => $shop['mch_id'], 'description' => 'tea', 'out_trade_no' => $order,
    'notify_url' => 'http://127.0.0.1:8000/notify', 'amount' => ['total' => 1],
    'payer' => ['openid' => $shop['payer_openid']],
]));
$state = call('GET', "/v3/pay/transactions/out-trade-no/$order?mchid={$shop['mch_id']}")['trade_state'];
echo "WeChat Pay: order $order is $state\n";
