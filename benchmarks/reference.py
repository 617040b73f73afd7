"""What the Python references share: names, headers, and the cart in their answers."""

from __future__ import annotations

import hashlib
import os
from typing import Any

REDIS_URL = os.environ.get("BENCH_REDIS_URL", "")
STORE_URL = os.environ.get("BENCH_STORE_URL", "")
HEADERS = {
    "SecureURL": "https://shop.example",
    "PrivateKey": "0" * 32,
    "Token": "1" * 32,
    "Accept": "application/json",
}
LIFE_SECONDS = 14 * 86400
ITEM_FIELDS = {"catalog_id": "CatalogID", "quantity": "ItemQuantity"}


def session_key(authorization: str) -> str:
    """The name in Redis of a bearer's session."""
    return "session:" + hashlib.sha256(authorization.encode()).hexdigest()


def wire_item(item: dict[str, Any]) -> dict[str, Any]:
    """The store's form of an item to add."""
    return {theirs: item.get(ours, 1) for ours, theirs in ITEM_FIELDS.items()}


def read_cart(body: Any) -> dict[str, Any]:
    """The browser's answer, made from the store's cart."""
    cart = body[0]
    items = [
        {
            "item_id": str(line["CartItemID"]),
            "catalog_id": line["CatalogID"],
            "sku": line["ItemID"],
            "name": line["ItemDescription"],
            "quantity": line["ItemQuantity"],
            "unit_price": f"{line['ItemUnitPrice']:.2f}",
            "line_total": f"{line['ItemUnitPrice'] * line['ItemQuantity']:.2f}",
            "image_url": line["ItemImage1"],
        }
        for line in cart["CartItemList"] or []
    ]
    return {
        "items": items,
        "subtotal": f"{sum(float(item['line_total']) for item in items):.2f}",
        "currency": "USD",
        "checkout_url": cart["CheckoutURL"],
    }
