"""The store's own pages: products to look at, and the checkout that places the order."""

from __future__ import annotations

import hashlib
import re

from flask import Blueprint, Response, abort, current_app, redirect, render_template, request
from markupsafe import Markup
from werkzeug.wrappers import Response as AnyResponse

from cartproxy.sandbox.carts import Cart
from cartproxy.sandbox.state import State

pages = Blueprint("pages", __name__)

_LETTERS = re.compile(r"[a-z0-9]{1,20}")


def _state() -> State:
    state: State = current_app.extensions["sandbox"]
    return state


@pages.get("/")
def home() -> str:
    """What this is, and what it sells."""
    products = [each for each in _state().carts.catalogue.values() if not each.hide]
    return render_template("home.html", products=products)


@pages.get("/product-p/<int:catalog_id>")
def product(catalog_id: int) -> str:
    """A product's page, where a button leads that has no script."""
    found = _state().carts.catalogue.get(catalog_id)
    if found is None or found.hide:
        abort(404)
    return render_template("product.html", product=found, description=Markup(found.description))  # noqa: S704


@pages.get("/continue_order.asp")
def checkout() -> str:
    """The checkout of the cart that the link names."""
    return render_template("checkout.html", cart=_linked_cart())


@pages.post("/continue_order.asp")
def place_order() -> AnyResponse:
    """Place the order: the cart is a cart no more."""
    cart = _linked_cart()
    if cart.state == "open" and cart.lines:
        _state().carts.finish(cart.order_key, "ordered")
    return redirect(request.url, 303)


@pages.get("/assets/images/<name>.svg")
def image(name: str) -> Response:
    """A picture of a product: a coloured tile with its first letters."""
    if not _LETTERS.fullmatch(name):
        abort(404)
    hue = int.from_bytes(hashlib.sha256(name.encode()).digest()[:2]) % 360
    svg = render_template("picture.svg", hue=hue, letters=name[:3].upper())
    return Response(svg, content_type="image/svg+xml")


def _linked_cart() -> Cart:
    cart = _state().carts.by_link(request.args.get("orderkey", ""))
    if cart is None or cart.state == "gone":
        abort(404)
    return cart
