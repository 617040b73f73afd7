/*! cartproxy widget 1.0.0, the drawer · MIT */
(() => {
"use strict";
const api = window.cartproxy;
const { make, put, styled, guarded, button, reason, refresh, money, text: say } = api.kit;
const TEXTS = {
en: "Your cart|Nothing in it yet.|Subtotal|Checkout|Remove|Quantity|One less|One more|Close|You are offline. It goes on when you are back.|Your browser keeps nothing for this page: the cart lasts until you leave it.|Your earlier cart is no longer kept.|The store had dropped this cart; it was filled again.|Shipping and tax are added at the checkout.",
de: "Ihr Warenkorb|Noch ist nichts darin.|Zwischensumme|Zur Kasse|Entfernen|Menge|Eins weniger|Eins mehr|Schließen|Sie sind offline. Mit der Verbindung geht es weiter.|Ihr Browser speichert hier nichts: Der Warenkorb gilt, bis Sie die Seite verlassen.|Ihr früherer Warenkorb wird nicht mehr aufbewahrt.|Der Shop hatte diesen Warenkorb verworfen; er wurde neu gefüllt.|Versand und Steuern kommen an der Kasse hinzu.",
fr: "Votre panier|Il est encore vide.|Sous-total|Commander|Retirer|Quantité|Un de moins|Un de plus|Fermer|Vous êtes hors ligne. La suite dès votre retour.|Votre navigateur ne garde rien ici : le panier dure jusqu'à votre départ.|Votre ancien panier n'est plus conservé.|La boutique avait supprimé ce panier ; il a été rempli à nouveau.|Livraison et taxes s'ajoutent à la commande.",
es: "Su carrito|Todavía está vacío.|Subtotal|Tramitar el pedido|Quitar|Cantidad|Uno menos|Uno más|Cerrar|Está sin conexión. Seguirá cuando vuelva.|Su navegador no guarda nada aquí: el carrito dura hasta que salga de la página.|Su carrito anterior ya no se conserva.|La tienda había borrado este carrito; se ha llenado de nuevo.|El envío y los impuestos se añaden al tramitar el pedido.",
};
const KEYS = "cart empty subtotal checkout remove quantity less more close offline memory expired restored total".split(" ");
const STYLE = `
dialog{margin:0;margin-inline-start:auto;width:min(100vw,var(--cart-width,26rem));max-width:none;height:100vh;height:100dvh;max-height:none;box-sizing:border-box;padding:1rem;border:0;background:var(--cart-background,Canvas);color:var(--cart-color,CanvasText);overflow:auto;overscroll-behavior:contain}
dialog[open]{display:flex;flex-direction:column}
dialog::backdrop{background:rgb(0 0 0/.5)}
button:disabled,input:disabled{opacity:.5;cursor:default}
header,.sum,.row{display:flex;gap:.5em;align-items:center;flex-wrap:wrap}
header,.sum{justify-content:space-between}h2{margin:0;font-size:1.25em}
ul{list-style:none;margin:0;padding:0;flex:1}
li{display:flex;gap:.8em;padding:.8em 0;border-block-end:1px solid var(--line)}
li>div{flex:1;min-width:0;overflow-wrap:anywhere}
img{width:4em;height:4em;object-fit:contain;border-radius:.3em}
.name{font-weight:600}.small{font-size:.875em;margin:.3em 0}
input{width:4em;text-align:center;padding:0 .2em}
.total{margin-inline-start:auto}
.bare{border:0;padding:0;text-decoration:underline}
.sum{margin-block:1em .2em}
.wide{width:100%}
dialog .main{flex:none}`;
const text = (key, element) => say(key, element, TEXTS, KEYS);
class Line {
constructor(id, drawer) {
const change = (quantity) => api.change(id, Math.max(0, quantity)).then(() => drawer.say(""), (error) => drawer.say(reason(error, drawer)));
const control = (part, sign, work) => (this[part] = button(part, sign, work));
this.drawer = drawer;
this.image = make("img", { part: "image", alt: "", hidden: true, loading: "lazy" });
this.image.onerror = () => (this.image.hidden = true);
this.name = make("div", { part: "name", class: "name" });
this.options = make("div", { part: "line-options", class: "small" });
this.quantity = make("input", { part: "quantity", type: "number", inputMode: "decimal", min: 0, step: "any" });
this.quantity.onchange = () => (this.quantity.value === "" ? this.draw(this.item, this.currency) : change(+this.quantity.value));
this.total = make("span", { part: "line-total", class: "total" });
control("less", "−", () => change(+this.quantity.value - 1));
control("more", "+", () => change(+this.quantity.value + 1));
control("remove", text("remove", drawer), () => change(0)).className = "bare";
const row = make("div", { class: "row" }, this.less, this.quantity, this.more, this.total);
this.element = make("li", { part: "line" }, this.image, make("div", {}, this.name, this.options, row, this.remove));
}
draw(item, currency) {
Object.assign(this, { item, currency });
put(this.name, item.name);
put(this.options, item.options.map(({ name, value }) => (name ? `${name}: ${value}` : value)).join(", "));
for (const key of ["less", "quantity", "more", "remove"]) {
this[key].disabled = !item.item_id;
this[key].setAttribute("aria-label", `${text(key, this.drawer)}: ${item.name}`);
}
this.quantity.value = item.quantity;
put(this.total, isNaN(item.line_total) ? "" : money(item.line_total, currency));
if (item.image_url && this.image.src !== item.image_url) Object.assign(this.image, { src: item.image_url, hidden: false });
}
}
class CartDrawer extends HTMLElement {
#lines = new Map();
#error = "";
#parts;
#end;
connectedCallback() {
if (!this.shadowRoot) this.#build();
this.#end = api.subscribe((cart) => this.#draw(cart));
document.addEventListener("cartproxy:add", this);
}
disconnectedCallback() {
this.#end();
document.removeEventListener("cartproxy:add", this);
}
handleEvent() {
if (this.hasAttribute("open-on-add")) this.open();
}
open() {
if (!this.#parts.dialog.open) this.#parts.dialog.showModal();
refresh().catch((error) => this.say(reason(error, this)));
}
close() {
this.#parts.dialog.close();
}
say(message) {
this.#error = message;
this.#draw(api.cart);
}
#build() {
const parts = (this.#parts = {
close: button("close", "×", () => this.close(), { "aria-label": text("close", this) }),
note: make("p", { part: "note", role: "status" }),
lines: make("ul", { part: "lines" }),
empty: make("p", { part: "empty", textContent: text("empty", this) }),
subtotal: make("b", { part: "subtotal" }),
checkout: button("checkout", text("checkout", this), () => this.#leave(), { class: "main wide" }),
});
const title = make("h2", { id: "title", part: "title", textContent: text("cart", this) });
const sum = make("div", { class: "sum" }, make("span", {}, text("subtotal", this)), parts.subtotal);
parts.foot = make("div", { part: "foot" }, sum, make("p", { class: "small", textContent: text("total", this) }), parts.checkout);
parts.dialog = make("dialog", { part: "dialog", "aria-labelledby": "title" },
make("header", {}, title, parts.close), parts.note, parts.empty, parts.lines, parts.foot);
parts.dialog.onclick = (event) => event.target === parts.dialog && this.close();
styled(this, STYLE).append(parts.dialog);
}
async #leave() {
this.#parts.checkout.disabled = true;
await api.checkout().catch((error) => this.say(reason(error, this)));
this.#parts.checkout.disabled = false;
}
#draw(cart) {
const { note, lines, empty, subtotal, foot, close, dialog } = this.#parts;
const key = cart.note || (api.keeps ? "" : "memory");
put(note, this.#error || (key && text(key, this)));
const focused = this.shadowRoot.activeElement;
const shown = new Set();
cart.items.forEach((item, index) => guarded(() => {
const id = item.item_id || "new " + index;
shown.add(id);
if (!this.#lines.has(id)) this.#lines.set(id, new Line(id, this));
const line = this.#lines.get(id);
if (lines.children[index] !== line.element) lines.insertBefore(line.element, lines.children[index] ?? null);
line.draw(item, cart.currency);
}));
for (const [id, line] of this.#lines) {
if (shown.has(id)) continue;
line.element.remove();
this.#lines.delete(id);
}
if (focused && !focused.isConnected) (lines.querySelector("[part=remove]") ?? close).focus();
empty.hidden = cart.items.length > 0;
foot.hidden = !empty.hidden;
put(subtotal, money(cart.subtotal, cart.currency));
dialog.setAttribute("aria-busy", cart.pending);
}
}
if (!customElements.get("cart-drawer")) customElements.define("cart-drawer", CartDrawer);
})();