/*! cartproxy widget 1.1.0, the drawer · MIT */
(() => {
  "use strict";
  const api = window.cartproxy;
  const { make, put, styled, guarded, button, reason, inWords, refresh, money, text, fixed, load, words } = api.kit;
  Object.assign(words.en, {
    cart: "Your cart",
    empty: "Nothing in it yet.",
    subtotal: "Subtotal",
    checkout: "Checkout",
    remove: "Remove",
    quantity: "Quantity",
    less: "One less",
    more: "One more",
    close: "Close",
    memory: "Your browser keeps nothing for this page: the cart lasts until you leave it.",
    expired: "Your earlier cart is no longer kept.",
    restored: "The store had dropped this cart; it was filled again.",
    changed: "The store has changed your cart. Please look at it, then go on to the checkout.",
    total: "Shipping and tax are added at the checkout.",
    estimated: "Price confirmed at checkout",
    stay: "Not now",
    unreadable: "The store's price can't be read.",
    quantities: "Possible quantities: ",
  });
  const STYLE = `
:host{display:inline!important}
dialog{margin:0;margin-inline-start:auto;width:min(100vw,var(--cart-width,26rem));max-width:none;height:100vh;height:100dvh;max-height:none;box-sizing:border-box;padding:1rem;border:0;background:var(--cart-background,Canvas);color:var(--cart-color,CanvasText);overflow:auto;overscroll-behavior:contain;pointer-events:auto;white-space:normal;text-indent:0;writing-mode:horizontal-tb}
dialog[open]{display:flex;flex-direction:column}
dialog::backdrop{background:rgb(0 0 0/.5)}
button:disabled,input:disabled,[aria-disabled=true]{opacity:.5;cursor:default}
header,.sum,.row{display:flex;gap:.5em;align-items:center;flex-wrap:wrap}
header,.sum{justify-content:space-between}h2{margin:0;font-size:1.25em}
ul{list-style:none;margin:0;padding:0;flex:1}
li{display:flex;gap:.8em;padding:.8em 0;border-block-end:1px solid var(--line)}
li>div{flex:1;min-width:0}
img{width:4em;height:4em;object-fit:contain;border-radius:.3em}
.name{font-weight:600}.small{font-size:.875em;margin:.3em 0}
input{width:4em;text-align:center;padding:0 .2em}
.total{margin-inline-start:auto}
.bare{border:0;padding:0;text-decoration:underline}
.sum{margin-block:1em .2em}
.wide{width:100%}
dialog .main{flex:none}
[part=note]{white-space:pre-line}
[part=progress]{margin:.4em 0}[part=progress]:empty{margin:0}
progress{width:100%;margin-block-end:.5em;accent-color:var(--accent)}
[part=stay]{margin-block-start:.5em}`;

  /** What became worse at the store since the shopper last saw the cart, a line for each. */
  const worse = ({ changes = [], currency }) =>
    changes.map(({ name, change, was, now, reason }) => {
      const said = (value) => (change === "repriced" ? money(value, currency) : value);
      return `\n${name}: ${said(was)} → ${said(now)} ${reason}`;
    }).join("");

  const variant = (item) => [item.catalog_id, ...item.options.map((each) => each.value)].join();
  const visible = (element) => element?.getClientRects().length;

  /** A line of the cart that changes in place, so that focus stays where it is. */
  class Line {
    constructor(drawer) {
      const { host } = drawer;
      this.change = (quantity) => {
        drawer.say(""); // at once: when the answer comes there may be another message
        return api.change(this.id, Math.max(0, quantity)).catch((error) => drawer.say(reason(error, host)));
      };
      const control = (part, sign, work) => (this[part] = button(part, sign, work));
      this.drawer = drawer;
      this.image = make("img", { part: "image", alt: "", hidden: true, loading: "lazy" });
      this.image.onerror = () => (this.image.hidden = true);
      this.name = make("div", { part: "name", class: "name" });
      this.options = make("div", { part: "line-options", class: "small" });
      this.estimated = make("div", { part: "estimated", class: "small", textContent: text("estimated", host) });
      this.quantity = make("input", { part: "quantity", type: "number", inputMode: "decimal", min: 0, step: "any" });
      this.quantity.oninput = () => (this.typing = true);
      this.quantity.onchange = () => this.typed();
      this.quantity.onblur = () => (this.typing = false);
      // Otherwise the wheel would change the number instead of scrolling.
      this.quantity.onwheel = () => this.quantity.blur();
      this.total = make("span", { part: "line-total", class: "total" });
      control("less", "−", () => this.step(-1));
      control("more", "+", () => this.step(1));
      control("remove", text("remove", host), () => this.change(0)).className = "bare";
      const row = make("div", { class: "row" }, this.less, this.quantity, this.more, this.total);
      this.element = make("li", { part: "line" }, this.image, make("div", {}, this.name, this.options, row, this.estimated, this.remove));
    }
    /** The product, for its minimum and its steps; nothing if it does not come in time. */
    product() {
      return Promise.race([api.product(this.item.catalog_id), new Promise((done) => setTimeout(done, 1000))]).catch(() => {});
    }
    async step(sign) {
      // A line that once had a quantity of 1 changes by 1.
      const { quantity_step: step, minimum_quantity: least = 0, maximum_quantity: most } = (!this.single && (await this.product())) || {};
      const now = +this.quantity.value;
      const steps = fixed((now - least) / (step ?? 1));
      const next = fixed(step ? least + step * (sign > 0 ? Math.floor(steps) + 1 : Math.ceil(steps) - 1) : now + sign);
      if (sign > 0 && most && next > most) return this.refuse();
      return this.change(next < least ? 0 : next);
    }
    async typed() {
      this.typing = false;
      const { value, valueAsNumber } = this.quantity;
      const { quantityOf, misfits } = await load("product.js").then(() => api.kit, () => ({}));
      const quantity = quantityOf?.(value) ?? fixed(valueAsNumber);
      if (quantity === 0) return this.change(0);
      const product = quantity > 0 ? await this.product() : {};
      return misfits?.(quantity, product) ?? !(quantity > 0) ? this.refuse(product) : this.change(quantity);
    }
    /** Restore the quantity, with a message. */
    async refuse(product) {
      this.quantity.value = this.item.quantity;
      await load("product.js").catch(() => {});
      this.drawer.say(api.kit.listed?.(this.drawer.host, product ?? (await this.product())) ?? "");
    }
    draw(item, currency) {
      this.item = item;
      this.variant = variant(item);
      this.estimated.hidden = item.state !== "pending";
      this.single ||= item.quantity === 1;
      put(this.name, item.name);
      const options = item.options.map(({ name, value }) => (name ? `${name}: ${value}` : value));
      const odd = item.state === "unreadable";
      put(this.options, [...options, ...(odd ? [text("unreadable", this.drawer.host)] : [])].join(", "));
      for (const key of ["less", "quantity", "more", "remove"]) {
        this[key].disabled = !item.item_id || (odd && key !== "remove");
        this[key].setAttribute("aria-label", `${text(key, this.drawer.host)}: ${item.name}`);
      }
      if (!this.typing) this.quantity.value = item.quantity;
      put(this.total, odd || isNaN(item.line_total) ? "" : money(item.line_total, currency));
      if (item.image_url && this.image.src !== item.image_url) Object.assign(this.image, { src: item.image_url, hidden: false });
    }
  }

  /** What is inside a `<cart-drawer>`. */
  class Drawer {
    #lines = {}; // by id
    #leaving = null; // ends the checkout that is under way
    #error = "";
    #seen; // entity tag of a changed cart that the shopper has been shown
    #news = null; // the message or button to scroll to
    #parts;
    #end;

    constructor(host) {
      this.host = host;
      this.#build();
    }
    connect() {
      this.#end ??= api.subscribe((cart) => this.#draw(cart));
      const { dialog } = this.#parts;
      if (!dialog.open) return;
      dialog.close(); // after a move in the page it is open, but not modal
      dialog.showModal();
    }
    disconnect() {
      this.#end?.();
      this.#end = null;
    }
    open() {
      if (!this.#parts.dialog.open) this.#parts.dialog.showModal();
      refresh().catch((error) => this.say(reason(error, this.host)));
    }
    close() {
      this.#parts.dialog.close();
    }
    /** Show a message above the lines; an empty one removes it. */
    say(message) {
      this.#error = message;
      this.#draw(api.cart);
    }
    #build() {
      const { host } = this;
      const parts = (this.#parts = {
        close: button("close", "×", () => this.close(), { "aria-label": text("close", host) }),
        note: make("p", { part: "note", role: "status" }),
        lines: make("ul", { part: "lines" }),
        empty: make("p", { part: "empty", textContent: text("empty", host) }),
        subtotal: make("b", { part: "subtotal" }),
        estimated: make("p", { part: "estimated", class: "small", textContent: text("estimated", host) }),
        checkout: button("checkout", text("checkout", host), () => this.#leave(), { class: "main wide" }),
        progress: make("p", { part: "progress", id: "progress", "aria-live": "polite" }),
        bar: make("progress", { part: "bar", "aria-labelledby": "progress" }),
        stay: button("stay", text("stay", host), () => (this.#leaving ? this.#stay() : this.close()), { class: "wide" }),
      });
      const title = make("h2", { id: "title", part: "title", textContent: text("cart", host) });
      const sum = make("div", { class: "sum" }, make("span", {}, text("subtotal", host)), parts.subtotal);
      parts.foot = make("div", { part: "foot" }, sum, parts.estimated, make("p", { class: "small", textContent: text("total", host) }), parts.progress, parts.bar, parts.checkout, parts.stay);
      parts.dialog = make("dialog", { part: "dialog", "aria-labelledby": "title" },
        make("header", {}, title, parts.close), parts.note, parts.empty, parts.lines, parts.foot);
      parts.dialog.onclick = (event) => event.target === parts.dialog && this.close();
      // Closing it ends a checkout that is under way. (After a move in the page it is open again.)
      parts.dialog.onclose = () => parts.dialog.open || this.#stay();
      styled(host);
      styled(host, STYLE).append(parts.dialog);
    }
    async #leave() {
      if (this.#leaving) return;
      const leaving = (this.#leaving = new AbortController());
      const seen = this.#seen;
      this.#seen = null;
      this.say("");
      let message = "";
      try {
        await api.checkout(seen, leaving.signal);
      } catch (error) {
        const cart = await refresh(true).catch(() => api.cart);
        this.#seen = error.cart && error.tag;
        message = (this.#seen ? text("changed", this.host) : reason(error, this.host)) + worse(cart);
      }
      if (leaving.signal.aborted) return;
      this.#leaving = null;
      this.say(message);
    }
    /** End a checkout that is under way: what was sent stays sent, and nothing is lost. */
    #stay() {
      this.#leaving?.abort();
      this.#leaving = null;
      this.#draw(api.cart);
    }
    #draw(cart) {
      const { note, lines, empty, subtotal, estimated, foot, progress, bar, checkout, stay, close, dialog } = this.#parts;
      const key = cart.note || (api.keeps ? "" : "memory");
      put(note, this.#error || (key && text(key, this.host)));
      const focused = this.host.shadowRoot.activeElement;
      const ids = cart.items.map((item) => item?.item_id);
      const shown = {};
      cart.items.forEach((item, index) => guarded(() => {
        const id = item.item_id || "new " + index;
        const line = this.#lines[id] ?? this.#landed(variant(item), ids) ?? new Line(this);
        delete this.#lines[line.id];
        this.#lines[(line.id = id)] = shown[id] = line;
        if (lines.children[index] !== line.element) lines.insertBefore(line.element, lines.children[index] ?? null);
        line.draw(item, cart.currency);
      }));
      for (const line of Object.values(this.#lines)) if (!shown[line.id]) line.element.remove();
      this.#lines = shown;
      empty.hidden = cart.items.length > 0;
      foot.hidden = !empty.hidden;
      put(subtotal, money(cart.subtotal, cart.currency));
      estimated.hidden = !cart.estimated;
      // Before the first answer, the pending lines are what has to be sent.
      const steps = cart.progress || { sent: 0, of: cart.items.filter((item) => item?.state === "pending").length };
      bar.hidden = !(this.#leaving && steps.of);
      Object.assign(bar, { max: steps.of, value: steps.sent });
      put(progress, bar.hidden ? "" : inWords(steps, this.host));
      checkout.setAttribute("aria-disabled", !!this.#leaving);
      const news = !bar.hidden ? stay : this.#seen && this.#error ? note : null;
      stay.hidden = !news;
      if (this.#news !== news) news?.scrollIntoView({ block: "nearest" }); // in a long cart
      this.#news = news;
      if (focused && !visible(focused)) [foot.contains(focused) ? checkout : null, lines.querySelector("[part=remove]"), close].find(visible).focus();
      dialog.setAttribute("aria-busy", cart.pending);
    }
    /** The line that had an id of ours, and now has the store's. */
    #landed(variant, ids) {
      return Object.values(this.#lines).find((line) => line.id[0] === "n" && !ids.includes(line.id) && line.variant === variant);
    }
  }
  api.kit.Drawer = Drawer;
})();
