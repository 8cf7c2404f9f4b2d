#!/usr/bin/env node
// Checks, registers and renews domains through the HTTP gateway of eppmux. Node 18 or later, no packages.
//
//   order.mjs check NAME...              says which names are free
//   order.mjs create NAME KEY            registers NAME for a year
//   order.mjs renew NAME EXPIRES KEY     renews NAME, which expires on the date EXPIRES, for a year
//
// KEY is the id of your order. Write it down before the first try, with NAME and EXPIRES: whatever happens to this
// program, it can then be run again with the same words, and the registry does it once.
//
// Exit codes: 0 it is done; 1 it was refused, and nothing was done; 2 nobody knows: a person must look at the registry
// before anything else is sent; 3 it was not sent: run it again later, with the same KEY.
import { setTimeout as sleep } from "node:timers/promises";

const {
  EPPMUX_URL: url = "http://127.0.0.1:7080", EPPMUX_TOKEN: token, EPPMUX_REGISTRY: registry = "sandbox",
  DOMAIN_PASSWORD: password = "",
} = process.env;
const tries = 4;
const wait = 30; // seconds that the gateway waits for the registry; we wait longer, so that it can tell what happened

function send(path, body, headers) {
  headers["Content-Type"] = "application/json";
  if (token) headers.Authorization = "Bearer " + token;
  return fetch(url + path, { method: "POST", headers, body: JSON.stringify(body),
    signal: AbortSignal.timeout((wait + 10) * 1000) });
}

async function check(names) {
  const left = new Set(names.keys());
  try {
    const response = await send("/v1/check", { registry, names }, { Accept: "application/x-ndjson" });
    if (!response.ok) {
      console.error((await response.json()).detail);
      return 1;
    }
    let rest = "";
    for await (const part of response.body.pipeThrough(new TextDecoderStream())) {
      const lines = (rest + part).split("\n"); // one for each name, as it comes, in any order
      rest = lines.pop();
      for (const { index, name, available, problem } of lines.map(line => JSON.parse(line))) {
        left.delete(index);
        console.log(name, problem ? "problem: " + problem.kind : available ? "free" : "taken");
      }
    }
  } catch (err) {
    console.error(err.message);
  }
  return left.size ? 3 : 0; // it broke off: a check may always be repeated
}

// once sends a change, and returns what became of it in one word, with the answer.
async function once(path, body, key) {
  let answer;
  try {
    const response = await send(path, body, { "Idempotency-Key": key, Prefer: "wait=" + wait });
    answer = await response.json();
  } catch {
    return ["unknown", {}]; // no answer, or not from the gateway: it may have been carried out
  }
  const { outcome, code, retryAfter } = answer;
  if (outcome === "answered" && code) return [code < 2000 ? "done" : "failed", answer];
  if (outcome === "not_sent" || retryAfter) return ["later", answer];
  return [outcome === "refused" ? "refused" : "unknown", answer];
}

// change repeats a change until it is known what became of it. The repeats have the same key and the same body: by
// them the gateway knows that they are one order. A new key would be a new order, and could be a second one.
async function change(path, body, key) {
  let unknown = false; // an earlier try may have been carried out
  for (let n = 0; ; n++) {
    const [word, answer] = await once(path, body, key);
    if (word === "done") {
      // Code 1001: the registry has taken it, and is still at it.
      console.log(body.domain, "is done, until", answer.data?.exDate ?? "the date that the registry tells later");
      return 0;
    }
    if (word === "failed" || word === "refused" && !unknown) {
      console.error(body.domain, "was refused:", answer.detail);
      return 1;
    }
    unknown ||= word === "unknown";
    if (n === tries - 1) {
      if (!unknown) {
        console.error(body.domain, "was not sent:", answer.detail);
        return 3;
      }
      console.error(body.domain, "is unknown: look at the registry. The order is", key);
      return 2;
    }
    await sleep((answer.retryAfter ?? 2 ** n) * 1000); // Retry-After, where there is one
  }
}

const [command, ...words] = process.argv.slice(2);
if (command === "check" && words.length > 0) {
  process.exitCode = await check(words);
} else if (command === "create" && words.length === 2) {
  const [domain, key] = words;
  // Many registries want a password for the domain (authInfo). It is a part of the order, too.
  process.exitCode = await change("/api/epp/domain-create", { host: registry, domain, years: 1, password }, key);
} else if (command === "renew" && words.length === 3) {
  const [domain, curExpDate, key] = words;
  process.exitCode = await change("/api/epp/domain-renew", { host: registry, domain, years: 1, curExpDate }, key);
} else {
  console.error("usage: order.mjs check NAME... | create NAME KEY | renew NAME EXPIRES KEY");
  process.exitCode = 1;
}
