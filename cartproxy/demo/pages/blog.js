// A few lines of fetch, as an author of a page would write them without the widget.
"use strict";

const api = document.body.dataset.api;
const byId = (id) => document.getElementById(id);
let cart = null;

class Refusal extends Error {}

// The page draws the shopper's credential itself. Two tabs must draw one, hence the lock.
async function credential() {
  const draw = () => {
    let value = localStorage.getItem("cartproxy");
    if (!value) {
      const bytes = crypto.getRandomValues(new Uint8Array(32));
      const text = btoa(String.fromCharCode(...bytes));
      value = "cpt1_" + text.replaceAll("+", "-").replaceAll("/", "_").replace(/=+$/, "");
      localStorage.setItem("cartproxy", value);
    }
    return value;
  };
  return navigator.locks ? navigator.locks.request("cartproxy", draw) : draw();
}

// A write carries a key and is sent again with it while the answer is lost or says "retryable".
async function call(method, path, body) {
  const key = crypto.randomUUID?.() ?? String(Math.random());
  for (let attempt = 1; ; attempt += 1) {
    const [answer, retryAfter] = await once(method, path, body, key).catch((error) => {
      if (error instanceof Refusal) throw error;
      return [null, 1]; // no answer at all: the connection, perhaps a train
    });
    if (retryAfter === null) return answer;
    if (attempt === 4) throw new Error(answer?.detail ?? "The cart can't be reached just now.");
    await new Promise((done) => setTimeout(done, retryAfter * 1000 + Math.random() * 300));
  }
}

async function once(method, path, body, key) {
  const headers = { Authorization: `Bearer ${await credential()}` };
  if (method !== "GET") Object.assign(headers, { "Cartproxy-Client": "demo-blog/1.0", "Idempotency-Key": key });
  if (body) headers["Content-Type"] = "application/json";
  const response = await fetch(api + path, { method, headers, body: body && JSON.stringify(body) });
  const answer = response.status === 204 ? null : await response.json();
  if (response.ok) return [answer, null];
  if (answer.retryable) return [answer, answer.retry_after ?? 1];
  throw new Refusal(answer.detail || answer.title);
}

function money(amount) {
  return new Intl.NumberFormat(undefined, { style: "currency", currency: cart.currency }).format(amount);
}

function show(next) {
  cart = next;
  byId("count").textContent = cart.item_count;
  byId("subtotal").textContent = money(cart.subtotal);
  byId("lines").replaceChildren(...cart.items.map(line));
  const empty = cart.items.length === 0;
  byId("empty").hidden = !empty;
  byId("checkout").hidden = empty;
  document.querySelector(".subtotal").hidden = empty;
}

function line(item) {
  const row = document.createElement("li");
  const name = document.createElement("span");
  name.className = "name";
  name.textContent = [item.name, ...item.options.map((option) => option.value)].join(", ");
  const quantity = document.createElement("input");
  Object.assign(quantity, { type: "number", min: 0, max: 99, value: item.quantity });
  quantity.setAttribute("aria-label", `Quantity of ${item.name}`);
  quantity.addEventListener("change", () =>
    run(() => call("PATCH", `/cart/items/${item.item_id}`, { quantity: Number(quantity.value) })));
  const remove = document.createElement("button");
  remove.className = "plain";
  remove.textContent = "Remove";
  remove.addEventListener("click", () => run(() => call("DELETE", `/cart/items/${item.item_id}`)));
  row.append(name, quantity, ` × ${money(Number(item.unit_price) + Number(item.option_price))} `, remove);
  return row;
}

async function run(action, said = "") {
  byId("message").textContent = "";
  document.body.setAttribute("aria-busy", "true");
  try {
    show(await action());
    byId("message").textContent = said;
  } catch (error) {
    byId("message").textContent = error.message;
  } finally {
    document.body.removeAttribute("aria-busy");
  }
}

for (const form of document.querySelectorAll("form[data-add]")) {
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    const fields = new FormData(form);
    const options = [...fields].filter(([name, value]) => name.startsWith("option-") && value);
    const item = {
      catalog_id: Number(fields.get("catalog_id")),
      quantity: Number(fields.get("quantity")),
      options: options.map(([name, value]) => {
        const [id, ...text] = value.split(":");
        return { option_set_id: Number(name.slice(7)), option_id: Number(id), value: text.join(":") };
      }),
    };
    run(() => call("POST", "/cart/items", item), "Added.");
  });
}

byId("checkout").addEventListener("click", async () => {
  try {
    location.assign((await call("POST", "/checkout")).checkout_url);
  } catch (error) {
    byId("message").textContent = error.message;
  }
});

// Prices, pictures and options are the store's; without them the page still sells.
async function describe(id) {
  const product = await call("GET", `/products/${id}`);
  const find = (what) => document.querySelector(`[data-product-${what}="${id}"]`);
  const format = new Intl.NumberFormat(undefined, { style: "currency", currency: product.currency });
  find("name").textContent = product.name;
  find("price").textContent = format.format(product.price);
  if (product.image_url) find("image").src = product.image_url;
  const place = find("options");
  if (!place) return;
  place.replaceChildren(...product.option_sets.map((set) => {
    const label = document.createElement("label");
    const select = document.createElement("select");
    select.name = `option-${set.option_set_id}`;
    if (!set.required) select.add(new Option("–", ""));
    for (const each of set.options) {
      const extra = Number(each.price_difference);
      const text = extra ? `${each.name} (+${format.format(extra)})` : each.name;
      select.add(new Option(text, `${each.option_id}:${each.name}`, each.selected, each.selected));
    }
    label.append(`${set.name} `, select, " ");
    return label;
  }));
}

// Coming back from the store, perhaps out of the browser's page cache, shows the cart as it is now.
addEventListener("pageshow", () => run(() => call("GET", "/cart")));
for (const id of [3828, 3829]) describe(id).catch(() => {});
