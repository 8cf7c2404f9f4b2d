#!/usr/bin/env python3
"""Checks, registers and renews domains through the HTTP gateway of eppmux.

    order.py check NAME...              says which names are free
    order.py create NAME KEY            registers NAME for a year
    order.py renew NAME EXPIRES KEY     renews NAME, which expires on the date EXPIRES, for a year

KEY is the id of your order. Write it down before the first try, with NAME and EXPIRES: whatever happens to this
program, it can then be run again with the same words, and the registry does it once.

Exit codes: 0 it is done; 1 it was refused, and nothing was done; 2 nobody knows: a person must look at the registry
before anything else is sent; 3 it was not sent: run it again later, with the same KEY.
"""
import http.client
import json
import os
import sys
import time
import urllib.error
import urllib.request

URL = os.environ.get("EPPMUX_URL", "http://127.0.0.1:7080")
TOKEN = os.environ.get("EPPMUX_TOKEN")
REGISTRY = os.environ.get("EPPMUX_REGISTRY", "sandbox")
TRIES = 4
WAIT = 30  # seconds that the gateway waits for the registry; we wait longer, so that it can tell what happened


def send(path, body, headers):
    headers = {"Content-Type": "application/json", **headers}
    if TOKEN:
        headers["Authorization"] = "Bearer " + TOKEN
    request = urllib.request.Request(URL + path, json.dumps(body).encode(), headers)
    return urllib.request.urlopen(request, timeout=WAIT + 10)


def check(names):
    body = {"registry": REGISTRY, "names": names}
    left = set(range(len(names)))
    try:
        with send("/v1/check", body, {"Accept": "application/x-ndjson"}) as lines:
            for line in lines:  # one for each name, as it comes, in any order
                answer = json.loads(line)
                left.discard(answer["index"])
                if "problem" in answer:
                    print(answer["name"], "problem:", answer["problem"]["kind"])
                else:
                    print(answer["name"], "free" if answer["available"] else "taken")
    except urllib.error.HTTPError as problem:
        print(json.load(problem)["detail"], file=sys.stderr)
        return 1
    except (OSError, ValueError, http.client.HTTPException) as err:
        print(err, file=sys.stderr)
    return 3 if left else 0  # it broke off: a check may always be repeated


def once(path, body, key):
    """Sends a change, and returns what became of it in one word, with the answer."""
    try:
        with send(path, body, {"Idempotency-Key": key, "Prefer": f"wait={WAIT}"}) as response:
            answer = json.load(response)
    except urllib.error.HTTPError as problem:
        try:
            answer = json.load(problem)
        except (OSError, ValueError, http.client.HTTPException):
            return "unknown", {}  # it is not from the gateway
    except (OSError, ValueError, http.client.HTTPException):
        return "unknown", {}  # no answer: it may have been carried out
    outcome, code = answer.get("outcome"), answer.get("code")
    if outcome == "answered" and code:
        return ("done" if code < 2000 else "failed"), answer
    if outcome == "not_sent" or "retryAfter" in answer:
        return "later", answer
    return ("refused" if outcome == "refused" else "unknown"), answer


def change(path, body, key):
    """Repeats a change until it is known what became of it. The repeats have the same key and the same body: by
    them the gateway knows that they are one order. A new key would be a new order, and could be a second one."""
    unknown = False  # an earlier try may have been carried out
    for n in range(TRIES):
        word, answer = once(path, body, key)
        if word == "done":
            until = answer.get("data", {}).get("exDate", "the date that the registry tells later")
            print(body["domain"], "is done, until", until)  # code 1001: the registry has taken it, and is still at it
            return 0
        if word == "failed" or word == "refused" and not unknown:
            print(body["domain"], "was refused:", answer.get("detail"), file=sys.stderr)
            return 1
        unknown = unknown or word == "unknown"
        if n < TRIES - 1:
            time.sleep(answer.get("retryAfter", 2**n))  # Retry-After, where there is one
    if unknown:
        print(body["domain"], "is unknown: look at the registry. The order is", key, file=sys.stderr)
        return 2
    print(body["domain"], "was not sent:", answer.get("detail"), file=sys.stderr)
    return 3


match sys.argv[1:]:
    case ["check", *names] if names:
        sys.exit(check(names))
    case ["create", name, key]:
        # Many registries want a password for the domain (authInfo). It is a part of the order, too.
        password = os.environ.get("DOMAIN_PASSWORD", "")
        sys.exit(change("/api/epp/domain-create",
                        {"host": REGISTRY, "domain": name, "years": 1, "password": password}, key))
    case ["renew", name, expires, key]:
        sys.exit(change("/api/epp/domain-renew",
                        {"host": REGISTRY, "domain": name, "years": 1, "curExpDate": expires}, key))
    case _:
        sys.exit(__doc__)
