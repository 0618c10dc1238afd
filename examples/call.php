<?php
// Both ways in, with PHP's curl. The environment has SECUREPROXY_URL and APP_KEY.

/** Returns the body of the marketplace's answer, whatever its status is; curl follows no redirect. */
function call(string $path, array $body): string
{
    $headers = [];
    $curl = curl_init(getenv('SECUREPROXY_URL') . $path);
    curl_setopt_array($curl, [
        CURLOPT_POSTFIELDS => json_encode($body),
        CURLOPT_HTTPHEADER => ['Authorization: Bearer ' . getenv('APP_KEY'), 'Content-Type: application/json'],
        CURLOPT_RETURNTRANSFER => true,
        CURLOPT_TIMEOUT => 60,
        CURLOPT_HEADERFUNCTION => function ($curl, string $line) use (&$headers): int {
            [$name, $value] = explode(':', $line, 2) + [1 => ''];
            $headers[strtolower($name)] = trim($value);
            return strlen($line);
        },
    ]);
    $answer = curl_exec($curl);
    if ($answer === false) {
        throw new RuntimeException('SecureProxy does not answer: ' . curl_error($curl));
    }
    // Only Proxy-Status tells an answer of the proxy itself, a problem document, from the marketplace's.
    if (preg_match('/secureproxy; error=[a-z_]+$/', $headers['proxy-status'] ?? '')) {
        ['code' => $code, 'requestId' => $id] = $problem = json_decode($answer, true);
        $reason = $problem['reason'] ?? '';
        $wait = $headers['retry-after'] ?? 'unknown';
        throw new RuntimeException("SecureProxy: $code ($reason), request $id, wait $wait s");
    }
    return $answer;
}

echo call('/request_api', [
    'ClientId' => 'shop-1',
    'TokenType' => 'ozon-seller',
    'ApiUri' => '/v3/product/list',
    'Body' => ['limit' => 100],
]), "\n";
echo call('/forward/shop-1/ozon-seller/v3/product/list', ['limit' => 100]), "\n";
