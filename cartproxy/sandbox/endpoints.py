"""The store's endpoints: from method and path to status and document.

Carts are handled here; all other resources share the code of `record_calls`.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from cartproxy.sandbox import record_calls, responses
from cartproxy.sandbox.bodies import integer, number, parse, read_item
from cartproxy.sandbox.errors import Refusal
from cartproxy.sandbox.record_calls import Result
from cartproxy.sandbox.responses import envelope
from cartproxy.sandbox.state import State
from cartproxy.sandbox.tables import CART

_CREATED = "Created successfully"
_UPDATED = "Updated successfully"
_DELETED = "Deleted successfully"


def answer(state: State, method: str, path: str, body: bytes) -> Result:
    """Execute the call and return HTTP status and JSON document. Raises Refusal.

    `path` is the part after the version. One call is executed at a time.
    """
    with state.carts.lock:
        for pattern, calls in _ROUTES:
            match = pattern.fullmatch(path.rstrip("/"))
            if match and method in calls:
                call: Callable[..., Result] = calls[method]
                return call(state, body, *match.groups())
            if match:
                raise Refusal(405, "Method not allowed")
        return record_calls.answer(state, method, path, body)


def _create_cart(state: State, body: bytes) -> Result:
    cart = state.carts.create(_cart_fields(body))
    return 201, envelope("OrderKey", cart.order_key, 201, _CREATED, state.switches)


def _get_cart(state: State, _body: bytes, key: str) -> Result:
    switches = state.switches
    cart = state.carts.find(key, switches, writing=False)
    url = switches.checkout_url_template.format(
        base=state.base, order_key=cart.order_key, order_id=cart.order_id
    )
    return switches.get_status, responses.cart(cart, url, switches)


def _put_cart(state: State, body: bytes, key: str) -> Result:
    """Change only the fields in the body (docs/store-api.md, inferred)."""
    fields = _cart_fields(body)
    state.carts.find(key, state.switches, writing=True).fields.update(fields)
    return 200, envelope("OrderKey", key, 200, _UPDATED, state.switches)


def _delete_cart(state: State, _body: bytes, key: str) -> Result:
    """HTTP's status is 200, the envelope's is 201 (docs/store-api.md, Envelope)."""
    state.carts.find(key, state.switches, writing=True).state = "gone"
    return 200, envelope("OrderKey", key, 201, _DELETED, state.switches)


def _add_item(state: State, body: bytes, key: str) -> Result:
    item = read_item(parse(body))
    try:
        cart = state.carts.find(key, state.switches, writing=True)
    except Refusal as refusal:
        if refusal.status == 404:  # an open point
            raise Refusal(state.switches.unknown_cart_on_add, refusal.message) from None
        raise
    line = state.carts.add(cart, item, state.switches)
    return 201, envelope("CartItemID", line.item_id, 201, _CREATED, state.switches)


def _put_item(state: State, body: bytes, key: str, item_id: str) -> Result:
    """Null counts as not sent, and then the quantity stays."""
    wanted = parse(body).get("ItemQuantity")
    cart = state.carts.find(key, state.switches, writing=True)
    line = cart.line(_id(item_id))
    if wanted is not None:
        state.carts.change(cart, line, number(wanted, "ItemQuantity"))
    return 200, envelope("CartItemID", line.item_id, 200, _UPDATED, state.switches)


def _delete_item(state: State, _body: bytes, key: str, item_id: str) -> Result:
    """The envelope's key is spelled CartItemId here (docs/store-api.md, Envelope)."""
    cart = state.carts.find(key, state.switches, writing=True)
    line = cart.line(_id(item_id))
    cart.lines.remove(line)
    return 200, envelope("CartItemId", line.item_id, 200, _DELETED, state.switches)


def _cart_fields(body: bytes) -> dict[str, object]:
    """The CartReduced fields that were sent. A text must be a text, unlike in other resources."""
    sent = parse(body)
    fields: dict[str, object] = {}
    for name, field in CART.fields.items():
        value = sent.get(name)
        if field.length and value is not None:
            if not isinstance(value, str) or len(value) > field.length:
                raise Refusal(400, f"{name} is invalid")
            fields[name] = value
        elif value is not None:
            fields[name] = integer(value, name)
    return fields


def _id(text: str) -> int:
    if not (text.isascii() and text.isdigit()):
        raise Refusal(404, "Cart item does not exist")
    return int(text[:18])


def _route(pattern: str, **calls: Callable[..., Result]) -> tuple[re.Pattern[str], dict[str, Any]]:
    return re.compile(pattern, re.IGNORECASE), calls


_ROUTES = (
    _route(r"/Cart", POST=_create_cart),
    _route(r"/Cart/([^/]+)", GET=_get_cart, PUT=_put_cart, DELETE=_delete_cart),
    _route(r"/Cart/([^/]+)/Item", POST=_add_item),
    _route(r"/Cart/([^/]+)/Item/([^/]+)", PUT=_put_item, DELETE=_delete_item),
    _route(r"/StoreSettings", GET=lambda _state, _body: (200, responses.store_settings())),
)
