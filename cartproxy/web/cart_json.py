"""Writes a cart as CartSchema says, by hand: every answer holds one, and marshmallow is slow at it.

CartSchema stays what OpenAPI is made from; tests/unit/web/test_cart_json.py holds the two together.
"""

from __future__ import annotations

from cartproxy.carts.models import Cart, LineItem
from cartproxy.web.fields import money, number, timestamp


def cart_as_json(cart: Cart) -> dict[str, object]:
    """The JSON document of a cart."""
    return {
        "items": [_line_as_json(line) for line in cart.items],
        "item_count": number(cart.item_count),
        "subtotal": money(cart.subtotal),
        "currency": cart.currency.code,
        "checkout_url": cart.checkout_url,
        "as_of": timestamp(cart.as_of),
        "stale": cart.stale,
    }


def _line_as_json(line: LineItem) -> dict[str, object]:
    return {
        "item_id": line.item_id,
        "catalog_id": line.catalog_id,
        "sku": line.sku,
        "name": line.name,
        "options": [{"name": each.name, "value": each.value} for each in line.options],
        "quantity": number(line.quantity),
        "unit_price": money(line.unit_price),
        "option_price": money(line.option_price),
        "line_total": money(line.line_total),
        "image_url": line.image_url,
    }
