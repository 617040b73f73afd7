/*! cartproxy widget 1.0.0 · MIT */
(() => {
"use strict";
const script = document.currentScript;
if (window.cartproxy) {
window.cartproxy.loadedTwice = true;
return;
}
const VERSION = "1.0.0";
const PARTS = {
"drawer.js": "sha384-D4zfR9QVDGRsfniYalDKNcvnaRlLD/2gMDEXZ+UW5uaOaYqvbAP+oWubLlbbi5Sq",
"doctor.js": "sha384-1MbMrhOJlfKYJlH8l4/wpVj9uni7FnFRQ8RpN80r5s3TBSz3FIfBhXtJKgWWK9y9",
};
const setting = script.dataset;
const base = new URL(`../../v1/stores/${setting.store}`, script.src).href;
const TEXTS = {
en: "Add to cart|Adding…|Added to the cart|View cart|Cart|Please choose: |The store did not accept this. |The cart can't be reached. Buy it at the store instead.|The store is busy. Please try again in a moment.|You are offline. It goes on when you are back.|The price is now |Not available just now.",
de: "In den Warenkorb|Wird hinzugefügt …|Liegt im Warenkorb|Warenkorb ansehen|Warenkorb|Bitte wählen: |Der Shop nimmt das nicht an. |Der Warenkorb ist nicht erreichbar. Kaufen Sie bitte direkt im Shop.|Der Shop ist ausgelastet. Bitte gleich noch einmal versuchen.|Sie sind offline. Mit der Verbindung geht es weiter.|Der Preis ist jetzt |Zurzeit nicht lieferbar.",
fr: "Ajouter au panier|Ajout en cours…|Ajouté au panier|Voir le panier|Panier|À choisir : |La boutique n'a pas accepté. |Le panier est injoignable. Achetez directement à la boutique.|La boutique est occupée. Réessayez bientôt.|Vous êtes hors ligne. La suite dès votre retour.|Le prix est maintenant |Indisponible pour le moment.",
es: "Añadir al carrito|Añadiendo…|Añadido al carrito|Ver el carrito|Carrito|Elija: |La tienda no lo ha aceptado. |No se puede acceder al carrito. Compre directamente en la tienda.|La tienda está muy ocupada. Inténtelo en un momento.|Está sin conexión. Seguirá cuando vuelva.|El precio es ahora |No disponible por ahora.",
};
const KEYS = "add adding added view count choose refused away busy offline price sold".split(" ");
const language = () => setting.lang || document.documentElement.lang || navigator.language;
function text(key, element, texts = TEXTS, keys = KEYS) {
const attribute = "text-" + key;
const table = texts[language().slice(0, 2).toLowerCase()] || texts.en;
return element?.getAttribute(attribute) ?? script.getAttribute("data-" + attribute) ?? table.split("|")[keys.indexOf(key)];
}
function money(amount, currency) {
try {
return new Intl.NumberFormat(language(), { style: "currency", currency }).format(amount);
} catch {
return `${amount} ${currency}`;
}
}
const name = (key) => `cartproxy:${setting.store}:${key}`;
const memory = {};
let keeps = true;
const tryStorage = (work) => {
try {
return work();
} catch {
keeps = false;
}
};
const read = (key) => tryStorage(() => localStorage.getItem(name(key))) ?? memory[key];
const keep = (key, value) => {
memory[key] = value;
tryStorage(() => localStorage.setItem(name(key), value));
};
const parsed = (key, fallback) => {
try {
return JSON.parse(read(key)) ?? fallback;
} catch {
return fallback;
}
};
const random = (bytes) =>
btoa(String.fromCharCode(...crypto.getRandomValues(new Uint8Array(bytes))))
.replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
const locked = async (what, work) =>
navigator.locks ? navigator.locks.request(name(what), work) : work();
const known = () => read("credential");
const credential = () =>
known() ??
locked("drawing", () => {
if (!known()) keep("credential", "cpt1_" + random(32));
return known();
});
const TRIES = 4;
const ANSWER_MS = 15000;
const AWAY_MS = 30000;
let awayUntil = 0;
const sleep = (ms) => new Promise((done) => setTimeout(done, ms));
const online = () => new Promise((done) => addEventListener("online", done, { once: true }));
const problem = (fields) => Object.assign(new Error(fields.detail || fields.title || fields.code), fields);
async function once(method, path, body, key) {
const headers = {};
if (!path.startsWith("/products")) headers.Authorization = "Bearer " + (await credential());
if (key) Object.assign(headers, { "Cartproxy-Client": "widget/" + VERSION, "Content-Type": "application/json", "Idempotency-Key": key });
const abort = new AbortController();
const timer = setTimeout(() => abort.abort(), ANSWER_MS);
try {
const response = await fetch(base + path, { method, headers, body, signal: abort.signal, credentials: "omit" });
const answer = await response.json();
if (response.ok) return answer;
throw problem(answer);
} catch (error) {
throw error.status ? error : problem({ code: navigator.onLine ? "unreachable" : "offline", retryable: true });
} finally {
clearTimeout(timer);
}
}
async function call(method, path, body, key) {
for (let attempt = 1; ; attempt++) {
try {
const answer = await once(method, path, body, key);
awayUntil = 0;
return answer;
} catch (error) {
if (error.code === "offline" && key) {
say("offline");
await online();
say("");
attempt = 0;
} else if (!error.retryable || attempt === TRIES || error.retry_after > 15) {
if (!error.status || error.status > 501) awayUntil = Date.now() + AWAY_MS;
throw error;
} else {
await sleep((error.retry_after || 2 ** attempt / 5) * 1000 * (1 + Math.random() / 3));
}
}
}
}
const NOTHING = { items: [], item_count: 0, subtotal: "0.00", currency: "USD" };
const FRESH_MS = 30000;
let { cart = NOTHING, at = 0, left = false } = parsed("cart", {});
let note = "";
let writes = 0;
let last = Promise.resolve();
let flushing = null;
let sending = new Map();
const wanted = new Map();
const adding = new Map();
const lost = new Map();
const views = new Set();
function view() {
const pending = adding.size + wanted.size + sending.size > 0;
if (!pending) return { ...cart, note, pending };
const items = cart.items
.map((item) => {
const quantity = wanted.get(item.item_id) ?? sending.get(item.item_id) ?? item.quantity;
return quantity === item.quantity ? item : { ...item, quantity, line_total: (+item.unit_price + +item.option_price) * quantity };
})
.concat(...adding.values())
.filter((item) => item.quantity > 0);
const sum = (field) => items.reduce((total, item) => total + (+item[field] || 0), 0);
return { ...cart, items, item_count: sum("quantity"), subtotal: sum("line_total"), note, pending };
}
function guarded(work) {
try {
return work();
} catch (error) {
console.error("cartproxy:", error);
}
}
const render = () => views.forEach((draw) => guarded(() => draw(view())));
const say = (key) => {
note = key;
render();
};
const save = () => keep("cart", JSON.stringify({ cart, at, left }));
const older = (next) => {
const ms = Date.parse(cart.as_of) - Date.parse(next.as_of);
return ms > 0 && ms < 60000;
};
function accept({ checkout_url: _secret, results: _results, restored, ...next }) {
if (restored) note = "restored";
if (!older(next)) {
cart = next;
at = Date.now();
if (!cart.items.length) left = false;
save();
}
render();
return cart;
}
async function refresh(force) {
if (!known() || (!force && Date.now() - at < FRESH_MS)) return view();
const before = { writes, full: cart.items.length > 0, left };
const answer = await call("GET", "/cart");
if (before.writes === writes && !adding.size && !sending.size) {
if (before.full && !before.left && !answer.items.length) note = "expired";
accept(answer);
}
return view();
}
function write(method, path, body, key = random(16)) {
const result = last.then(() => call(method, path, body, key)).then(accept).finally(() => writes++);
last = result.catch(() => {});
return result;
}
const HOUR_MS = 3600000;
const outbox = () => parsed("outbox", []);
const drop = (key) => keep("outbox", JSON.stringify(outbox().filter((each) => each.key !== key)));
const deliver = (entry) => {
keep("outbox", JSON.stringify([...outbox(), entry]));
return locked(entry.key, () => write("POST", "/cart/items", entry.body, entry.key).finally(() => drop(entry.key)));
};
function adopt() {
for (const { key, body, at } of navigator.locks ? outbox() : []) {
navigator.locks.request(name(key), { ifAvailable: true }, async (lock) => {
if (!lock || !outbox().some((each) => each.key === key)) return;
if (Date.now() - at < HOUR_MS) await write("POST", "/cart/items", body, key).catch(() => {});
drop(key);
});
}
}
const tell = (event, detail) => document.dispatchEvent(new CustomEvent("cartproxy:" + event, { detail }));
function tellLines(event, lines, currency) {
const items = lines.map((line) => ({
item_id: String(line.catalog_id),
item_name: line.name,
item_variant: line.options.map((each) => each.value).join(", ") || undefined,
price: +line.unit_price + +line.option_price || 0,
quantity: line.quantity,
}));
tell(event, { currency, value: items.reduce((sum, each) => sum + each.price * each.quantity, 0), items });
}
function failed(error) {
const { code, message, retryable = false, outcome } = error;
tell("error", { code, message, retryable, outcome });
throw error;
}
const products = new Map();
const loading = {};
let trusted;
const api = {
version: VERSION,
base,
get cart() {
return view();
},
get away() {
return Date.now() < awayUntil;
},
get keeps() {
return keeps;
},
refresh: (force = true) => refresh(force).catch(failed),
subscribe(draw) {
views.add(draw);
guarded(() => draw(view()));
return () => views.delete(draw);
},
async add({ catalogId, quantity = 1, options = [] }) {
const body = JSON.stringify({ catalog_id: +catalogId, quantity, options });
const key = lost.get(body) ?? random(16);
const product = products.get(+catalogId)?.value;
const choices = product?.option_sets.flatMap((set) => set.options) ?? [];
const extra = options.reduce((sum, { option_id: id }) => sum + (+choices.find((each) => each.option_id === id)?.price_difference || 0), 0);
const price = product ? +product.price : NaN;
const line = {
item_id: "", catalog_id: +catalogId, name: product?.name ?? "…", options, quantity,
unit_price: price, option_price: extra, line_total: (price + extra) * quantity, image_url: product?.image_url,
};
lost.delete(body);
if (cart === NOTHING && product) cart = { ...NOTHING, currency: product.currency };
adding.set(key, line);
render();
try {
const next = await deliver({ key, body, at: Date.now() });
const real = next.items.find((each) => each.catalog_id === line.catalog_id);
tellLines("add", [{ ...line, unit_price: line.unit_price || real?.unit_price, name: real?.name ?? line.name }], next.currency);
return next;
} catch (error) {
if (error.outcome !== "not_applied") lost.set(body, key);
return failed(error);
} finally {
adding.delete(key);
render();
}
},
async change(itemId, quantity) {
const line = cart.items.find((each) => each.item_id === itemId);
wanted.set(itemId, quantity);
render();
flushing ??= sleep(250).then(() => last).then(() => {
const batch = (sending = new Map(wanted));
flushing = null;
wanted.clear();
const items = [...batch].map(([item_id, quantity]) => ({ item_id, quantity }));
return write("PATCH", "/cart/items", JSON.stringify({ items })).finally(() => {
if (sending === batch) sending = new Map();
render();
});
});
try {
const next = await flushing;
if (line && !quantity) tellLines("remove", [line], next.currency);
return next;
} catch (error) {
refresh(true).catch(() => {});
return failed(error);
}
},
remove: (itemId) => api.change(itemId, 0),
async checkout() {
await flushing?.catch(() => {});
await last;
const { checkout_url: url } = await call("POST", "/checkout", "{}", random(16)).catch(failed);
left = true;
save();
tellLines("checkout", cart.items, cart.currency);
location.assign(url + campaign(url));
},
product(id) {
if (!products.has(+id)) {
const asked = call("GET", "/products/" + +id);
products.set(+id, asked);
asked.then((value) => (asked.value = value), () => products.delete(+id));
}
return products.get(+id);
},
async open() {
await load("drawer.js").catch(failed);
(document.querySelector("cart-drawer") ?? document.body.appendChild(document.createElement("cart-drawer"))).open();
},
doctor: () => load("doctor.js").then(() => api.examine()),
};
function load(part) {
loading[part] ??= new Promise((onload, onerror) => {
const url = new URL(`../${VERSION}/${part}`, script.src).href;
trusted ??= window.trustedTypes?.createPolicy("cartproxy", { createScriptURL: (own) => own }) ?? { createScriptURL: (own) => own };
const tag = Object.assign(document.createElement("script"), { src: trusted.createScriptURL(url), integrity: PARTS[part], crossOrigin: "anonymous", onload });
tag.onerror = () => {
delete loading[part];
onerror(problem({ code: "unreachable", detail: part + " can't be loaded", retryable: true }));
};
document.head.append(tag);
});
return loading[part];
}
function campaign(url) {
if (!("campaign" in setting)) return "";
const came = tryStorage(() => sessionStorage.getItem(name("campaign"))) ?? location.search;
const kept = [...new URLSearchParams(came)].filter(([key]) => /^(utm_\w+|_gl|gclid)$/.test(key));
return kept.length ? (url.includes("?") ? "&" : "?") + new URLSearchParams(kept) : "";
}
const STYLE = `
:host{--accent:var(--cart-accent,#0b57d0);--on-accent:var(--cart-on-accent,#fff);--line:var(--cart-line,#888);font:var(--cart-font,inherit)}
[hidden],.options:empty{display:none!important}
button,input,select{font:inherit;color:inherit;min-height:2.75em;border:1px solid var(--line);border-radius:var(--cart-radius,.4em);background:none;padding:0 .8em;box-sizing:border-box}
button{cursor:pointer}
:focus-visible{outline:3px solid var(--accent);outline-offset:2px}
.main{background:var(--accent);color:var(--on-accent);border-color:transparent}
[role=status]{margin:0}[role=status]:not(:empty){margin:.4em 0}
.options{display:flex;flex-wrap:wrap;gap:.6em;margin-block-end:.6em}
label{display:inline-flex;gap:.4em;align-items:center}
.count{display:inline-block;min-width:1.6em;padding:0 .4em;border-radius:1em;background:var(--accent);color:var(--on-accent);text-align:center;line-height:1.6}`;
function styled(element, more = "") {
const root = element.attachShadow({ mode: "open" });
try {
const sheet = new CSSStyleSheet();
sheet.replaceSync(STYLE + more);
root.adoptedStyleSheets = [sheet];
} catch {
root.append(make("style", { textContent: STYLE + more }));
}
return root;
}
function make(tag, fields = {}, ...children) {
const element = document.createElement(tag);
for (const [key, value] of Object.entries(fields)) {
if (/-|^(part|role|class)$/.test(key)) element.setAttribute(key, value);
else element[key] = value;
}
element.append(...children);
return element;
}
const put = (element, value) => {
if (element.textContent !== value) element.textContent = value;
};
const button = (part, textContent, onclick, more) => make("button", { part, type: "button", textContent, onclick, ...more });
function reason(error, element) {
if (error.code === "offline") return text("offline", element);
if (!error.status || /^st\w+-una/.test(error.code)) return text("away", element);
return error.status >= 500 ? text("busy", element) : text("refused", element) + error.message;
}
class CartButton extends HTMLElement {
#status = make("p", { part: "status", role: "status" });
#view = button("view", text("view", this), () => api.open().catch((error) => this.#say(reason(error, this))), { hidden: true });
#options = make("div", { part: "options", class: "options" });
#chosen = [];
#product = null;
#pressed = -1e9;
connectedCallback() {
if (this.shadowRoot) return;
const own = button("button", text("add", this), null, { class: "main" });
styled(this).append(this.#options, make("slot", {}, own), this.#status, this.#view);
this.addEventListener("click", this);
this.addEventListener("submit", this);
new IntersectionObserver((seen, observer) => {
if (!seen.some((each) => each.isIntersecting)) return;
observer.disconnect();
this.#describe();
}, { rootMargin: "300px" }).observe(this.firstElementChild ?? own);
}
get #form() {
return this.querySelector("form");
}
get #catalogId() {
return +(this.getAttribute("catalog-id") ?? this.#form?.elements.catalog_id?.value);
}
async #describe() {
try {
this.#product = await api.product(this.#catalogId);
if (!this.#chosen.length) this.#chosen = this.#product.option_sets.map((set) => this.#choice(set));
if (!this.#product.available) this.#say(text("sold", this));
else this.#priceDiffers();
} catch (error) {
if (error.code === "product-not-found") this.#say(text("sold", this));
}
}
#priceDiffers() {
const { price, currency } = this.#product ?? {};
const differs = this.hasAttribute("shown-price") && price && +this.getAttribute("shown-price") !== +price;
if (differs) this.#say(text("price", this) + money(price, currency));
return differs;
}
#choice(set) {
const chosen = (id, value) => (id ? { option_set_id: set.option_set_id, option_id: +id, value } : null);
const named = (id) => set.options.find((each) => each.option_id === +id)?.name ?? "";
const fixed = this.getAttribute("option-" + set.option_set_id);
if (fixed || this.#form?.elements["option-" + set.option_set_id]) return { set, read: () => chosen(fixed, named(fixed)) };
const typed = !set.options.length;
const input = make(typed ? "input" : "select", { part: "option" });
if (!typed && !(set.required && set.options.some((each) => each.selected))) input.add(new Option("–", ""));
for (const { name, option_id: id, price_difference: more, selected } of set.options) {
const price = +more ? ` (${+more > 0 ? "+" : ""}${money(more, this.#product.currency)})` : "";
input.add(new Option(name + price, id, selected, selected));
}
this.#options.append(make("label", {}, set.name, input));
return { set, input, read: () => (typed ? chosen(input.value && set.option_set_id, input.value) : chosen(input.value, named(input.value))) };
}
#say(message, added = false) {
put(this.#status, message);
this.#view.hidden = !added;
}
handleEvent(event) {
if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.shiftKey) return;
const target = event.composedPath().find((each) => each.matches?.("a[href],button,form"));
if (!target || target === this.#view || (event.type === "click" && target.closest("form"))) return;
if (api.away || this.#product?.available === false) {
const url = this.getAttribute("product-url") ?? this.#product?.product_url;
if (target.matches("a")) return;
if (url) {
event.preventDefault();
location.assign(url);
return;
}
}
event.preventDefault();
if (event.timeStamp - this.#pressed < 600) return;
this.#pressed = event.timeStamp;
this.#add();
}
async #add() {
this.dataset.state = "adding";
const end = api.subscribe((cart) => this.#say(text(cart.note === "offline" ? "offline" : "adding", this)));
try {
if (!this.#product) await Promise.race([this.#describe(), sleep(1500)]);
const missing = this.#chosen.find((each) => each.input && each.set.required && !each.read());
if (missing) {
missing.input.focus();
throw problem({ code: "option-missing", detail: missing.set.name });
}
if (this.#priceDiffers() && (this.getAttribute("price-check") ?? setting.priceCheck) === "block") {
throw problem({ code: "price-changed", title: this.#status.textContent });
}
const fields = this.#form ? new FormData(this.#form) : new Map();
const ofForm = [...fields].filter(([key, value]) => /^option-\d+$/.test(key) && value).map(([key, value]) => {
const [id, ...rest] = value.split(":");
return { option_set_id: +key.slice(7), option_id: +id, value: rest.join(":") };
});
await api.add({
catalogId: this.#catalogId,
quantity: +(fields.get("quantity") ?? this.getAttribute("quantity") ?? 1),
options: [...this.#chosen.map((each) => each.read()).filter(Boolean), ...ofForm],
});
this.dataset.state = "added";
this.#say(text("added", this), true);
} catch (error) {
this.dataset.state = "failed";
if (error.code === "option-missing") this.#say(text("choose", this) + error.message);
else if (error.code === "price-changed") tell("error", { code: error.code, message: error.message });
else this.#say(reason(error, this));
} finally {
end();
}
}
}
class CartCount extends HTMLElement {
#end;
connectedCallback() {
const count = make("span", { part: "count", class: "count" });
const opener = button("button", "", () => api.open().catch(() => {}));
opener.append(make("slot", {}, text("count", this)), " ", count);
(this.shadowRoot ?? styled(this)).replaceChildren(opener);
this.#end = api.subscribe((cart) => put(count, String(cart.item_count)));
}
disconnectedCallback() {
this.#end();
}
}
api.kit = { script, setting, text, money, make, put, styled, guarded, button, reason, refresh };
window.cartproxy = api;
for (const [tag, element] of [["cart-button", CartButton], ["cart-count", CartCount]]) {
if (!customElements.get(tag)) customElements.define(tag, element);
}
const quietly = (force) => refresh(force).catch(() => {});
addEventListener("storage", (event) => {
const other = event.key === name("cart") && parsed("cart", {});
if (!other?.cart || older(other.cart)) return;
({ cart, at, left } = other);
render();
});
addEventListener("pageshow", (event) => event.persisted && quietly(true));
document.addEventListener("visibilitychange", () => document.hidden || quietly(left));
if ("campaign" in setting && /[?&](utm_|_gl|gclid)/.test(location.search)) {
tryStorage(() => sessionStorage.setItem(name("campaign"), location.search));
}
read("credential");
quietly(left);
adopt();
if (document.querySelector("cart-drawer")) load("drawer.js").catch(() => {});
if (/[?&]cartproxy-doctor\b/.test(location.search)) api.doctor();
})();