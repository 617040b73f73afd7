"""What a blogger pastes: the script's tag, a button, a form for pages without scripts, CSP."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import requests
from markupsafe import escape

from cartproxy.widget import releases

_ASK_SECONDS = 10


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
    form = _form(f"{service}/v1/stores/{store}/buy", product)
    shown = f' shown-price="{product["price"]}"' if "price" in product else ""
    link = f' product-url="{escape(product["product_url"])}"' if product.get("product_url") else ""
    return f"""\
Once, in the page's head:

<script src="{service}/widget/{releases.VERSION}/cartproxy.js" data-store="{store}"
  integrity="{script.integrity}"
  crossorigin="anonymous" defer></script>

Where the button shall stand (without the script, the form inside does the work):

<cart-button catalog-id="{product["catalog_id"]}"{shown}{link}>
{_indented(form)}
</cart-button>

Where the cart shall show, both if you like:

<cart-count>Cart</cart-count>
<cart-drawer></cart-drawer>

Where scripts are not allowed, the form alone:

{form}

If the page has a Content-Security-Policy, these sources must be in it:

Content-Security-Policy: script-src {service}; connect-src {service}; img-src {picture_source}; \
form-action {" ".join([service, *checkouts])}; trusted-types cartproxy
"""


def ask(public_url: str, store: str, catalog_id: int) -> dict[str, Any]:
    """The product as the running service describes it; without an answer, its id alone."""
    url = f"{public_url.rstrip('/')}/v1/stores/{store}/products/{catalog_id}"
    try:
        answer = requests.get(url, timeout=_ASK_SECONDS)
        if answer.status_code == 200:
            return dict(answer.json())
    except (requests.RequestException, ValueError):
        pass
    return {"catalog_id": catalog_id}


def _form(action: str, product: dict[str, Any]) -> str:
    choices = "".join(_choice(each, product) for each in product.get("option_sets", ()))
    return f"""\
<form method="post" action="{action}">
  <input type="hidden" name="catalog_id" value="{product["catalog_id"]}">{choices}
  <label>Quantity <input type="number" name="quantity" value="1" min="1"></label>
  <button>Add to cart</button>
</form>"""


def _choice(options: dict[str, Any], product: dict[str, Any]) -> str:
    number, name = options["option_set_id"], escape(options["name"])
    if not options["options"]:
        return ""  # a text to type has no place in a form whose values begin with an option's id
    empty = "" if options["required"] else '<option value="">-</option>'
    values = "".join(_value(each, product["currency"]) for each in options["options"])
    return f'\n  <label>{name} <select name="option-{number}">{empty}{values}\n  </select></label>'


def _value(option: dict[str, Any], currency: str) -> str:
    name, price = escape(option["name"]), option["price_difference"]
    extra = f" ({'' if price.startswith('-') else '+'}{price} {currency})" if float(price) else ""
    selected = " selected" if option["selected"] else ""
    value = f"{option['option_id']}:{name}"
    return f'\n    <option value="{value}"{selected}>{name}{extra}</option>'


def _indented(text: str) -> str:
    return "\n".join("  " + line for line in text.splitlines())
