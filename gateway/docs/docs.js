"use strict";
// Reads openapi.json and shows each call, with a form to try it. Everything is put into the page as text.

const $ = id => document.getElementById(id);

// make returns an element with properties and children; a child that is no element is text.
function make(name, props, ...children) {
  const e = Object.assign(document.createElement(name), props);
  e.append(...children.filter(c => c !== null && c !== undefined));
  return e;
}

let api;

// resolve follows a reference within the document.
function resolve(schema) {
  while (schema && schema.$ref) {
    schema = schema.$ref.replace(/^#\//, "").split("/").reduce((at, key) => at && at[key], api);
  }
  return schema || {};
}

function kind(schema) {
  const s = resolve(schema);
  if (s.oneOf) return s.oneOf.map(kind).join(" or ");
  const types = [].concat(s.type || "any").filter(t => t !== "null");
  if (types.includes("array")) return "array of " + kind(s.items);
  let text = types.join(" or ");
  if (s.enum) text += ": " + s.enum.join(", ");
  if (s.format && s.format !== "int64" && s.format !== "password") text += ", " + s.format;
  if (s.minimum !== undefined && s.maximum !== undefined) text += ", " + s.minimum + " to " + s.maximum;
  return text;
}

// members are the rows for the members of a schema, with those of its objects below.
function members(schema, depth, seen) {
  let s = resolve(schema);
  if (s.items) s = resolve(s.items);
  if (!s.properties || depth > 3 || seen.includes(s)) return [];
  const must = s.required || [];
  const rows = [];
  for (const [name, inner] of Object.entries(s.properties)) {
    if (name === "$schema") continue;
    const said = inner.description || resolve(inner).description || "";
    rows.push(make("tr", {}, make("td", { className: "depth" + depth }, name, " ",
      must.includes(name) ? make("span", { className: "must" }, "required") : null),
    make("td", {}, kind(inner)), make("td", {}, said)));
    rows.push(...members(inner, depth + 1, seen.concat(s)));
  }
  return rows;
}

function table(heads, rows) {
  if (rows.length === 0) return null;
  return make("div", { className: "scroll" }, make("table", {}, make("thead", {}, make("tr", {},
    ...heads.map(h => make("th", { scope: "col" }, h)))), make("tbody", {}, ...rows)));
}

const media = content => content ? Object.keys(content)[0] : "";

function authorization() {
  if ($("token").value) return "Bearer " + $("token").value;
  if (!$("user").value) return "";
  const octets = new TextEncoder().encode($("user").value + ":" + $("password").value);
  return "Basic " + btoa(Array.from(octets, o => String.fromCharCode(o)).join(""));
}

function pretty(text, type) {
  if (!/json/.test(type)) return text;
  return text.split("\n").filter(line => line).map(line => {
    try { return JSON.stringify(JSON.parse(line), null, 2); } catch { return line; }
  }).join("\n");
}

// tryIt is the form to try a call.
function tryIt(path, method, op) {
  const inputs = (op.parameters || []).map(p => {
    const input = make("input", { spellcheck: false, autocomplete: "off", required: !!p.required });
    return { p, input, label: make("label", {}, p.name, input) };
  });
  const type = media(op.requestBody && op.requestBody.content);
  let body = null;
  if (type) {
    const text = /json/.test(type) ? JSON.stringify(op.requestBody.content[type].example ?? {}, null, 2) :
      '<?xml version="1.0" encoding="UTF-8"?>\n<epp xmlns="urn:ietf:params:xml:ns:epp-1.0"><command><check>\n' +
      '<domain:check xmlns:domain="urn:ietf:params:xml:ns:domain-1.0"><domain:name>kiosk.example</domain:name></domain:check>\n' +
      "</check></command></epp>";
    body = make("textarea", { value: text, spellcheck: false });
    body.setAttribute("aria-label", "Body");
  }
  const out = make("div", {});
  out.setAttribute("aria-live", "polite");
  const send = make("button", { type: "submit" }, "Send");
  const form = make("form", {}, inputs.length ? make("div", { className: "fields" }, ...inputs.map(i => i.label)) : null, body,
    make("p", {}, send), out);
  form.addEventListener("submit", async event => {
    event.preventDefault();
    send.disabled = true;
    out.replaceChildren(make("p", { className: "note" }, "Waiting …"));
    try {
      out.replaceChildren(...await call(path, method, inputs, type, body));
    } catch (err) {
      out.replaceChildren(make("p", { className: "status bad" }, String(err.message || err)));
    }
    send.disabled = false;
  });
  const transform = (op.parameters || []).some(p => p.name === "Idempotency-Key");
  return make("details", { className: "try" }, make("summary", {}, "Try it"),
    transform ? make("p", { className: "warn" }, "This is carried out at the registry.") : null, form);
}

async function call(path, method, inputs, type, body) {
  const headers = {}, query = new URLSearchParams();
  let url = path;
  for (const { p, input } of inputs) {
    const value = input.value.trim();
    if (p.in === "path") url = url.replace("{" + p.name + "}", encodeURIComponent(value));
    else if (value && p.in === "query") query.set(p.name, value);
    else if (value) headers[p.name] = value;
  }
  if (type) headers["Content-Type"] = type;
  const auth = authorization();
  if (auth) headers.Authorization = auth;
  if (query.size) url += "?" + query;
  const begin = performance.now();
  const res = await fetch(url, { method: method.toUpperCase(), headers, body: body ? body.value : undefined,
    credentials: "omit", cache: "no-store" });
  const text = await res.text();
  const took = Math.round(performance.now() - begin);
  const shown = [];
  for (const name of ["x-request-id", "retry-after", "epp-outcome", "epp-code", "epp-muxtrid", "preference-applied"]) {
    if (res.headers.get(name)) shown.push(name + ": " + res.headers.get(name));
  }
  return [make("p", { className: "status " + (res.ok ? "good" : "bad") }, res.status + " " + res.statusText + ", " + took + " ms"),
    shown.length ? make("pre", {}, shown.join("\n")) : null,
    make("pre", { tabIndex: 0 }, pretty(text, res.headers.get("content-type") || ""))].filter(e => e);
}

function section(path, method, op) {
  const id = op.operationId;
  const parts = [make("h2", {}, op.summary || id),
    make("p", { className: "path" }, make("span", { className: "method " + method }, method.toUpperCase()), path)];
  if (op.description) parts.push(make("p", {}, op.description));
  const params = (op.parameters || []).map(p => make("tr", {}, make("td", {}, p.name, " ",
    p.required ? make("span", { className: "must" }, "required") : null), make("td", {}, p.in), make("td", {}, p.description || "")));
  if (params.length) parts.push(make("h3", {}, "Parameters"), table(["Name", "In", "Meaning"], params));
  const takes = op.requestBody && op.requestBody.content;
  if (takes) {
    parts.push(make("h3", {}, "Body"), make("p", { className: "note" }, Object.keys(takes).join(", ")),
      table(["Member", "Type", "Meaning"], members(takes[media(takes)].schema, 0, [])));
  }
  const gives = op.responses["200"] && op.responses["200"].content;
  if (gives) {
    parts.push(make("details", {}, make("summary", {}, "Answer"), make("p", { className: "note" }, Object.keys(gives).join(", ")),
      table(["Member", "Type", "Meaning"], members(gives[media(gives)].schema, 0, []))));
  }
  parts.push(tryIt(path, method, op));
  return make("section", { id }, ...parts.filter(p => p));
}

function show() {
  $("version").textContent = api.info.version;
  $("about").textContent = api.info.description;
  const all = [];
  for (const [path, item] of Object.entries(api.paths)) {
    for (const [method, op] of Object.entries(item)) all.push({ path, method, op });
  }
  for (const tag of api.tags || []) {
    const mine = all.filter(c => (c.op.tags || []).includes(tag.name));
    if (!mine.length) continue;
    $("list").append(make("li", { className: "tag" }, tag.description));
    for (const { path, method, op } of mine) {
      const item = make("li", {}, make("a", { href: "#" + op.operationId }, op.operationId));
      item.dataset.words = (path + " " + op.operationId + " " + (op.summary || "")).toLowerCase();
      $("list").append(item);
      $("calls").append(section(path, method, op));
    }
  }
  $("wait").remove();
  if (location.hash) {
    const at = document.getElementById(location.hash.slice(1));
    if (at) at.scrollIntoView();
  }
}

$("find").addEventListener("input", () => {
  const word = $("find").value.trim().toLowerCase();
  for (const item of $("list").children) {
    if (!item.dataset.words) continue;
    item.hidden = !item.dataset.words.includes(word);
    const id = item.firstChild.hash.slice(1);
    document.getElementById(id).hidden = item.hidden;
  }
});

for (const id of ["user", "password", "token"]) {
  $(id).addEventListener("input", () => {
    $("signed").textContent = $("token").value ? "token" : $("user").value || "none";
  });
}

fetch("/openapi.json", { credentials: "omit" }).then(r => {
  if (!r.ok) throw new Error(r.status + " " + r.statusText);
  return r.json();
}).then(doc => { api = doc; show(); }).catch(err => {
  $("wait").textContent = "openapi.json cannot be read: " + err.message;
});
