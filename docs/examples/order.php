#!/usr/bin/env php
<?php
// Checks, registers and renews domains through the HTTP gateway of eppmux. PHP 8 with its curl extension.
//
//   order.php check NAME...              says which names are free
//   order.php create NAME KEY            registers NAME for a year
//   order.php renew NAME EXPIRES KEY     renews NAME, which expires on the date EXPIRES, for a year
//
// KEY is the id of your order. Write it down before the first try, with NAME and EXPIRES: whatever happens to this
// program, it can then be run again with the same words, and the registry does it once.
//
// Exit codes: 0 it is done; 1 it was refused, and nothing was done; 2 nobody knows: a person must look at the registry
// before anything else is sent; 3 it was not sent: run it again later, with the same KEY.
declare(strict_types=1);

define('URL', getenv('EPPMUX_URL') ?: 'http://127.0.0.1:7080');
define('TOKEN', getenv('EPPMUX_TOKEN') ?: '');
define('REGISTRY', getenv('EPPMUX_REGISTRY') ?: 'sandbox');
const TRIES = 4;
const WAIT = 30; // seconds that the gateway waits for the registry; we wait longer, so that it can tell what happened

/** Sends a request. $take gets the parts of the answer as they come. Returns the status, 0 if the answer is not whole. */
function send(string $path, array $body, array $headers, callable $take): int
{
    $headers[] = 'Content-Type: application/json';
    if (TOKEN !== '') {
        $headers[] = 'Authorization: Bearer ' . TOKEN;
    }
    $c = curl_init(URL . $path);
    curl_setopt_array($c, [
        CURLOPT_POSTFIELDS => json_encode($body, JSON_THROW_ON_ERROR),
        CURLOPT_HTTPHEADER => $headers,
        CURLOPT_TIMEOUT => WAIT + 10,
        CURLOPT_WRITEFUNCTION => function ($c, string $part) use ($take): int {
            $take($part);
            return strlen($part);
        },
    ]);
    return curl_exec($c) ? curl_getinfo($c, CURLINFO_RESPONSE_CODE) : 0;
}

function check(array $names): int
{
    $left = array_flip(array_keys($names));
    $rest = '';
    $status = send('/v1/check', ['registry' => REGISTRY, 'names' => $names], ['Accept: application/x-ndjson'],
        function (string $part) use (&$left, &$rest): void {
            $lines = explode("\n", $rest . $part); // one for each name, as it comes, in any order
            $rest = array_pop($lines);
            foreach ($lines as $line) {
                $answer = json_decode($line, true);
                if (!isset($answer['index'])) {
                    fwrite(STDERR, ($answer['detail'] ?? $line) . "\n"); // a problem with the request itself
                    continue;
                }
                unset($left[$answer['index']]);
                $state = ($answer['available'] ?? false) ? 'free' : 'taken';
                echo $answer['name'], ' ', isset($answer['problem']) ? 'problem: ' . $answer['problem']['kind'] : $state, "\n";
            }
        });
    if ($status >= 400) {
        return 1;
    }
    return $left ? 3 : 0; // it broke off: a check may always be repeated
}

/** Sends a change, and returns what became of it in one word, with the answer. */
function once(string $path, array $body, string $key): array
{
    $text = '';
    $status = send($path, $body, ["Idempotency-Key: $key", 'Prefer: wait=' . WAIT],
        function (string $part) use (&$text): void {
            $text .= $part;
        });
    $answer = json_decode($text, true);
    if ($status === 0 || !is_array($answer)) {
        return ['unknown', []]; // no answer, or not from the gateway: it may have been carried out
    }
    $outcome = $answer['outcome'] ?? '';
    if ($outcome === 'answered' && isset($answer['code'])) {
        return [$answer['code'] < 2000 ? 'done' : 'failed', $answer];
    }
    if ($outcome === 'not_sent' || isset($answer['retryAfter'])) {
        return ['later', $answer];
    }
    return [$outcome === 'refused' ? 'refused' : 'unknown', $answer];
}

/**
 * Repeats a change until it is known what became of it. The repeats have the same key and the same body: by them the
 * gateway knows that they are one order. A new key would be a new order, and could be a second one.
 */
function change(string $path, array $body, string $key): int
{
    $name = $body['domain'];
    $unknown = false; // an earlier try may have been carried out
    for ($n = 0; $n < TRIES; $n++) {
        if ($n > 0) {
            sleep($answer['retryAfter'] ?? 2 ** ($n - 1)); // Retry-After, where there is one
        }
        [$word, $answer] = once($path, $body, $key);
        if ($word === 'done') {
            // Code 1001: the registry has taken it, and is still at it.
            echo "$name is done, until ", $answer['data']['exDate'] ?? 'the date that the registry tells later', "\n";
            return 0;
        }
        if ($word === 'failed' || $word === 'refused' && !$unknown) {
            fwrite(STDERR, "$name was refused: " . ($answer['detail'] ?? '') . "\n");
            return 1;
        }
        $unknown = $unknown || $word === 'unknown';
    }
    if ($unknown) {
        fwrite(STDERR, "$name is unknown: look at the registry. The order is $key\n");
        return 2;
    }
    fwrite(STDERR, "$name was not sent: " . ($answer['detail'] ?? '') . "\n");
    return 3;
}

$words = array_slice($argv, 2);
$command = ($argv[1] ?? '') . ' ' . (($argv[1] ?? '') === 'check' ? min(count($words), 1) : count($words));
exit(match ($command) {
    'check 1' => check($words),
    // Many registries want a password for the domain (authInfo). It is a part of the order, too.
    'create 2' => change('/api/epp/domain-create', ['host' => REGISTRY, 'domain' => $words[0], 'years' => 1,
        'password' => getenv('DOMAIN_PASSWORD') ?: ''], $words[1]),
    'renew 3' => change('/api/epp/domain-renew', ['host' => REGISTRY, 'domain' => $words[0], 'years' => 1,
        'curExpDate' => $words[1]], $words[2]),
    default => fwrite(STDERR, "usage: order.php check NAME... | create NAME KEY | renew NAME EXPIRES KEY\n") ? 1 : 1,
});
