"""What a blogger pastes: the script's tag, a button, a form for pages without scripts, CSP."""

from __future__ import annotations

import io
import textwrap
from collections.abc import Sequence
from typing import Any

import requests
import segno
from markupsafe import escape

from cartproxy.widget import releases
from cartproxy.widget.form import buy_form

_ASK_SECONDS = 10


def snippet(
    public_url: str,
    store: str,
    product: dict[str, Any],
    picture_source: str,
    checkouts: Sequence[str],
) -> str:
    """The text for one product.

    `product` is as `GET /products/{id}` answers it, or only `{"catalog_id": …}`;
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
{textwrap.indent(form, "  ")}
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
    """The product as the running service describes it; without an answer, only its id."""
    url = f"{public_url.rstrip('/')}/v1/stores/{store}/products/{catalog_id}"
    try:
        document = requests.get(url, timeout=_ASK_SECONDS).json()
    except (requests.RequestException, ValueError, RecursionError):
        document = None
    # A refusal, and what another service says at this address, names no product.
    is_product = isinstance(document, dict) and document.get("catalog_id") == catalog_id
    return document if is_product else {"catalog_id": catalog_id}
