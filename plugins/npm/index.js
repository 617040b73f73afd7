let asked;
let loaded;

/** Starts the widget on this page; see index.d.ts. */
export function loadCartproxy({ service, store, texts = {}, ...settings }) {
  const address = new URL("widget/v1/cartproxy.js", service.replace(/\/*$/, "/")).href;
  asked ??= { address, store };
  if (asked.address !== address || asked.store !== store) {
    return Promise.reject(new Error(`cartproxy: one store a page, and this one has "${asked.store}"`));
  }
  loaded ??= start(address, store, texts, settings).catch((error) => {
    loaded = undefined;
    throw error;
  });
  return loaded;
}

async function start(address, store, texts, { lang, priceCheck, campaign, nonce }) {
  // The widget reads where its service is, and its settings, from a script tag. This one has the
  // address as a property alone: the browser loads nothing, and no policy has to allow it.
  const tag = Object.defineProperty(document.createElement("script"), "src", { value: address });
  const named = { store, lang, "price-check": priceCheck, campaign: campaign ? "" : undefined };
  for (const [key, text] of Object.entries(texts)) named[`text-${key}`] = text;
  for (const [key, value] of Object.entries(named)) {
    if (value !== undefined) tag.setAttribute(`data-${key}`, value);
  }
  if (nonce) tag.nonce = nonce;
  document.head.append(tag);
  try {
    await import("./widget/cartproxy.js");
  } catch (error) {
    tag.remove();
    throw error;
  }
  return window.cartproxy;
}
