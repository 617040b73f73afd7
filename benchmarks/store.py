"""A fast stand-in for the store: the Cart calls of docs/store-api.md, and their number.

Raw asyncio, so that it costs little compared with what is measured. `PUT /_delay/<ms>` sets how
long every call takes, `GET /_calls` says how many it has answered. The same product twice becomes
one line, so that carts keep their size.
"""

from __future__ import annotations

import argparse
import asyncio
import json
from itertools import count

_ADDRESS = (
    "FirstName", "LastName", "Company", "Address", "Address2", "City", "State", "ZipCode",
    "Country", "Email",
)  # fmt: skip
_EMPTY = dict.fromkeys(f"{kind}{name}" for kind in ("Billing", "Shipment") for name in _ADDRESS)
_CART = {"CustomerId": 0, **dict.fromkeys(_EMPTY, ""), "OrderDate": "2026-11-21T10:00:00"}
_PRODUCTS = {
    3828: ("TEE-1-SM", "Sandbox T-Shirt<br><b>Size:</b>&nbsp;Small", 19.99, "images/tee-1.jpg"),
    3829: ("MUG-1", "Sandbox Mug", 9.99, "assets/images/mug-1.jpg"),
    3830: ("POSTER-1", "Sandbox Poster, 50 x 70 cm", 14.5, "assets/images/poster-1.jpg"),
}


class Carts:
    """Every cart, by its order key: quantities by product."""

    def __init__(self, base: str) -> None:
        self._base = base
        self._carts: dict[str, dict[int, float]] = {}
        self._numbers = count(1)

    def answer(self, method: str, path: str, body: bytes) -> tuple[int, object]:
        """Status and JSON for a call; `path` begins after `/Cart`."""
        order_key, _, item = path.strip("/").partition("/")
        if method == "POST" and not order_key:
            order_key = f"Bench{next(self._numbers):010d}"
            self._carts[order_key] = {}
            return 201, _envelope("OrderKey", order_key, 201)
        cart = self._carts.get(order_key)
        if cart is None:
            return 404, _envelope("Error", "", 404)
        if method == "POST":
            wanted = json.loads(body)
            product = wanted["CatalogID"]
            cart[product] = cart.get(product, 0) + wanted["ItemQuantity"]
            return 201, _envelope("CartItemID", str(_item_id(order_key, product)), 201)
        if method == "PUT" and item:
            return 200, _envelope("CartItemID", item.rpartition("/")[2], 200)
        if method == "PUT":
            return 200, _envelope("OrderKey", order_key, 200)
        return 200, [self._wire(order_key, cart)]

    def _wire(self, order_key: str, cart: dict[int, float]) -> dict[str, object]:
        checkout = f"{self._base}/continue_order.asp?orderkey={order_key}&checkout=1"
        lines = [_line(order_key, product, quantity) for product, quantity in cart.items()]
        return {
            **_CART, "OrderKey": order_key, "CheckoutURL": checkout, "CartItemList": lines or None
        }  # fmt: skip


def _item_id(order_key: str, product: int) -> int:
    """A line's id, which no other cart has."""
    return int(order_key.removeprefix("Bench")) * 10_000 + product


def _line(order_key: str, product: int, quantity: float) -> dict[str, object]:
    sku, description, price, image = _PRODUCTS[product]
    return {
        "CatalogID": product, "CartItemID": _item_id(order_key, product), "ItemID": sku,
        "ItemQuantity": float(quantity), "ItemDescription": description, "ItemUnitPrice": price,
        "ItemOptionPrice": 0.0, "ItemDateAdded": "2026-11-21T10:00:00", "ItemImage1": image,
    }  # fmt: skip


def _envelope(key: str, value: str, status: int) -> list[dict[str, str]]:
    return [{"Key": key, "Value": value, "Status": str(status), "Message": "Done"}]


class Store:
    """The carts, how long every call takes, and how many calls there were."""

    def __init__(self, base: str) -> None:
        self.carts = Carts(base)
        self.delay_seconds = 0.0
        self.calls = 0

    def answer(self, method: str, path: str, body: bytes) -> tuple[int, object]:
        """Status and JSON of a call or of the control surface."""
        if path == "/_calls":
            return 200, self.calls
        if path.startswith("/_delay/"):
            self.delay_seconds = int(path.removeprefix("/_delay/")) / 1000
            return 200, self.delay_seconds
        self.calls += 1
        return self.carts.answer(method, path.partition("/Cart")[2], body)


class _Connection(asyncio.Protocol):
    """One keep-alive connection; one request at a time, as HTTP clients here send them."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._received = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._received += data
        head, complete, body = self._received.partition(b"\r\n\r\n")
        if not complete or len(body) < _content_length(head):
            return
        self._received = b""
        method, path, _ = head.split(b"\r\n", 1)[0].decode().split(" ")
        status, document = self._store.answer(method, path, body)
        text = json.dumps(document, separators=(",", ":")).encode()
        answer = (
            b"HTTP/1.1 %d Done\r\nContent-Type: application/json; charset=utf-8\r\n"
            b"Content-Length: %d\r\n\r\n%s" % (status, len(text), text)
        )
        if self._store.delay_seconds and not path.startswith("/_"):
            loop = asyncio.get_running_loop()
            loop.call_later(self._store.delay_seconds, self._transport.write, answer)
        else:
            self._transport.write(answer)


def _content_length(head: bytes) -> int:
    _, found, rest = head.lower().partition(b"content-length:")
    return int(rest.split(b"\r\n", 1)[0]) if found else 0


async def _serve(port: int) -> None:
    store = Store(f"http://127.0.0.1:{port}")
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: _Connection(store), "127.0.0.1", port, backlog=2048)
    await server.serve_forever()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, required=True)
    asyncio.run(_serve(parser.parse_args().port))
