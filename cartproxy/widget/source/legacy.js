/*! cartproxy widget 1.1.0, for pages written for the store's own buy widget · MIT */
(() => {
  "use strict";
  const api = window.cartproxy;
  const { make, money, text, warn } = api.kit;
  const BOXES = "div[data-content-id]:is(.buy-content,[data-store-url])";
  const LOOKS = { button_color: "--cart-accent", button_text_color: "--cart-on-accent", bgd_color: "background-color", text_color: "color" };

  const link = (href) => make("a", { href }); // not `URL`, which is a name that pages take
  const host = (url) => link(url).host.replace(/^www\./, "");
  /** The store's root, as an address that a link may have. */
  function root(written) {
    const { href, host } = link(written.replace(/^(?!https?:\/\/)(\/\/)?/i, "https://"));
    return host && href;
  }
  async function fill(box) {
    const given = (name) => (box.getAttribute("data-" + name) ?? "").trim();
    const shop = root(given("store-url"));
    const label = given("content-button_text") || text("add");
    const product = await api.product(given("content-id")).catch(() => null);
    const known = product?.product_url ?? product?.image_url;
    if (known && shop && host(known) !== host(shop)) return warn("other-store", `a buy widget of ${shop} is left alone: the store here is ${link(known).origin}`);
    const { style } = box;
    for (const [name, property] of Object.entries(LOOKS)) {
      const color = given(name).replace(/^(?=([\da-f]{3}){1,2}$)/i, "#");
      if (CSS.supports("color", color)) style.setProperty(property, color);
    }
    const add = (tag, part, fields, ...children) => box.append(make(tag, { class: "buy-content-" + part, ...fields }, ...children));
    if (!product) return shop && add("a", "buybtn", { href: shop }, label);
    const shows = (what) => !/^(false|no|off|0)$/i.test(given("product-" + what));
    if (shows("thumb") && product.image_url) add("img", "image", { src: product.image_url, alt: shows("name") ? "" : product.name });
    if (shows("name")) add("div", "itemname", {}, product.name);
    if (shows("price")) add("div", "itemprice", {}, money(product.price, product.currency));
    if (product.available && given("stock-text")) add("div", "status", {}, given("stock-text"));
    add("cartproxy-button", "buybtn", {
      "catalog-id": product.catalog_id, "text-add": label, "product-url": product.product_url ?? shop,
      "text-sold": given("nostock-text") || text("sold"),
    });
  }
  /** A box with something inside was filled by another script; one that we filled may be emptied. */
  const look = () =>
    Promise.all([...document.querySelectorAll(BOXES)].map((box) =>
      box.childElementCount || (box.filling ??= fill(box).then(() => box.childElementCount && delete box.filling))));
  /** Fill the boxes of the page; resolves when all are filled. */
  api.kit.legacy = look;
  new MutationObserver(look).observe(document, { childList: true, subtree: true });
  look();
})();
