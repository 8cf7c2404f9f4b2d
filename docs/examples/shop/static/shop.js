"use strict";
// The page of the shop. It talks to the shop's own server alone, and never has the token of the gateway.

const $ = id => document.getElementById(id);

// make returns an element; a child that is no element is text.
function make(name, className, ...children) {
  const e = document.createElement(name);
  e.className = className;
  e.append(...children.filter(Boolean));
  return e;
}

async function ask(path, body) {
  const response = await fetch(path, body && { method: "POST", headers: { "Content-Type": "application/json" },
    body: JSON.stringify(body) });
  const answer = await response.json();
  if (!response.ok) throw new Error(answer.detail);
  return answer;
}

function say(text, bad) {
  $("say").textContent = text;
  $("say").className = bad ? "bad" : "";
}

// guarded runs what a button does, and says what went wrong.
async function guarded(button, work) {
  button.disabled = true;
  try {
    await work();
  } catch (err) {
    say(err instanceof TypeError ? "The shop does not answer. Try again in a moment." : err.message, true);
  }
  button.disabled = false;
}

$("search").addEventListener("submit", event => {
  event.preventDefault();
  guarded(event.submitter ?? $("search").querySelector("button"), async () => {
    say("Asking the registry …");
    const found = await ask("search", { words: $("words").value });
    const free = found.filter(f => f.state === "free").length;
    say(free === 0 ? "None of them is free." : free === 1 ? "One of them is free." : free + " of them are free.");
    $("found").replaceChildren(...found.map(row));
  });
});

const states = { free: "free", taken: "taken", bad: "cannot be asked for" };

function row({ name, state, price }) {
  const item = make("li", "", make("span", "name", name), make("span", "tag " + state, states[state]));
  item.dataset.name = name;
  if (state === "free") item.append(orderButton("Register, " + price, "register", name));
  return item;
}

function orderButton(text, action, name) {
  const button = make("button", "", text);
  button.addEventListener("click", () => guarded(button, () => checkout(action, name)));
  return button;
}

let order; // the one in the dialog

// checkout makes the order before it is paid. From here on it has an id, and is carried out once, however often it is
// paid for.
async function checkout(action, name) {
  order = await ask("orders", { action, name });
  $("what").textContent = (action === "renew" ? "Renew " : "Register ") + name;
  $("about").textContent = "For one year, " + order.price + ".";
  $("pay").textContent = "Pay " + order.price;
  $("checkout").showModal();
}

$("cancel").addEventListener("click", () => $("checkout").close());
$("pay").addEventListener("click", () => guarded($("pay"), async () => {
  const { id } = order;
  for (let n = 0; ; n++) { // a payment whose answer is lost is sent again: the order has its id
    try {
      await ask("orders/" + id + "/pay", {});
      break;
    } catch (err) {
      if (!(err instanceof TypeError) || n === 4) throw err;
      await sleep(500 * 2 ** n);
    }
  }
  $("checkout").close();
  say("");
  await follow();
}));

const sleep = ms => new Promise(done => setTimeout(done, ms));

let following = false;

// follow shows the orders until none is under way.
async function follow() {
  if (following) return;
  following = true;
  try {
    while (await show()) await sleep(500);
  } finally {
    following = false;
  }
}

const words = {
  working: { register: "registering …", renew: "renewing …" },
  done: { register: "registered", renew: "renewed" },
  failed: { register: "not registered", renew: "not renewed" },
  unknown: { register: "being looked into", renew: "being looked into" },
};

// show shows the last order for each name, and reports whether one is under way.
async function show() {
  const last = new Map();
  for (const o of await ask("orders")) last.set(o.name, o);
  const all = [...last.values()].reverse();
  $("mine").hidden = all.length === 0;
  $("domains").replaceChildren(...all.map(o => {
    const item = make("li", "", make("span", "name", o.name), make("span", "tag " + o.state, words[o.state][o.action]));
    item.dataset.name = o.name;
    item.dataset.state = o.state;
    if (o.state === "done") item.append(orderButton("Renew", "renew", o.name), make("span", "more", "Yours until " + o.expires));
    if (o.state === "failed") item.append(make("span", "more", "The registry says: " + o.detail + ". You get your money back."));
    if (o.state === "unknown") item.append(make("span", "more", "Nobody knows yet whether it was carried out. We look, and tell you."));
    const found = [...$("found").children].find(f => f.dataset.name === o.name);
    if (found && o.state !== "failed") found.remove();
    return item;
  }));
  return all.some(o => o.state === "working");
}

follow().catch(() => say("The shop does not answer. Load the page again in a moment.", true));
