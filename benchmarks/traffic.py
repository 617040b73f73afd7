"""What shoppers send: the same bytes to every server that is measured."""

from __future__ import annotations

import json
import secrets
from collections.abc import Iterator

ORIGIN = "https://blog.example"
CART = "/v1/stores/shop/cart"
SHIRT, MUG, POSTER = 3828, 3829, 3830
_SMALL = {"option_set_id": 1882, "option_id": 12396, "value": "Small"}
THREE_LINES = (
    {"catalog_id": SHIRT, "quantity": 1, "options": [_SMALL]},
    {"catalog_id": MUG, "quantity": 2},
    {"catalog_id": POSTER, "quantity": 1},
)


def new_bearer() -> str:
    """A credential as the widget draws it."""
    return "cpt1_" + secrets.token_urlsafe(32)


def get_cart(bearer: str) -> bytes:
    """A read of the cart."""
    return _request("GET", CART, bearer)


def add_item(bearer: str, item: object = THREE_LINES[1], *, minimal: bool = False) -> bytes:
    """An add as the widget sends it, with an idempotency key of its own."""
    more = f"Idempotency-Key: {secrets.token_hex(16)}\r\n"
    if minimal:
        more += "Prefer: return=minimal\r\n"
    return _request("POST", f"{CART}/items", bearer, json.dumps(item).encode(), more)


def gets(bearer: str) -> Iterator[bytes]:
    """Endless reads of one cart."""
    request = get_cart(bearer)
    while True:
        yield request


def adds(bearer: str) -> Iterator[bytes]:
    """Endless adds to one cart."""
    while True:
        yield add_item(bearer)


def first_adds() -> Iterator[bytes]:
    """Endless first adds, each to a new cart."""
    while True:
        yield add_item(new_bearer())


def store_calls(order_key: str) -> tuple[bytes, bytes]:
    """The store calls of an add: the write, and the reading of the cart."""
    item = b'{"CatalogID":3829,"ItemQuantity":1}'
    sizes = f"Content-Type: application/json\r\nContent-Length: {len(item)}\r\n"
    head = "HTTP/1.1\r\nHost: store.example\r\nAccept: application/json\r\n"
    write = f"POST /Cart/{order_key}/Item {head}{sizes}\r\n".encode() + item
    return write, f"GET /Cart/{order_key} {head}\r\n".encode()


def _request(method: str, path: str, bearer: str, body: bytes = b"", more: str = "") -> bytes:
    if body:
        more += f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n"
    head = (
        f"{method} {path} HTTP/1.1\r\nHost: carts.example\r\nOrigin: {ORIGIN}\r\n"
        f"Authorization: Bearer {bearer}\r\nCartproxy-Client: bench/1\r\n"
        f"Accept: application/json\r\n{more}\r\n"
    )
    return head.encode() + body
