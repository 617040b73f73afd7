/*! cartproxy widget 1.1.0, the doctor: what is wrong with the page it is on, and what to do · MIT */
(() => {
  "use strict";
  const api = window.cartproxy;
  const { script, setting, make, wrong, load } = api.kit;
  const service = new URL(script.src).origin;

  /** What the page's policy blocks while `work` runs: a set of directives. */
  async function blockedWhile(work) {
    const blocked = new Set();
    const listen = (event) => blocked.add(event.effectiveDirective);
    document.addEventListener("securitypolicyviolation", listen);
    const result = await work().catch(() => null);
    await new Promise((done) => setTimeout(done, 50)); // the event comes after the failure
    document.removeEventListener("securitypolicyviolation", listen);
    return { blocked, result };
  }
  const picture = (url) =>
    new Promise((onload, onerror) => Object.assign(new Image(), { onload, onerror, src: url }));
  const sourceOf = (url) => new URL(url, location.href).origin;
  const cspLine = (directive, source) => `Content-Security-Policy: ${directive} … ${source}`;

  /** The service, this origin, the store's id: each is checked only if the one before is right. */
  async function connection(found) {
    const asked = api.base + "/cart";
    const { blocked, result } = await blockedWhile(() => fetch(asked, { credentials: "omit" }));
    if (blocked.has("connect-src")) {
      found("error", "csp-connect", "The page's policy lets no script call the service.", cspLine("connect-src", service));
      return false;
    }
    if (result === null) {
      const reached = await fetch(service + "/livez", { mode: "no-cors" }).catch(() => null);
      if (reached) found("error", "origin-refused", `${location.origin} is not among the store's origins.`, `origins = ["${location.origin}"]  # in [stores.${api.store}] of the service's settings`);
      else found("error", "service-away", `${service} does not answer.`, "Buttons lead to the store until it does. Is the address right, and is the service up?");
      return false;
    }
    const answer = await result.json().catch(() => ({}));
    if (answer.code === "store-not-found") {
      found("error", "store-not-found", `The service knows no store "${api.store}".`, 'data-store="…" of the script tag must be the id of a configured store.');
      return false;
    }
    if (!result.ok) found("warning", answer.code ?? "service-error", answer.detail ?? `The service answers ${result.status}.`, "Try again later; the service's log tells more.");
    return true;
  }
  async function storage(found) {
    if (!api.keeps) found("warning", "storage-blocked", "This browser blocks storage here: a cart lasts until the page is left.", "Shoppers' browsers may be set otherwise. In a frame, open the page by itself.");
    if (!isSecureContext) found("error", "not-secure", "The page is not served over https: browsers keep their locks and random keys from it.", "Serve the page over https.");
    else if (!navigator.locks) found("note", "no-locks", "This browser is too old for locks between tabs.", "Two first adds in two tabs at once may make two carts here.");
    else if (!(await navigator.locks.request("cartproxy-doctor", { ifAvailable: true }, () => true).catch(() => false))) found("note", "locks-refused", "This browser refuses locks here, as it does where site data is blocked.", "Two first adds in two tabs at once may make two carts here.");
    if (wrong["storage-damaged"]) found("note", "storage-damaged", `${wrong["storage-damaged"]}.`, "Does another script of the page write to localStorage under cartproxy:…?");
    if (!navigator.cookieEnabled) found("note", "cookies-blocked", "This browser takes no cookies.", "Buttons with the script work; forms to /buy still lead to the checkout, with a cart each.");
  }
  function tags(found) {
    const scripts = [...document.querySelectorAll('script[src*="/widget/"][src*="/cartproxy.js"]')];
    if (api.loadedTwice || scripts.length > 1) found("warning", "loaded-twice", "The script stands in the page more than once.", "Keep one of the script tags: " + scripts.map((each) => each.src).join(", "));
    if (!api.store) found("error", "no-store", "The script tag names no store.", '<script src="…" data-store="demo" defer></script>');
    if (wrong["two-stores"]) found("warning", "two-stores", `${wrong["two-stores"]}.`, "A page has one store. Its buttons are links to the other one's pages.");
    if (wrong["name-taken"]) found("warning", "name-taken", `${wrong["name-taken"]}.`, "Use <cartproxy-button>, <cartproxy-count> and <cartproxy-drawer> on this page.");
    if (script.matches("[src]:not([integrity])")) found("note", "no-integrity", "The script tag has no integrity.", "`cartproxy snippet` prints a tag with it.");
  }
  /** What the page does to its scripts. */
  function surroundings(found) {
    if (self !== top) found("note", "in-frame", "The page is in a frame.", "Shoppers leave for the checkout by the window around it. A sandboxed frame needs allow-top-navigation-by-user-activation or allow-popups.");
    if ([].toJSON || "".toJSON || Object.prototype.toJSON) found("note", "patched-json", "A script of the page gives arrays, texts or objects a toJSON of its own.", "An old Prototype.js does. The button works; other scripts may not.");
    const language = setting.lang || document.documentElement.lang;
    try {
      new Intl.Locale(language || "en");
    } catch {
      found("note", "language-unknown", `The page's language, "${language}", is none that browsers know.`, 'lang="en-US", with a hyphen');
    }
  }
  /** The page as its server sends it to everybody must not contain a cart. */
  async function cached(found) {
    const response = await fetch(location.href, { credentials: "omit" }).catch(() => null);
    const page = response ? await response.text() : "";
    if (/cpt1_[\w-]{43}|[?&]orderkey=/i.test(page)) {
      const age = response.headers.get("age");
      found("error", "cart-in-page", `The page's HTML holds somebody's cart${age ? `, out of a cache ${age} s old` : ""}.`, "Leave credentials and checkout addresses out of the HTML; the script fetches them for each shopper.");
    }
  }
  async function buttons(found) {
    const { amounts, quantityOf, misfits, listed } = await load("product.js").then(() => api.kit);
    for (const element of document.querySelectorAll("cart-button,cartproxy-button")) {
      const id = element.getAttribute("catalog-id") ?? element.querySelector("[name=catalog_id]")?.value;
      const where = `<cart-button catalog-id="${id ?? ""}">`;
      if ((element.getAttribute("store") ?? api.store) !== api.store) continue;
      const swallowed = element.querySelector("h1,h2,h3,main,footer,cart-button,cart-count,cart-drawer");
      if (swallowed) found("warning", "not-closed", `${where} holds a part of the page: <${swallowed.localName}>.`, "End it with </cart-button>: in HTML, <cart-button … /> is not closed.");
      const around = element.parentElement.closest("form");
      if (around && !element.querySelector("a[href],[formaction]")) found("note", "form-around", `${where} stands in a form of the page's own.`, "A form in a form is none. Without the script a link inside works, a button sends the form around it.");
      else if (!element.querySelector("a[href],form[action]")) found("note", "no-fallback", `${where} has no link or form inside: without the script it is nothing.`, "Put a link to the product's page on the store inside.");
      const product = await api.product(id).catch((error) => error);
      if (product instanceof Error) {
        found("error", product.code, `${where}: ${product.message}`, "Check the catalog id in the store's product list.");
        continue;
      }
      const shown = element.getAttribute("shown-price") ?? "";
      const prices = [product.price, ...product.variants.map((each) => each.unit_price)];
      if (shown && !amounts(shown).length) found("note", "price-unreadable", `${where}: shown-price="${shown}" is no price, and ignored.`, `shown-price="${product.price}"`);
      else if (shown && !prices.some((each) => each && amounts(shown).includes(+each))) found("warning", "price-differs", `${where} shows ${shown}, the store asks ${product.price}.`, `shown-price="${product.price}"`);
      const quantity = element.getAttribute("quantity")?.trim();
      if (quantity && misfits(quantityOf(quantity), product)) found("warning", "quantity-unfit", `${where} can't be had ${quantity} times. ${listed(element, product)}`, `quantity="${product.minimum_quantity ?? 1}"`);
      const away = product.option_sets.filter((each) => each.kind === "unsupported");
      if (away.length) found(away.some((each) => each.required) ? "warning" : "note", "store-only", `${where}: ${away.map((each) => each.name).join(", ")} can be chosen on the store's page only.`, "Where it is required, the button leads there.");
      if (!product.image_url) continue;
      const { blocked } = await blockedWhile(() => picture(product.image_url));
      if (blocked.has("img-src")) found("warning", "csp-img", "The page's policy keeps the store's pictures out of the drawer.", cspLine("img-src", sourceOf(product.image_url)));
    }
    if (document.querySelector("div[data-content-id]")) await load("legacy.js").then(() => api.kit.legacy());
    if (wrong["other-store"]) found("warning", "other-store", `${wrong["other-store"]}.`, "If it is the same store under another name, correct its data-store-url.");
    for (const form of document.querySelectorAll(`form[action^="${service}"]`)) {
      if (form.getAttribute("method")?.toLowerCase() !== "post") found("error", "form-method", "A form to the service is not sent by post.", '<form method="post" …>');
    }
  }
  async function formPolicy(found) {
    const response = await fetch(location.href, { method: "HEAD", credentials: "omit" }).catch(() => null);
    const referrer = document.querySelector("meta[name=referrer i]")?.content || response?.headers.get("referrer-policy");
    const forms = document.querySelector(`form[action^="${service}"]`);
    // Of several, the last one counts.
    if (forms && /(^|[\s,])(no-referrer|same-origin)\s*$/i.test(referrer)) found("warning", "form-origin", `Under the page's referrer policy, ${referrer}, browsers send forms without the page's origin. The service refuses them, should the script be missing.`, "Referrer-Policy: strict-origin-when-cross-origin");
    const metas = [...document.querySelectorAll('meta[http-equiv="Content-Security-Policy" i]')];
    const policies = [response?.headers.get("content-security-policy"), ...metas.map((each) => each.content)];
    for (const policy of policies.filter(Boolean)) {
      const allowed = /(?:^|;)\s*form-action\s([^;]*)/i.exec(policy)?.[1];
      if (allowed !== undefined && !allowed.includes(service)) found("warning", "csp-form", "The page's policy lets no form go to the service, should the script be missing.", cspLine("form-action", service));
    }
  }

  function show(findings) {
    const mark = { error: "✗", warning: "!", note: "·" };
    const items = findings.map(({ level, message, mend }) =>
      make("li", {}, make("b", {}, `${mark[level]} ${message}`), make("br"), make("code", {}, mend)));
    const close = make("button", { type: "button", textContent: "Close", autofocus: true });
    const dialog = make("dialog", { "aria-label": "cartproxy doctor", id: "cartproxy-doctor" },
      make("h2", {}, "cartproxy doctor"),
      findings.length ? make("ul", {}, ...items) : make("p", {}, "Nothing wrong found on this page."),
      close);
    close.onclick = () => dialog.remove();
    document.body.append(dialog);
    dialog.showModal();
  }

  /** @returns {Promise<{level: "error"|"warning"|"note", code: string, message: string, mend: string}[]>} */
  api.examine = async () => {
    const findings = [];
    const found = (level, code, message, mend) => findings.push({ level, code, message, mend });
    tags(found);
    await storage(found);
    surroundings(found);
    if (api.store && (await connection(found))) await buttons(found);
    await formPolicy(found);
    await cached(found);
    document.getElementById("cartproxy-doctor")?.remove();
    show(findings);
    console.table(findings);
    return findings;
  };
})();
