/** The block in the editor: a preview drawn by the server, and the fields beside it. */
((wp) => {
  "use strict";
  const { blocks, blockEditor, components, element, i18n, serverSideRender } = wp;
  const { createElement: make } = element;
  const { __ } = i18n;

  function Edit({ attributes, setAttributes }) {
    const field = (name, label, help) =>
      make(components.TextControl, {
        label,
        help,
        value: attributes[name],
        onChange: (value) => setAttributes({ [name]: value.trim() === "" ? "" : value }),
      });
    const number = field(
      "catalogId",
      __("Catalog id", "cartproxy"),
      __("The product's number at the shop, such as 3829.", "cartproxy"),
    );
    const fields = make(
      blockEditor.InspectorControls,
      {},
      make(
        components.PanelBody,
        { title: __("Product", "cartproxy") },
        number,
        field("text", __("Text of the button", "cartproxy")),
        field("quantity", __("Quantity of a press", "cartproxy")),
        make(components.ToggleControl, {
          label: __("Show name and price", "cartproxy"),
          checked: attributes.details,
          onChange: (details) => setAttributes({ details }),
        }),
        field(
          "shownPrice",
          __("Price in your own text", "cartproxy"),
          __("The button then tells readers when the shop's price has changed.", "cartproxy"),
        ),
        field(
          "url",
          __("The product's page", "cartproxy"),
          __("Where the link leads without scripts; empty: the page that the shop names.", "cartproxy"),
        ),
        make(components.ToggleControl, {
          label: __("Without scripts, buy at once by a form", "cartproxy"),
          checked: attributes.fallback === "form",
          onChange: (form) => setAttributes({ fallback: form ? "form" : "" }),
        }),
      ),
    );
    const known = /^[1-9][0-9]{0,8}$/.test(attributes.catalogId);
    const preview = known
      ? make(components.Disabled, {}, make(serverSideRender, { block: "cartproxy/button", attributes }))
      : make(components.Placeholder, { icon: "cart", label: __("Cart button", "cartproxy") }, number);
    return make(element.Fragment, {}, fields, make("div", blockEditor.useBlockProps(), preview));
  }

  blocks.registerBlockType("cartproxy/button", { edit: Edit, save: () => null });
})(window.wp);
