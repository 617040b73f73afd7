"""The control API by which tests and demos watch and set the store. For this machine only."""

from __future__ import annotations

import ipaddress
from decimal import Decimal, InvalidOperation
from typing import Any

from flask import Blueprint, Response, abort, jsonify, request

from cartproxy.sandbox import payments
from cartproxy.sandbox.carts import Cart
from cartproxy.sandbox.errors import Refusal
from cartproxy.sandbox.fields import Record, merge, read
from cartproxy.sandbox.state import current_state
from cartproxy.sandbox.tables import PRODUCT

control = Blueprint("control", __name__, url_prefix="/_sandbox")


@control.before_request
def only_this_machine() -> None:
    """Refuse every address but loopback."""
    if not ipaddress.ip_address(request.remote_addr or "0.0.0.0").is_loopback:  # noqa: S104
        abort(403)


@control.errorhandler(ValueError)
def explain(error: ValueError) -> tuple[Response, int]:
    """Say what is wrong with the body."""
    return jsonify(error=str(error)), 400


@control.get("/calls")
def show_calls() -> Response:
    """`[{n, method, path, status, at}]`, in order; `at` in seconds since 1970."""
    return jsonify(current_state().calls.show())


@control.delete("/calls")
def forget_calls() -> Response:
    """Forget the calls, and answer the forgotten ones: none that comes meanwhile is lost."""
    return jsonify(current_state().calls.forget())


@control.get("/carts")
def show_carts() -> Response:
    """`[{order_key, state, lines: [{item_id, catalog_id, quantity}]}]`."""
    with current_state().carts.lock:
        return jsonify([_cart(cart) for cart in current_state().carts.all()])


@control.get("/faults")
def show_faults() -> Response:
    """The remaining faults."""
    return jsonify(current_state().faults.show())


@control.put("/faults")
def put_faults() -> Response:
    """Replace all faults."""
    current_state().faults.replace(_json())
    return show_faults()


@control.get("/settings")
def show_settings() -> Response:
    """The switches."""
    return jsonify(current_state().switches)


@control.put("/settings")
def put_settings() -> Response:
    """Change the switches that the body names."""
    changes = _json()
    if not isinstance(changes, dict):
        raise ValueError("the settings must be an object")
    current_state().switches = current_state().switches.changed(changes)
    return show_settings()


@control.put("/products/<int:catalog_id>")
def put_product(catalog_id: int) -> tuple[str, int]:
    """Change `price`, `stock` or `hide` of a product."""
    product = current_state().carts.catalogue.get(catalog_id)
    changes = _json()
    if product is None or not isinstance(changes, dict):
        raise ValueError("there is no such product, or the body is not an object")
    for name, value in changes.items():
        if name == "hide" and isinstance(value, bool):
            product["Hide"] = value
        elif name in ("price", "stock"):
            product["SKUInfo"][name.capitalize()] = _decimal(value)
        else:
            raise ValueError(f"{name} can't be {value!r}")
    return "", 204


@control.put("/products")
def put_products() -> tuple[str, int]:
    """Replace the catalogue with products as the API returns them, with their ids."""
    documents = _json()
    if not isinstance(documents, list):
        raise ValueError("the products must be a list")
    products: list[Record] = [{} for _ in documents]
    try:
        for product, each in zip(products, documents, strict=True):
            merge(PRODUCT, product, read(PRODUCT, each), current_state().new_id)
    except Refusal as refusal:
        raise ValueError(refusal.message) from None
    by_id = {each.get("SKUInfo", {}).get("CatalogID", 0): each for each in products}
    if not all(by_id) or len(by_id) < len(products):
        raise ValueError("each product needs its own CatalogID")
    current_state().set_products(by_id)
    return "", 204


@control.get("/emails")
def show_emails() -> Response:
    """`[{to, order_id, status}]`: the e-mails that customers would have received."""
    return jsonify(current_state().emails)


@control.get("/webhooks")
def show_deliveries() -> Response:
    """`[{event, url, status}]`: every attempt to deliver a webhook; status null: no answer."""
    return jsonify(current_state().deliveries)


@control.post("/orders/<int:order_id>/refund")
def refund(order_id: int) -> tuple[Response, int]:
    """Ask the gateway to refund all, or `{"amount": "5.00"}`. Returns the gateway's answer."""
    order = current_state().records["Orders"].get(order_id)
    if order is None:
        return jsonify(error="no such order"), 404
    body = request.get_json(force=True, silent=True) or {}
    amount = _decimal(body["amount"]) if "amount" in body else None
    try:
        return jsonify(payments.refund(current_state(), order, amount)), 200
    except payments.PaymentError as error:
        return jsonify(error=str(error)), 502


@control.post("/reset")
def reset() -> tuple[str, int]:
    """Return the store to its initial state."""
    current_state().reset()
    return "", 204


def _json() -> Any:
    body = request.get_json(force=True, silent=True)
    if body is None:
        raise ValueError("the body is not JSON")
    return body


def _decimal(value: Any) -> Decimal:
    try:
        return Decimal(str(value))
    except InvalidOperation:
        raise ValueError(f"{value!r} is not a number") from None


def _cart(cart: Cart) -> dict[str, Any]:
    lines = [
        {
            "item_id": str(line.item_id),
            "catalog_id": line.catalog_id,
            "quantity": int(line.quantity) if line.quantity % 1 == 0 else float(line.quantity),
        }
        for line in cart.lines
    ]
    return {"order_key": cart.order_key, "state": cart.state, "lines": lines}
