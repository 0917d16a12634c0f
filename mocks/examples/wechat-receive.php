<?php
// Receive callbacks of WeChat Pay with PHP 8 and its openssl extension: verify, decrypt, answer.
// MOCKPAY=http://127.0.0.1:9000 php -S 127.0.0.1:8000 wechat-receive.php
$shop = json_decode(file_get_contents(getenv('MOCKPAY') . '/merchant.json'), true)['wechat'];

// Is it WeChat Pay's, of now, and unchanged? The body is the bytes as they came.
function verify(string $body): void
{
    global $shop;
    $head = fn (string $name): string => $_SERVER['HTTP_WECHATPAY_' . $name] ?? '';
    if (abs(time() - (int) $head('TIMESTAMP')) >= 300) {
        throw new RuntimeException('it is of another time');
    }
    if ($head('SERIAL') !== $shop['platform_public_key_id']) {
        throw new RuntimeException('its key is unknown');
    }
    if ($head('SIGNATURE_TYPE') !== 'WECHATPAY2-SHA256-RSA2048') {
        throw new RuntimeException('its signature is of another kind');
    }
    $message = "{$head('TIMESTAMP')}\n{$head('NONCE')}\n$body\n";
    $signature = base64_decode($head('SIGNATURE'), true);
    if (!$signature || openssl_verify($message, $signature, $shop['platform_public_key'], OPENSSL_ALGO_SHA256) !== 1) {
        throw new RuntimeException('the signature does not hold');
    }
}

function decrypt(array $resource): array
{
    global $shop;
    if ($resource['algorithm'] !== 'AEAD_AES_256_GCM' || strlen($resource['nonce']) !== 12) {
        throw new RuntimeException('it is not encrypted as agreed');
    }
    $sealed = base64_decode($resource['ciphertext']);
    $plain = openssl_decrypt(substr($sealed, 0, -16), 'aes-256-gcm', $shop['api_v3_key'], OPENSSL_RAW_DATA,
        $resource['nonce'], substr($sealed, -16), $resource['associated_data'] ?? '');
    return json_decode($plain ?: throw new RuntimeException('it does not open'), true, 64, JSON_THROW_ON_ERROR);
}

try {
    $body = file_get_contents('php://input');
    verify($body);
    $event = decrypt(json_decode($body, true)['resource'] ?? throw new RuntimeException('nothing is in it'));
    if ($event['mchid'] !== $shop['mch_id'] || $event['appid'] !== $shop['app_id']) {
        throw new RuntimeException('it is for somebody else');
    }
    // Compare the amount with your order's, credit it once, and only then say yes.
    if ($event['trade_state'] === 'SUCCESS') {
        error_log("WeChat Pay: order {$event['out_trade_no']} is paid, {$event['amount']['total']} fen");
    }
    http_response_code(204);
} catch (Throwable $problem) {
    error_log('WeChat Pay: refused, ' . $problem->getMessage());
    http_response_code(401);
}
