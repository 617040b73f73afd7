"""The store's own pages: products, and the checkout that leads to the gateway."""

from __future__ import annotations

import hashlib
import re
from urllib.parse import urlencode

from flask import Blueprint, Response, abort, jsonify, redirect, render_template, request
from markupsafe import Markup
from werkzeug.wrappers import Response as AnyResponse

from cartproxy.sandbox import payments
from cartproxy.sandbox.carts import Cart
from cartproxy.sandbox.catalogue import Product
from cartproxy.sandbox.state import current_state

pages = Blueprint("pages", __name__)

_LETTERS = re.compile(r"[a-z0-9]{1,20}")


@pages.get("/")
def home() -> str:
    """What this server is, and its products."""
    products = [
        Product(each) for each in current_state().carts.catalogue.values() if not each.get("Hide")
    ]
    return render_template("home.html", products=products)


@pages.get("/product-p/<int:catalog_id>")
def product(catalog_id: int) -> str:
    """A product's page: where a button leads without scripts."""
    record = current_state().carts.catalogue.get(catalog_id)
    if record is None or record.get("Hide"):
        abort(404)
    found = Product(record)
    return render_template("product.html", product=found, description=Markup(found.description))  # noqa: S704


@pages.get("/continue_order.asp")
def checkout() -> str:
    """The checkout of the cart that the link names."""
    return render_template("checkout.html", cart=_linked_cart())


@pages.post("/continue_order.asp")
def pay() -> AnyResponse | tuple[str, int]:
    """Send the shopper to the gateway, as its CheckoutResponse says."""
    cart = _linked_cart()
    if cart.state != "open" or not cart.lines:
        return redirect(request.url, 303)
    try:
        answer = payments.begin(current_state(), cart)
    except payments.PaymentError:
        return render_template("payment.html", cart=cart, code=None), 502
    token, url = answer.get("paymenttoken") or "", str(answer.get("redirecturl", ""))
    if str(answer.get("redirectmethod", "GET")).upper() == "POST":
        return render_template("to_gateway.html", url=url, token=token), 200
    query = urlencode({"paymenttoken": token}) if token else ""
    return redirect(url + (("&" if "?" in url else "?") + query if query else ""), 303)


@pages.post("/paymentreceive_json.asp")
def notify() -> Response:
    """The gateway reports the outcome of a payment (CompleteOrderRequest)."""
    body = request.get_json(force=True, silent=True)
    return jsonify(payments.complete(current_state(), body if isinstance(body, dict) else {}))


@pages.get("/paymentreceive.asp")
@pages.get("/checkout.asp")
def come_back() -> AnyResponse:
    """The shopper returns from the gateway: to the order, or to the open cart."""
    return redirect(_checkout_address(_returned_cart()), 303)


@pages.get("/error.asp")
def failed() -> str:
    """The payment failed: nothing was ordered."""
    return render_template("payment.html", cart=_returned_cart(), code=request.args.get("error"))


@pages.get("/admin/login.asp")
def admin() -> str:
    """Where a login token leads."""
    return render_template("admin.html")


@pages.get("/assets/images/<name>.svg")
def image(name: str) -> Response:
    """A picture of a product: a coloured tile with its first letters."""
    if not _LETTERS.fullmatch(name):
        abort(404)
    hue = int.from_bytes(hashlib.sha256(name.encode()).digest()[:2]) % 360
    svg = render_template("picture.svg", hue=hue, letters=name[:3].upper())
    return Response(svg, content_type="image/svg+xml")


def _linked_cart() -> Cart:
    return _cart(request.args.get("orderkey", ""))


def _returned_cart() -> Cart:
    payment = payments.returned(current_state(), request.args)
    return _cart(payment.order_key if payment else "")


def _cart(link_key: str) -> Cart:
    cart = current_state().carts.by_link(link_key)
    if cart is None or cart.state == "gone":
        abort(404)
    return cart


def _checkout_address(cart: Cart) -> str:
    return f"/continue_order.asp?orderkey={cart.order_key}{cart.order_id}&checkout=1"


@pages.app_context_processor
def _on_every_page() -> dict[str, object]:
    """The scripts that applications put on the store's pages, and the way back to the checkout."""

    def scripts(placement: str) -> Markup:
        found = current_state().records["FrontendScripts"].values()
        return Markup("").join(
            Markup(each["Code"])  # noqa: S704
            for each in found
            if each["Placement"] == placement
        )

    return {"scripts": scripts, "checkout_address": _checkout_address}
