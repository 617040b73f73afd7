/*! cartproxy widget 1.1.0, what a product asks of its shopper: options, quantities, prices · MIT */
(() => {
  "use strict";
  const api = window.cartproxy;
  const { make, styled, money, text, fixed, problem, words, setting } = api.kit;
  Object.assign(words.en, {
    choose: "Please choose: ",
    price: "The price is now ",
    quantities: "Possible quantities: ",
    "store-only": "to be chosen at the store",
    out: "sold out",
  });
  const STYLE = `
[part=options]{display:flex;flex-wrap:wrap;gap:.6em;margin-block-end:.6em}[part=options]:empty{display:none}
label,fieldset{display:inline-flex;flex-wrap:wrap;gap:.4em;align-items:center;min-width:0;max-width:100%;box-sizing:border-box}
select,input,textarea{max-width:100%}
option{color:FieldText;background:Field}`;
  const LONGEST_TEXT = 255; // that the service takes
  const PER_SET = /^option-(\d+)(?:-(\d+))?$/;

  /** A quantity as people write it ("1,5", " +2"); NaN if it is not a quantity. */
  const quantityOf = (text) => (/^\s*\+?(\d+([.,]\d{0,2}|\.\d*|,\d{4,})?|[.,]\d+)\s*$/.test(text) ? fixed(text.replace(",", ".")) : NaN);
  /** The variant that these options make (of several, the one that names most), and the price of a piece. */
  function priceOf(product, ids) {
    if (!product) return null;
    let variant, more = 0;
    for (const each of product.variants ?? []) {
      if (each.option_ids.every((id) => ids.includes(id)) && !(each.option_ids.length <= variant?.option_ids.length)) variant = each;
    }
    for (const set of product.option_sets) {
      for (const { option_id: id, price_difference: price } of set.options) if (ids.includes(id)) more = fixed(more + +price);
    }
    return { variant, unit: +(variant?.unit_price ?? product.price), more };
  }
  /** Whether a product is not sold in this quantity. */
  function misfits(quantity, { minimum_quantity: least, maximum_quantity: most, quantity_step: step, fractional_quantity: any } = {}) {
    if (!(quantity > 0) || quantity < least || (most && quantity > most)) return true;
    return step ? fixed((quantity - (least ?? 0)) / step) % 1 !== 0 : any === false && quantity % 1 !== 0;
  }
  /** The possible quantities, in words. */
  function listed(element, { minimum_quantity: least, maximum_quantity: most, quantity_step: step } = {}) {
    const first = least ?? step ?? 1;
    const second = fixed(first + (step ?? 1));
    return text("quantities", element) + (most && most < second ? first : `${first}, ${second} …${most ? " " + most : ""}`);
  }
  /** What prices as people write them ("$9.99", "1.234,50", "was 12, now 9.99") may mean; none if there is none. */
  const amounts = (written) =>
    (written ?? "").match(/[.,]?\d+(?:[.,'’]\d+)*(?:\s\d{3}(?!\d)(?:[.,]\d+)?)*/g)?.flatMap((found) => {
      // A blank may separate thousands, or two numbers.
      return [found.replace(/\s/g, ""), ...found.split(/\s/)].flatMap((each) => {
        const digits = each.replace(/['’]/g, "");
        const whole = +digits.replace(/[.,]/g, "");
        const [, before, after] = /^(.*)[.,](\d+)$/.exec(digits) ?? [];
        return after ? [+`${before.replace(/[.,]/g, "")}.${after}`, ...(after.length === 3 ? [whole] : [])] : whole;
      });
    }) ?? [];

  class Choices {
    #element;
    #product;
    #controls;
    #by; // the pressed button

    /** `box` gets the controls; `changed` is called whenever the shopper has chosen something else. */
    constructor(element, product, box, changed) {
      // Once for each element: its product may change.
      if (!box.oninput) styled(element, STYLE);
      this.#element = element;
      this.#product = product;
      this.#controls = product.option_sets.map((set) => this.#control(set, box)).filter(Boolean);
      box.oninput = changed;
      // Inside a link of the page's own, it must not follow that link.
      box.onclick = (event) => event.target.matches("label,a,[type=checkbox]") || event.preventDefault();
      element.addEventListener("change", changed); // fields of the page's own
      const field = this.#field("quantity");
      const least = product.minimum_quantity ?? product.quantity_step;
      // What the shopper has typed meanwhile stays, and is checked when it is sent.
      if (field && least && field.value === field.defaultValue && misfits(quantityOf(field.value), product)) field.value = least;
    }
    /** Whether a required option can only be chosen on the store's own page. */
    get atStore() {
      return this.#controls.some((each) => each.atStore);
    }
    /** A hint about the choice: that it is not available, or its price. */
    hint() {
      const { variant, unit } = this.#price();
      this.#markSoldOut();
      if (variant?.available === false) return text("sold", this.#element);
      const shown = amounts(this.#element.getAttribute("shown-price"));
      const differs = variant ? (shown.length ? !shown.includes(unit) : variant.unit_price) : this.#differs(shown);
      return differs ? text("price", this.#element) + money(unit, this.#product.currency) : "";
    }
    /** Options and quantity to add. Throws a problem with its `title`; `seen`: the shopper saw the controls before; `by`: the pressed button. */
    item(seen, field, written, by) {
      this.#by = by;
      const missing = this.#controls.find((each) => each.set.required && !each.read().length)
        ?? (seen ? null : this.#controls.find((each) => each.ours));
      if (missing) {
        missing.input?.focus();
        throw problem({ code: "option-missing", title: text("choose", this.#element) + missing.set.name, leads: !missing.input });
      }
      const { variant, unit } = this.#price();
      if (variant?.available === false) throw problem({ code: "sold-out", title: text("sold", this.#element), leads: !this.#controls.some((each) => each.input) });
      const check = this.#element.getAttribute("price-check") ?? setting.priceCheck;
      if (/block/i.test(check) && this.#differs(amounts(this.#element.getAttribute("shown-price")))) {
        throw problem({ code: "price-changed", title: text("price", this.#element) + money(unit, this.#product.currency) });
      }
      const least = this.#product.minimum_quantity ?? this.#product.quantity_step;
      let quantity = written.trim() ? quantityOf(written) : least ?? 1;
      if (!field && quantity < least) quantity = least;
      if (misfits(quantity, this.#product)) {
        field?.focus();
        throw problem({ code: "quantity", title: listed(this.#element, this.#product), leads: !field });
      }
      return { quantity, options: this.#options() };
    }
    /** The text of a refusal that names a field, which gets the focus; nothing for others. */
    explain(error, item) {
      const first = error.errors?.[0];
      if (!first) return null;
      const at = /options\/(\d+)/.exec(first.pointer)?.[1];
      const control = this.#controls.find((each) => each.set.option_set_id === item?.options?.[at]?.option_set_id);
      (control?.input ?? (/quantity/.test(first.pointer) && this.#field("quantity")) ?? null)?.focus?.();
      return (control ? control.set.name + ": " : "") + first.detail;
    }

    #field(name) {
      return this.#element.querySelector(`[name="${name}"]`);
    }
    #options() {
      return this.#controls.flatMap((each) => each.read());
    }
    #price() {
      return priceOf(this.#product, this.#options().map((each) => each.option_id));
    }
    /** Whether the page shows a price that the product does not have. */
    #differs(shown) {
      const { price, variants = [] } = this.#product;
      return shown.length > 0 && ![price, ...variants.map((each) => each.unit_price)].some((each) => each && shown.includes(+each));
    }
    /** A set's control: `{set, input?, ours?, atStore?, read() -> Option[]}`; its kind decides which. */
    #control(set, box) {
      const { option_set_id: id, kind, name, options, required } = set;
      const chosen = (option_id, value) => ({ option_set_id: id, option_id, value });
      const named = (wanted) => options.filter((each) => wanted.includes(each.option_id)).map((each) => chosen(each.option_id, each.name));
      const typed = kind === "text" || kind === "multiline";
      if (kind === "heading") {
        box.append(make("b", { part: "heading", textContent: name }));
        return null;
      }
      const fields = [...this.#element.querySelectorAll(`[name="option-${id}"],[name^="option-${id}-"]`)];
      if (fields.length) return { set, input: fields[0], read: () => this.#ofFields(id) };
      const preset = () => { // the attribute may change
        const to = this.#element.getAttribute("option-" + id);
        return !to ? [] : typed ? [chosen(options[0]?.option_id ?? id, to)] : named(to.split(",").map(Number));
      };
      if (preset().length) return { set, read: preset };
      const extra = ({ price_difference: more }) => (+more ? ` (${+more > 0 ? "+" : ""}${money(more, this.#product.currency)})` : "");
      if (kind === "single" && options.length) {
        const input = make("select", { part: "option", required });
        if (!required || !options.some((each) => each.selected)) input.add(make("option", { textContent: "–", value: "" }));
        const entries = options.map((each) => {
          const entry = make("option", { textContent: each.name + extra(each), value: each.option_id, defaultSelected: each.selected });
          input.add(entry);
          return { entry, id: each.option_id, label: entry.text };
        });
        box.append(make("label", {}, name, input));
        return { set, input, ours: true, entries, read: () => named([+input.value]) };
      }
      if (kind === "multiple" && options.length) {
        const boxes = options.map((each) => make("input", { type: "checkbox", part: "option", value: each.option_id, checked: each.selected }));
        const labels = options.map((each, at) => make("label", {}, boxes[at], each.name + extra(each)));
        box.append(make("fieldset", { part: "option-set" }, make("legend", {}, name), ...labels));
        return { set, input: boxes[0], ours: true, read: () => named(boxes.filter((each) => each.checked).map((each) => +each.value)) };
      }
      if (typed) {
        const entries = options.length ? options : [{ option_id: id, name, price_difference: 0 }];
        const inputs = entries.map((each) => {
          const input = make(kind === "text" ? "input" : "textarea", { part: "option", required, maxLength: Math.min(set.max_length ?? LONGEST_TEXT, LONGEST_TEXT) });
          box.append(make("label", {}, (each.name === name ? name : `${name}: ${each.name}`) + extra(each), input));
          return input;
        });
        // The store takes single lines only.
        const words = (input) => input.value.replace(/\s+/g, " ").trim();
        return { set, input: inputs[0], ours: true, read: () => entries.flatMap((each, at) => (words(inputs[at]) ? chosen(each.option_id, words(inputs[at])) : [])) };
      }
      const url = this.#element.getAttribute("product-url") ?? this.#product.product_url;
      const note = text("store-only", this.#element);
      box.append(make("span", { part: "store-only" }, name + ": ", url ? make("a", { href: url, textContent: note, target: "_top" }) : note));
      return { set, atStore: required, read: () => [] };
    }
    /** A set's options in the page's own fields, as a form would send them. */
    #ofFields(set) {
      return [...this.#element.querySelectorAll('[name^="option-"]')].flatMap((field) => {
        const [, of, option] = PER_SET.exec(field.getAttribute("name")) ?? [];
        const off = field.disabled || (/radio|checkbox/.test(field.type) && !field.checked) || (/submit|button|image/.test(field.type) && field !== this.#by);
        if (+of !== set || off) return [];
        return [...(field.selectedOptions ?? [field])].filter(({ value }) => value.trim()).map(({ value }) => {
          const [id, ...rest] = option ? [option, value] : value.split(":");
          return { option_set_id: set, option_id: +id, value: rest.join(":").replace(/\s+/g, " ").trim() };
        });
      });
    }
    /** Mark each choice that is sold out in combination with the current other ones. */
    #markSoldOut() {
      for (const control of this.#controls) {
        for (const { entry, id, label } of control.entries ?? []) {
          const others = this.#controls.flatMap((each) => (each === control ? id : each.read().map((option) => option.option_id)));
          const { variant } = priceOf(this.#product, others);
          const gone = variant?.available === false && variant.option_ids.includes(id);
          const shown = gone ? `${label} – ${text("out", this.#element)}` : label;
          if (entry.text !== shown) entry.text = shown;
        }
      }
    }
  }
  Object.assign(api.kit, { Choices, priceOf, quantityOf, misfits, listed, amounts });
})();
