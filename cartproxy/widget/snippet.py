"""What a blogger pastes: the script's tag, a button, a form for pages without scripts, CSP."""

from __future__ import annotations

import io
from collections.abc import Sequence
from decimal import Decimal
from typing import Any

import requests
import segno
from markupsafe import escape

from cartproxy.model.cart import plain
from cartproxy.widget import releases

_ASK_SECONDS = 10
MAX_TEXT = 255  # characters of an option's value that the API takes


def snippet(
    public_url: str,
    store: str,
    product: dict[str, Any],
    picture_source: str,
    checkouts: Sequence[str],
) -> str:
    """The text for one product.

    `product` is as `GET /products/{id}` answers it, or `{"catalog_id": …}` alone;
    `picture_source` and `checkouts` are origins.
    """
    service = public_url.rstrip("/")
    script = releases.script(releases.VERSION, "cartproxy.js")
    form = buy_form(f"{service}/v1/stores/{store}/buy", product)
    shown = f' shown-price="{product["price"]}"' if "price" in product else ""
    link = f' product-url="{escape(product["product_url"])}"' if product.get("product_url") else ""
    return f"""\
Once, in the page's head:

<script src="{service}/widget/{releases.VERSION}/cartproxy.js" data-store="{store}"
  integrity="{script.integrity}"
  crossorigin="anonymous" defer></script>

Where the button should be (without the script, the form inside works):

<cart-button catalog-id="{product["catalog_id"]}"{shown}{link}>
{_indented(form)}
</cart-button>

Where the cart should be, one or both:

<cart-count>Cart</cart-count>
<cart-drawer></cart-drawer>

Where scripts are not allowed, only the form:

{form}

If the page has a Content-Security-Policy, these sources must be in it:

Content-Security-Policy: script-src {service}; connect-src {service}; img-src {picture_source}; \
form-action {" ".join([service, *checkouts])}; trusted-types cartproxy
"""


def buy_link(public_url: str, store: str, catalog_id: int) -> str:
    """The address of the page that sells the product, for mail, feeds and print."""
    return f"{public_url.rstrip('/')}/v1/stores/{store}/buy/{catalog_id}"


def qr_code(link: str) -> str:
    """The link as an SVG picture, which bears a tenth of it being damaged or covered."""
    picture = io.BytesIO()
    # White, so that it can be read on a dark page too.
    segno.make_qr(link, error="m").save(picture, kind="svg", scale=8, light="white", xmldecl=False)
    return picture.getvalue().decode().rstrip()


def ask(public_url: str, store: str, catalog_id: int) -> dict[str, Any]:
    """The product as the running service describes it; without an answer, its id alone."""
    url = f"{public_url.rstrip('/')}/v1/stores/{store}/products/{catalog_id}"
    try:
        document = requests.get(url, timeout=_ASK_SECONDS).json()
    except (requests.RequestException, ValueError, RecursionError):
        document = None
    # A refusal, and what another service says at this address, names no product.
    is_product = isinstance(document, dict) and document.get("catalog_id") == catalog_id
    return document if is_product else {"catalog_id": catalog_id}


def buy_form(
    action: str,
    product: dict[str, Any],
    *,
    quantity: Decimal | None = None,
    button: str = "Add to cart",
) -> str:
    """A form that /buy takes; a link where only the store's own page can take an option.

    `product` is as above. It begins with `quantity`, where so many can be had.
    """
    sets = product.get("option_sets", ())
    if any(each["required"] and _at_store(each) for each in sets):
        return f'<a href="{escape(product["product_url"])}">Buy it at the store</a>'
    choices = "".join("\n" + _choice(each, product) for each in sets)
    return f"""\
<form method="post" action="{action}" accept-charset="utf-8">
  <input type="hidden" name="catalog_id" value="{product["catalog_id"]}">{choices}
  <label>Quantity <input type="number" name="quantity" {_quantity(product, quantity)}></label>
  <button>{button}</button>
</form>"""


def _quantity(product: dict[str, Any], wanted: Decimal | None) -> str:
    """The attributes of the field, which begins with what is wanted, or the least there is."""
    step, most = product.get("quantity_step"), product.get("maximum_quantity")
    least = product.get("minimum_quantity") or step or 1
    every = step or ("any" if product.get("fractional_quantity") else 1)
    # Where any amount can be had, the least is what the store says, or more than nothing.
    lowest = least if product.get("minimum_quantity") or every != "any" else 0
    limit = f' max="{most}"' if most else ""
    pace = f' step="{every}"' if every != 1 else ""
    first = least
    if wanted and wanted >= lowest:
        first = most if most and wanted > most else plain(wanted)
    return f'value="{first}" min="{lowest}"{limit}{pace}'


def _at_store(options: dict[str, Any]) -> bool:
    nothing_there = options["kind"] in ("single", "multiple") and not options["options"]
    return options["kind"] == "unsupported" or nothing_there


def _choice(options: dict[str, Any], product: dict[str, Any]) -> str:
    """A set's field, by its kind. Nothing is chosen that the store does not mark."""
    number, name, kind = options["option_set_id"], escape(options["name"]), options["kind"]
    if kind == "heading":
        return f"  <strong>{name}</strong>"
    if _at_store(options):
        link = f'<a href="{escape(product["product_url"])}">at the store</a>'
        return f"  <span>{name}: {link}</span>"
    if kind in ("text", "multiline"):
        own = {"option_id": number, "name": options["name"], "price_difference": "0"}
        entries = options["options"] or [own]
        return "\n".join(_text(options, each, len(entries), product) for each in entries)
    if kind == "multiple":
        boxes = "".join(_box(number, each, product) for each in options["options"])
        return f"  <fieldset><legend>{name}</legend>{boxes}\n  </fieldset>"
    required = " required" if options["required"] else ""
    marked = required and any(
        each["selected"] and not _gone(each, product) for each in options["options"]
    )
    empty = "" if marked else '\n    <option value="">-</option>'
    values = "".join(_value(each, product) for each in options["options"])
    select = f'<select name="option-{number}"{required}>{empty}{values}\n  </select>'
    return f"  <label>{name} {select}</label>"


def _text(
    options: dict[str, Any], entry: dict[str, Any], entries: int, product: dict[str, Any]
) -> str:
    label = escape(options["name"])
    if entry["name"] != options["name"]:
        label += escape(f": {entry['name']}")
    attributes = f'name="option-{options["option_set_id"]}-{entry["option_id"]}"'
    attributes += f' maxlength="{min(options["max_length"] or MAX_TEXT, MAX_TEXT)}"'
    if options["required"] and entries == 1:
        attributes += " required"
    tags = f"<input {attributes}>"
    if options["kind"] == "multiline":
        tags = f"<textarea {attributes}></textarea>"
    return f"  <label>{label}{_extra(entry, product)} {tags}</label>"


def _box(number: int, option: dict[str, Any], product: dict[str, Any]) -> str:
    name = escape(option["name"])
    checked = " checked" if option["selected"] else ""
    value = f'value="{option["option_id"]}:{name}"{checked}'
    box = f'<input type="checkbox" name="option-{number}" {value}>'
    return f"\n    <label>{box} {name}{_extra(option, product)}</label>"


def _value(option: dict[str, Any], product: dict[str, Any]) -> str:
    name = escape(option["name"])
    gone = _gone(option, product)
    selected = " selected" if option["selected"] and not gone else ""
    state = " disabled" if gone else selected
    shown = f"{name}{_extra(option, product)}{' - sold out' if gone else ''}"
    return f'\n    <option value="{option["option_id"]}:{name}"{state}>{shown}</option>'


def _gone(option: dict[str, Any], product: dict[str, Any]) -> bool:
    """Whether the option is sold out whatever else is chosen."""
    return any(
        each["option_ids"] == [option["option_id"]] and not each["available"]
        for each in product.get("variants", ())
    )


def _extra(option: dict[str, Any], product: dict[str, Any]) -> str:
    price = option["price_difference"]
    sign = "" if price.startswith("-") else "+"
    return f" ({sign}{price} {product['currency']})" if float(price) else ""


def _indented(text: str) -> str:
    return "\n".join("  " + line for line in text.splitlines())
