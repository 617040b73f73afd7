/*! cartproxy widget 1.1.0 · MIT */
(() => {
  "use strict";
  const SCRIPT = /\/widget\/[^/]+\/cartproxy\.js.*/;
  // A module has no current script, and a bundle another one.
  const script = [document.currentScript, ...document.querySelectorAll("script")].find((each) => SCRIPT.test(each?.src));
  const setting = script?.dataset ?? {};
  const findStore = () =>
    setting.store || /[?&]store=([^&#]+)/.exec(script?.src)?.[1] ||
    document.querySelector("meta[name=cartproxy-store]")?.content ||
    document.querySelector(":is(cart-button,cart-count,cart-drawer)[store]")?.getAttribute("store");
  function start() {
  const store = findStore() ?? "";
  // Maps and sets are plain objects and arrays here: pages have a `Map` and a `Set` of their own.
  const wrong = {}; // the page's problems by code: each is warned about once, and listed by the doctor
  const warn = (code, message) => wrong[code] || console.warn("cartproxy: " + (wrong[code] = message));
  const twice = window.cartproxy;
  if (twice?.add?.call && twice.store !== "") { // and not an element of that id; 1.0.0 names no store
    twice.loadedTwice = true; // the doctor reports it
    if (store && twice.store !== store) twice.kit?.warn?.("two-stores", `one store a page: "${store}" is left out`);
    return;
  }
  if (!script) return warn("no-script", "no script tag");
  const VERSION = "1.1.0";
  // Loaded when needed, out of this version's own folder, and only if they are what was released:
  // the build fills in the hashes.
  const PARTS = {
    "drawer.js": "",
    "doctor.js": "",
    "product.js": "",
    "legacy.js": "",
    "texts.js": "",
  };
  const base = script.src.replace(SCRIPT, "/v1/stores/" + encodeURIComponent(store));

  // --- Texts ---
  // English; other parts add theirs, and texts.js other languages.
  const words = {
    en: {
      add: "Add to cart", adding: "Adding…", added: "Added to the cart", view: "View cart", count: "Cart",
      refused: "The store did not accept this. ", away: "The cart can't be reached. Buy it at the store instead.",
      busy: "The store is busy. Please try again in a moment.", offline: "You are offline. It goes on when you are back.",
      sold: "Not available just now.", sending: "On to the checkout: # of #",
    },
  };
  const language = () => (setting.lang || document.documentElement.lang || navigator.language).replace(/_/g, "-");
  const spoken = () => language().slice(0, 2).toLowerCase();
  /** A text: the element's own attribute, else the script's, else the table's in the page's language. */
  const text = (key, element) =>
    element?.getAttribute("text-" + key) ?? script.getAttribute("data-text-" + key) ?? words[spoken()]?.[key] ?? words.en[key];
  function money(amount, currency) {
    for (const tag of [language(), spoken(), "en"]) { // some pages name no valid language
      try {
        return (+amount).toLocaleString(tag, { style: "currency", currency, maximumFractionDigits: 4 });
      } catch {}
    }
    return amount + " " + currency;
  }

  // --- Numbers: with 4 decimals, as the service has them ---
  const fixed = (number) => Math.round(number * 1e4) / 1e4 + 0; // no minus zero
  const sum = (items, figure) => {
    let total = 0; // not by `reduce`, which an old Prototype.js replaces
    for (const item of items) total = fixed(total + figure(item));
    return total;
  };
  /** JSON, also where the page has given arrays a `toJSON`. */
  const json = (value) =>
    Array.isArray(value) ? `[${value.map(json)}]`
    : Object(value) === value ? `{${Object.keys(value).map((key) => json(key) + ":" + json(value[key]))}}`
    : JSON.stringify(value) ?? "null";

  // --- What the browser keeps: the credential, the cart as last seen, adds under way ---
  const name = (key) => "cartproxy:" + store + ":" + key;
  const memory = {};
  let keeps = true; // false: storage is blocked, and everything lasts as long as the page
  const tryStorage = (work) => {
    try {
      return work();
    } catch {
      keeps = false;
      warn("storage-blocked", "storage is blocked");
    }
  };
  const read = (key) => (memory[key] = (keeps && tryStorage(() => localStorage.getItem(name(key)))) || memory[key]);
  const keep = (key, value) => {
    memory[key] = value;
    tryStorage(() => localStorage.setItem(name(key), value));
  };
  const drop = (key) => {
    delete memory[key];
    tryStorage(() => localStorage.removeItem(name(key)));
  };
  /** The stored value, if `fits` is true of it; another one is dropped. */
  const parsed = (key, fits, fallback) => {
    const kept = read(key);
    try {
      const value = JSON.parse(kept ?? null);
      if (fits(value)) return value;
    } catch {}
    if (kept) {
      warn("storage-damaged", "damaged " + key);
      drop(key);
    }
    return fallback;
  };
  const random = (bytes) =>
    btoa(String.fromCharCode(...crypto.getRandomValues(new Uint8Array(bytes))))
      .replace(/\+/g, "-").replace(/\//g, "_").replace(/=/g, "");
  /** Under a lock; rejects where there are none. */
  const locked = async (what, work) => navigator.locks.request(name(what), work);
  const known = () => /^cpt1_[\w-]{43}$/.exec(read("credential"))?.[0];
  const draw = () => known() ?? (keep("credential", "cpt1_" + random(32)), known());
  /** Two tabs that add at the same moment draw one credential, and so make one cart. */
  const credential = () => known() ?? Promise.race([locked("drawing", draw), sleep(3000).then(draw)]).catch(draw);

  // --- Calls ---
  const ANSWER_MS = 15000;
  const AWAY_MS = 3e4;
  let awayUntil = 0; // until then, by a monotonic clock, buttons lead to the store instead
  const sleep = (ms) => new Promise((done) => setTimeout(done, ms));
  const happens = (type) => new Promise((done) => addEventListener(type, done, { once: true }));
  const problem = (fields) => Object.assign(new Error(fields.detail || fields.title || fields.code), fields);

  async function once(method, path, body, key, tag, attempt) {
    const headers = {};
    if (path[1] === "c" /* cart or checkout, no product */) headers.Authorization = "Bearer " + (await credential());
    if (key) Object.assign(headers, { "Cartproxy-Client": "widget/" + VERSION, "Content-Type": "application/json", "Idempotency-Key": key }, tag && { "If-Match": tag });
    try {
      // A write outlives its page, if a browser has room for that: beacons of the page use it too.
      const response = await fetch(base + path, { method, headers, body, signal: AbortSignal.timeout?.(ANSWER_MS), credentials: "omit", keepalive: key && attempt < 2 });
      const answer = { ...(await response.json()), tag: response.headers.get("ETag") };
      if (response.ok) return answer;
      throw problem(answer);
    } catch (error) {
      throw error.status ? error : problem({ code: navigator.onLine ? "unreachable" : "offline", retryable: true });
    }
  }
  /** One call, repeated with its key if its answer is lost or retryable. Throws a problem. */
  async function call(method, path, body, key, tag) {
    for (let attempt = 1; ; attempt++) {
      try {
        const answer = await once(method, path, body, key, tag, attempt);
        awayUntil = 0;
        return answer;
      } catch (error) {
        if (error.code === "credential-malformed" && attempt < 2) {
          drop("credential");
        } else if (error.code === "offline" && path !== "/cart") {
          say("offline");
          await happens("online");
          say("");
          attempt = 0;
        } else if (!error.retryable || attempt === 4 /* the last */ || error.retry_after > 15) {
          if (!error.status || (key && error.status > 501)) awayUntil = performance.now() + AWAY_MS;
          throw error;
        } else {
          await sleep((error.retry_after || 2 ** attempt / 5) * 1000 * (1 + Math.random() / 3));
        }
      }
    }
  }

  // --- The cart: the service's last answer, and what is under way ---
  const NOTHING = { items: [], item_count: 0, subtotal: "0.00", currency: "USD" };
  const isKept = (kept) =>
    kept.cart.items.every((line) => line.item_id && line.quantity >= 0 && line.options.every((each) => each.value != null)) &&
    kept.cart.item_count >= 0 && kept.cart.subtotal >= 0;
  let { cart = NOTHING, at = 0, left, bought = [] } = parsed("cart", isKept, {}); // bought: the items of the last checkout
  let note = "";
  let writes = 0; // a read that began before a write ended is out of date
  let last; // writes go one after another
  let flushing = null;
  let sending = {}; // item id -> quantity
  let wanted = {}; // the same, not sent yet
  const adding = {}; // idempotency key -> the line as it will probably look
  const lost = {}; // body -> key of an add of unknown outcome: the next press repeats it
  let views = [];
  let progress = null; // of a checkout that takes long: { sent, of }

  function view() {
    const more = { note, pending: [adding, wanted, sending].some((each) => Object.keys(each).length), progress };
    if (!more.pending) return { ...cart, ...more };
    const items = cart.items
      .map((item) => {
        const quantity = wanted[item.item_id] ?? sending[item.item_id] ?? item.quantity;
        return quantity === item.quantity ? item : { ...item, quantity, line_total: fixed((+item.unit_price + +item.option_price) * quantity) };
      })
      .concat(Object.values(adding))
      .filter((item) => item.quantity > 0);
    return { ...cart, items, item_count: sum(items, (item) => item.quantity), subtotal: sum(items, (item) => +item.line_total || 0), ...more };
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
  const save = () => keep("cart", json({ cart, at, left, bought }));
  /** Answers may overtake each other, also between tabs: the later reading wins. */
  const older = (next) => {
    const ms = Date.parse(cart.as_of) - Date.parse(next.as_of);
    return ms > 0 && ms < 60000; // more would be a clock that was set
  };
  function accept({ checkout_url: _secret, results: _results, restored, ...next }) {
    if (restored) note = "restored";
    if (!older(next)) {
      if (!next.items.length) left = false; // throws for what is no cart: a service worker may answer anything
      cart = next;
      at = Date.now();
      save();
    }
    render();
    return cart;
  }
  /** Read the cart, if the last reading is older than 30 s, or with `force`. */
  async function refresh(force) {
    const age = Date.now() - at; // below 0: the clock was set
    if (!known() || document.prerendering || (!force && age >= 0 && age < 3e4)) return view();
    const before = { writes, full: cart.items.length, left };
    const { ordered, ...answer } = await call("GET", "/cart");
    // The service says so in only one answer, so only one tab reports it.
    if (ordered) tell("purchase", { ...ordered, value: +ordered.subtotal, items: bought });
    if (before.writes === writes && !view().pending) {
      if (before.full && !before.left && !answer.items.length) note = "expired";
      accept(answer);
    }
    return view();
  }
  function write({ method = "POST", body, key, tag }) {
    const before = last;
    const result = (async () => { // some pages' own promises lack `finally`
      await (document.hidden || before); // a page that is left can't wait
      return accept(await call(method, "/cart/items", body, key, tag));
    })().finally(() => writes++);
    last = result.catch(() => {}).then(() => before);
    return result;
  }

  // --- Writes outlive their page: the outbox holds them until they are answered ---
  const outbox = () => parsed("outbox", (kept) => kept.every(({ key, body, method, tag }) => /^[\w-]+,(PATCH|),[ -~]*$/.test([key, method, tag]) && body.trim), []);
  const done = (key) => keep("outbox", json(outbox().filter((each) => each.key !== key)));
  /** Another page that continues it does so only while the cart has this entity tag, if there is one. */
  const deliver = (entry, tag) => {
    keep("outbox", json([...outbox(), { ...entry, at: Date.now(), tag }]));
    const result = write(entry).finally(() => done(entry.key));
    locked(entry.key, () => result).catch(() => {}); // as long as it is this page's
    return result;
  };
  /** Continue the writes of pages that close before the answer comes: their locks get free then. */
  function adopt() {
    for (const entry of outbox()) {
      // Where there are no locks, nobody knows whether that page is still there.
      locked(entry.key, async () => {
        if (!outbox().some((each) => each.key === entry.key)) return;
        const age = Date.now() - entry.at;
        if (age >= 0 && age < 36e5 /* an hour */) await write(entry).catch(() => {});
        done(entry.key);
      }).catch(() => {});
    }
  }

  // --- Events, in the names of the usual e-commerce analytics ---
  const tell = (event, detail) => guarded(() => document.dispatchEvent(new CustomEvent("cartproxy:" + event, { detail })));
  function tellLines(event, lines, currency) {
    const items = lines.map((line) => ({
      item_id: String(line.catalog_id),
      item_name: line.name,
      item_variant: line.options.map((each) => each.value).join(", ") || undefined,
      price: fixed(+line.unit_price + +line.option_price) || 0,
      quantity: line.quantity,
    }));
    tell(event, { currency, value: sum(items, (item) => item.price * item.quantity), items, estimated: cart.estimated });
    return items;
  }
  function failed(error) {
    tell("error", { code: error.code, message: error.message, retryable: !!error.retryable, outcome: error.outcome });
    throw error;
  }

  // --- The interface for scripts ---
  const products = {};
  const loading = {};
  let trusted;
  /** A page in a frame leaves by the window around it: checkouts refuse frames. */
  function leave(url) {
    try {
      top.location.href = url;
    } catch {
      if (!window.open(url, "_blank")) location.assign(url);
    }
  }
  /** @typedef {{option_set_id: number, option_id: number, value?: string}} Option */
  const api = {
    version: VERSION,
    base,
    store,
    /** The cart, including what is under way (`pending`). */
    get cart() {
      return view();
    },
    get away() {
      return performance.now() < awayUntil;
    },
    get keeps() {
      return keeps;
    },
    refresh: (force = true) => refresh(force).catch(failed),
    /** @param {(cart: object) => void} draw called now and on every change. @returns {() => void} unsubscribes */
    subscribe(draw) {
      views.push(draw);
      guarded(() => draw(view()));
      return () => (views = views.filter((each) => each !== draw));
    },
    /** @param {{catalogId: number, quantity?: number, options?: Option[]}} item @returns {Promise<object>} the cart */
    async add({ catalogId, quantity = 1, options = [] }) {
      quantity = fixed(quantity);
      const body = json({ catalog_id: +catalogId, quantity, options });
      const key = lost[body] ?? random(16);
      const product = products[+catalogId]?.value;
      // What options cost is known by product.js, which is there where they were chosen.
      const { unit, more } = api.kit.priceOf?.(product, options.map((each) => each.option_id)) ?? { unit: +(product?.price ?? NaN), more: 0 };
      const line = {
        item_id: "", catalog_id: +catalogId, name: product?.name ?? "…", options, quantity,
        unit_price: unit, option_price: more, line_total: fixed((unit + more) * quantity), image_url: product?.image_url,
      };
      delete lost[body];
      if (cart === NOTHING && product) cart = { ...NOTHING, currency: product.currency };
      adding[key] = line;
      render();
      try {
        const next = await deliver({ key, body });
        const real = next.items.find((each) => each.catalog_id === line.catalog_id);
        tellLines("add", [{ ...line, unit_price: line.unit_price || real?.unit_price, name: real?.name ?? line.name }], next.currency);
        return next;
      } catch (error) {
        if (error.outcome !== "not_applied") lost[body] = key;
        return failed(error);
      } finally {
        delete adding[key];
        render();
      }
    },
    /** Set a line's quantity; 0 removes it. A burst of changes is one call; the last values win. */
    async change(itemId, quantity) {
      const line = cart.items.find((each) => each.item_id === itemId);
      wanted[itemId] = quantity = fixed(quantity);
      render();
      flushing ??= Promise.race([sleep(250).then(() => last), happens("visibilitychange")]).then(() => {
        const batch = (sending = wanted);
        flushing = null;
        wanted = {};
        const items = Object.entries(batch).map(([item_id, quantity]) => ({ item_id, quantity }));
        return deliver({ method: "PATCH", key: random(16), body: json({ items }) }, cart.tag).finally(() => {
          if (sending === batch) sending = {};
          render();
        });
      });
      try {
        const next = await flushing;
        if (line && !quantity) tellLines("remove", [line], next.currency);
        return next;
      } catch (error) {
        quietly(true);
        return failed(error);
      }
    },
    remove: (itemId) => api.change(itemId, 0),
    /** Go to the store's checkout, after everything that is under way. */
    /** Throws `cart-changed` if the cart is not what was shown; with that problem's `tag` it goes through. */
    /** On a busy day it takes several requests (`cart.progress`); `signal` ends it. */
    async checkout(tag, signal) {
      const key = random(16);
      const ended = new Promise((done) => signal?.addEventListener("abort", done));
      try {
        await flushing?.catch(() => {});
        await last;
        while (!signal?.aborted) {
          const { checkout_url: url, ...step } = await Promise.race([ended, call("POST", "/checkout", "{}", key, tag).catch(failed)]);
          if (url) {
            left = true;
            bought = tellLines("checkout", cart.items, cart.currency);
            save();
            return leave(url + campaign(url));
          }
          progress = step.of && step;
          render();
          await Promise.race([ended, sleep((step.retry_after || 1) * 1000)]);
        }
      } finally {
        progress = null;
        render();
      }
    },
    /** A product as `GET /products/{id}` answers; fetched once for each page. */
    product(id) {
      if (!products[+id]) {
        const asked = (products[+id] = call("GET", "/products/" + +id));
        asked.then((value) => (asked.value = value), () => delete products[+id]);
      }
      return products[+id];
    },
    /** Show the drawer: the page's own if it is visible, or a new one. */
    async open() {
      const mine = [...document.querySelectorAll("cart-drawer,cartproxy-drawer")].find((each) => each instanceof CartDrawer && (each.checkVisibility?.() ?? each.getClientRects().length) && !each.closest("[inert]"));
      // `document.body` may be a frame of that name.
      await (mine ?? document.querySelector("body").appendChild(make("cartproxy-drawer"))).open().catch(failed);
    },
    /** What is wrong with this page: shows and returns a list of findings. */
    doctor: () => load("doctor.js").then(() => api.examine()),
  };
  function load(part) {
    loading[part] ??= new Promise((onload, onerror) => {
      const url = script.src.replace(SCRIPT, `/widget/${VERSION}/${part}`);
      try {
        trusted ??= trustedTypes.createPolicy("cartproxy", { createScriptURL: (own) => own });
      } catch {} // a policy of that name may be forbidden while plain strings are allowed
      const tag = Object.assign(document.createElement("script"), { src: trusted?.createScriptURL(url) ?? url, integrity: PARTS[part], crossOrigin: "anonymous", nonce: script.nonce });
      tag.onload = () => onload((tag.onerror = null));
      tag.onerror = () => {
        delete loading[part];
        warn(part, part + " can't be loaded");
        onerror(problem({ code: "unreachable", detail: wrong[part], retryable: true }));
      };
      document.head.append(tag);
      sleep(ANSWER_MS).then(() => tag.onerror?.()); // a consent manager's script may hold it back
    });
    return loading[part];
  }
  /** The campaign's parameters, which the store's own analytics reads at the checkout. */
  function campaign(url) {
    const came = "campaign" in setting ? tryStorage(() => sessionStorage.getItem(name("campaign"))) ?? location.search : "";
    const kept = came.match(/\b(utm_\w+|_gl|gclid)=[^&]*/g)?.join("&");
    return kept ? (url.includes("?") ? "&" : "?") + kept : "";
  }

  // --- Elements ---
  const STYLE = `
:host{--accent:var(--cart-accent,#0b57d0);--on-accent:var(--cart-on-accent,#fff);--line:var(--cart-line,#888);font:var(--cart-font,inherit)}
:host>*{font-size:max(1em,.75rem);overflow-wrap:anywhere}
[hidden]{display:none!important}
button,input,select,textarea{font:inherit;color:inherit;min-height:2.75em;border:1px solid var(--line);border-radius:var(--cart-radius,.4em);background:none;padding:0 .8em;box-sizing:border-box}
button{cursor:pointer}
:focus-visible{outline:3px solid var(--accent);outline-offset:2px}
.main{background:var(--accent);color:var(--on-accent);border-color:#0000}
[role=status]{margin:.4em 0}[role=status]:empty{margin:0}
.count{display:inline-block;min-width:1.6em;padding:0 .4em;border-radius:1em;background:var(--accent);color:var(--on-accent);text-align:center;line-height:1.6}`;
  function styled(element, style = STYLE) {
    const root = element.shadowRoot ?? element.attachShadow({ mode: "open" });
    // Shortcuts of the page would take what is typed here: the page sees the element, but no field.
    root.addEventListener("keydown", (event) => root.contains(event.target) && !/Esc|Tab/.test(event.key) && event.stopPropagation());
    try {
      const sheet = new CSSStyleSheet(); // which a strict CSP allows
      sheet.replaceSync(style);
      root.adoptedStyleSheets = [...root.adoptedStyleSheets, sheet];
    } catch {
      root.append(make("style", { textContent: style })); // browsers before 2023
    }
    return root;
  }
  /** An element with properties; names with a dash, `part`, `role` and `class` become attributes. */
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
  /** A button that does only its own work, also inside a link. */
  const button = (part, textContent, onclick, more) => make("button", { part, type: "button", textContent, onclick: (event) => (event.preventDefault(), onclick()), ...more });
  function reason(error, element) {
    if (error.code === "offline") return text("offline", element);
    if (!error.status || /^st\w+-una/.test(error.code)) return text("away", element);
    if (error.status >= 500) return text("busy", element);
    // A refusal of the service names its field; only `item-rejected` comes from the store.
    return error.errors?.length ? error.errors[0].detail : (error.code === "item-rejected" ? text("refused", element) : "") + error.message;
  }
  const page = (url) => url.replace(/\??(#.*)?$/, "");
  /** Whether it is a link to another page. */
  const leads = ({ href }) => /^(?!java)\w+:/.test(href) && page(href) !== page(location.href) && page(href) !== page(document.baseURI);
  const PRESSED = "a[href],button,form,[type=button],[type=submit],[type=image]";

  /** A checkout's progress, in words. */
  const inWords = (progress, element) => (progress ? text("sending", element).replace("#", progress.sent).replace("#", progress.of) : "");
  /** Open the drawer; if it can't be loaded, go to the checkout, and show its progress as the label. */
  const open = (element, label) =>
    api.open().catch(() => api.checkout().finally(api.subscribe((cart) => put(label, inWords(cart.progress, element)))));
  /** Whether something inside is visible: text or a picture. */
  const speaks = (element, shows = () => true) =>
    [...element.childNodes].some((node) => node.nodeType === 3 && node.data.trim() || node.matches?.(":not(noscript,style,script,template,[hidden])") && shows(node) && (node.textContent.trim() || node.parentNode.querySelector("img,svg")));

  const worded = (element) => element.textContent.trim() || element.querySelector('[alt]:not([alt=""])');

  class CartButton extends HTMLElement {
    #status = make("p", { part: "status", role: "status" });
    #view = button("view", "", () => open(this, this.#status).catch((error) => this.#say(reason(error, this))), { hidden: true });
    #options = make("div", { part: "options" });
    #own = make("button", { part: "button", type: "button", class: "main" });
    #slot = make("slot");
    #product = null;
    #choices = null; // of product.js, if there is something to choose
    #describing = null;
    #leads = false; // to the store instead of adding
    #pressed = -1e9;
    #by; // what was pressed last
    #rendered = false; // from now on it is known what the page's styles hide

    connectedCallback() {
      if (this.shadowRoot) return;
      styled(this).append(this.#options, this.#own, this.#slot, this.#status, this.#view);
      this.#arrange();
      for (const type of ["click", "submit", "change"]) {
        // A handler of the page's own inside may stop the event: then it is ours where it was stopped.
        this.addEventListener(type, (event) => this.#inside(event).forEach((each) => each.addEventListener(type, this.#stopped, { once: true })), true);
        this.addEventListener(type, this);
      }
      new MutationObserver(() => this.#arrange()).observe(this, { childList: true, subtree: true, attributeFilter: ["catalog-id"] });
      // On a page of many buttons, only the products in view are fetched.
      new IntersectionObserver((seen, observer) => {
        if (!seen.some((each) => each.isIntersecting)) return;
        observer.disconnect();
        this.#rendered = true;
        this.#arrange();
      }, { rootMargin: "300px" }).observe(this.#status);
    }
    /** What is inside is the button, or the label of a button of ours; the product may be another one. */
    #arrange() {
      if (this.#rendered) this.#describe();
      const shows = (each) => !this.#rendered || each.getClientRects().length;
      const works = [...this.querySelectorAll(PRESSED)].some(shows);
      this.#own.hidden = works;
      if (!works && speaks(this, shows)) {
        if (this.#slot.parentNode !== this.#own) this.#own.replaceChildren(this.#slot);
        this.#own.ariaLabel = worded(this) ? null : text("add", this);
        return;
      }
      if (this.#slot.parentNode === this.#own) this.#own.after(this.#slot);
      put(this.#own, works ? "" : text("add", this) || words.en.add);
      // In a form of the page's own, the Enter key must not press it.
      for (const each of this.querySelectorAll(PRESSED)) if (each.form && !this.contains(each.form)) each.setAttribute("form", "");
    }
    get #catalogId() {
      return +(this.getAttribute("catalog-id") ?? this.#sent("catalog_id")?.value);
    }
    /** The field of that name that a form would send: of several buttons, the pressed one. */
    #sent(name) {
      return this.#by?.name === name ? this.#by : this.querySelector(`[name=${name}]:not([type=radio]:not(:checked))`);
    }
    /** Fetch the product as `#product`, and show what there is to choose. */
    #describe() {
      const id = this.#catalogId;
      if (this.#describing?.id === id) return this.#describing;
      const mine = () => this.#describing === describing;
      const describing = (this.#describing = (async () => {
        this.#product = this.#choices = null;
        this.#leads = false;
        this.#options.replaceChildren();
        try {
          await 0; // so that `mine` can be called
          const other = this.getAttribute("store") ?? store;
          if (other !== store) throw problem({ code: "two-stores", detail: `one store a page: "${other}" is left out`, status: 404 });
          const product = await api.product(id);
          const asks = product.option_sets.length || product.minimum_quantity || product.maximum_quantity || product.quantity_step || this.#differs(product);
          if (asks) await load("product.js").catch((error) => {
            throw Object.assign(error, { leads: true });
          });
          if (!mine()) return;
          this.#product = product;
          if (asks) this.#choose();
          this.#leads = !product.available || this.#choices?.atStore;
          this.#hint();
        } catch (error) {
          if (!mine()) return;
          this.#describing = null;
          this.#refused(error);
          return error;
        }
      })());
      describing.id = id;
      return describing;
    }
    /** Whether the page shows another price, or one that is to be understood. */
    #differs({ price }) {
      return +(this.getAttribute("shown-price") ?? price) !== +price;
    }
    #choose() {
      this.#choices = new api.kit.Choices(this, this.#product, this.#options, () => this.#hint());
    }
    /** A refusal that no shopper can change leads to the store. */
    #refused(error) {
      if (!/^40[134]$/.test(error.status)) return;
      this.#leads = true;
      warn(error.code, error.message);
      if (error.code === "product-not-found") this.#say(text("sold", this));
    }
    /** Say that it is not available, or that its price is not the page's. */
    #hint() {
      this.#say(this.#product.available ? this.#choices?.hint() ?? "" : text("sold", this));
    }
    #say(message, added = false) {
      put(this.#view, text("view", this)); // its attribute may come after its element
      put(this.#status, message);
      this.#view.hidden = !added;
    }
    get #way() {
      return [...this.querySelectorAll("a"), make("a", { href: this.getAttribute("product-url") ?? this.#product?.product_url ?? "" })].find(leads)?.href;
    }
    #inside(event) {
      const path = event.composedPath();
      return path.slice(0, path.indexOf(this));
    }
    #stopped = (event) => event.cancelBubble && this.handleEvent(event);
    handleEvent(event) {
      if (event.type === "change") return this.#arrange(); // a form may choose the product
      const target = this.#inside(event).find((each) => each.matches?.(PRESSED));
      if (!target || target === this.#view || this.#options.contains(target)) return;
      if (event.type === "click" && this.contains(target.closest("form"))) return; // its submit comes
      // A page that prevents the default keeps us from a link or a form; for a button it means nothing.
      if (leads(target) ? event.defaultPrevented || event.ctrlKey || event.metaKey || event.shiftKey : event.defaultPrevented && event.type === "submit") return;
      if (event.handled) return; // by an element inside
      event.handled = true;
      this.#by = event.submitter ?? target;
      if (this.#leads || api.away) {
        if (leads(target) || (target.matches("form") && !this.#way)) return; // it leads to the store by itself
        if (this.#way) {
          event.preventDefault();
          return leave(this.#way);
        }
      }
      event.preventDefault();
      const again = event.timeStamp - this.#pressed < 600; // a double click is one press, and so is a key held down
      if (!again || !event.detail) this.#pressed = event.timeStamp;
      if (!again) this.#add();
    }
    async #add() {
      this.dataset.state = "adding";
      const seen = this.#product && this.#describing?.id === this.#catalogId;
      const end = api.subscribe((cart) => this.#say(text(cart.note === "offline" ? "offline" : "adding", this)));
      let item;
      try {
        const error = seen ? null : await Promise.race([this.#describe(), sleep(9000)]);
        if (!this.#product) { // it is not known what there is to choose
          if (error) throw Object.assign(error, { leads: error.leads || error.status });
          awayUntil = performance.now() + AWAY_MS;
          throw problem({ code: "unreachable" });
        }
        if (!this.#product.available) throw problem({ code: "sold-out", title: text("sold", this) });
        const field = this.#sent("quantity");
        // A number field has no value if its text is not a number.
        const written = field?.validity?.badInput ? "?" : field?.value || this.getAttribute("quantity") || "";
        if (!this.#choices && (this.#differs(this.#product) || !/^([1-9]\d*)?$/.test(written))) {
          await load("product.js");
          this.#choose();
        }
        item = { quantity: written || 1, ...this.#choices?.item(seen, field, written, this.#by), catalogId: this.#catalogId };
        await api.add(item);
        this.dataset.state = "added";
        this.#say(text("added", this), true);
      } catch (error) {
        this.dataset.state = "failed";
        this.#refused(error);
        this.#leads ||= error.leads || !error.code; // what nobody expected would come again
        this.#say((error.status ? this.#choices?.explain(error, item) : error.title) ?? reason(error, this));
        if (!error.status && error.title) tell("error", { code: error.code, message: error.message });
        if (this.#leads && this.#way) leave(this.#way);
      } finally {
        end();
      }
    }
  }

  class CartCount extends HTMLElement {
    #end;
    connectedCallback() {
      const count = make("span", { part: "count", class: "count" });
      const opener = button("button", "", () => open(this, label).catch(() => {}));
      const label = make("span");
      const slot = make("slot");
      const draw = ({ item_count }) => {
        count.textContent = item_count;
        put(label, speaks(this) ? "" : text("count", this));
        opener.ariaLabel = worded(this) ? null : text("count", this) + " " + item_count;
      };
      slot.addEventListener("slotchange", () => draw(api.cart));
      opener.append(label, slot, " ", count);
      (this.shadowRoot ?? styled(this)).replaceChildren(opener);
      this.#end = api.subscribe(draw);
    }
    disconnectedCallback() {
      this.#end();
    }
  }

  /** The drawer, whenever it is added to the page; drawer.js has its content. */
  class CartDrawer extends HTMLElement {
    #part;
    async #do(what) {
      await load("drawer.js");
      return (this.#part ??= new api.kit.Drawer(this))[what]();
    }
    connectedCallback() {
      document.addEventListener("cartproxy:add", this);
      this.#do("connect").catch(() => {});
    }
    disconnectedCallback() {
      document.removeEventListener("cartproxy:add", this);
      this.#do("disconnect").catch(() => {});
    }
    handleEvent() {
      if (this.hasAttribute("open-on-add")) api.open().catch(() => {}); // one of several
    }
    open() {
      return this.#do("open");
    }
    close() {
      return this.#do("close");
    }
  }

  // --- Life on a page ---
  api.kit = { script, setting, wrong, warn, text, money, make, put, styled, guarded, button, reason, inWords, refresh, load, problem, fixed, words };
  window.cartproxy = api;
  /** Also under a name of our own, for pages whose theme uses the short one. */
  async function define(tag, element, free) {
    customElements.define("cartproxy-" + tag, class extends element {});
    await free;
    if (!customElements.get("cart-" + tag)) customElements.define("cart-" + tag, element);
    else warn("name-taken", `<cart-${tag}> is not ours: use <cartproxy-${tag}>`);
  }
  const parsing = document.readyState === "complete" || Promise.race([happens("DOMContentLoaded"), happens("load")]);
  /** Do it as soon as it succeeds, however late the page gets what it needs. */
  const watch = (work) => work() || new MutationObserver((_seen, observer) => work() && observer.disconnect()).observe(document, { childList: true, subtree: true });
  async function live() {
    if (/de|fr|es/.test(spoken())) await load("texts.js").catch(() => {});
    define("button", CartButton);
    define("count", CartCount);
    define("drawer", CartDrawer, parsing); // a theme may define its own after us
    // Boxes of the store's own widget.
    watch(() => document.querySelector("div[data-content-id]") && load("legacy.js").catch(() => {}));
  }
  if (store) live();
  else {
    warn("no-store", "no data-store");
    watch(() => findStore() && (start(), true));
  }
  const quietly = (force) => refresh(force).catch(() => {});
  addEventListener("storage", (event) => {
    if (event.key === name("outbox")) sleep(1000).then(adopt); // by then the tab of the add has its lock
    const other = event.key === name("cart") && parsed("cart", isKept);
    if (!other || older(other.cart)) return;
    ({ cart, at, left, bought } = other);
    render();
  });
  addEventListener("pageshow", (event) => event.persisted && quietly(true));
  document.addEventListener("visibilitychange", () => document.hidden || quietly(left));
  if ("campaign" in setting && /[?&](utm_|_gl|gclid)/.test(location.search)) {
    tryStorage(() => sessionStorage.setItem(name("campaign"), location.search));
  }
  read("credential"); // to find out whether storage works
  quietly(left);
  adopt();
  if (/[?&]cartproxy-doctor\b/.test(location.search)) api.doctor();
  }
  // Before the body is there, an element can't name the store yet.
  if (findStore() || document.readyState !== "loading") start();
  else document.addEventListener("DOMContentLoaded", start);
})();
