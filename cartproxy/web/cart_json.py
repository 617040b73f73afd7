"""Writes a cart and results as their schemas say, by hand: most answers hold both, and marshmallow
is slow at it.

The schemas stay what OpenAPI is made from; tests/unit/web/test_cart_json.py holds the two together.
"""

from __future__ import annotations

from collections.abc import Iterable

from cartproxy.model.cart import Cart, Change, ItemResult, LineItem, LineState
from cartproxy.model.order import Ordered
from cartproxy.web.fields import money, number, price_or_quantity, timestamp


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
        "estimated": cart.estimated,
        "changes": changes_as_json(cart.changes),
        **({} if cart.ordered is None else {"ordered": _ordered_as_json(cart.ordered)}),
    }


def _ordered_as_json(ordered: Ordered) -> dict[str, object]:
    return {
        "at": timestamp(ordered.at),
        "item_count": number(ordered.item_count),
        "subtotal": money(ordered.subtotal),
        "currency": ordered.currency,
    }


def changes_as_json(changes: Iterable[Change]) -> list[dict[str, object]]:
    """The JSON list of how lines differ from what the shopper was shown."""
    return [
        {
            "item_id": each.item_id,
            "catalog_id": each.catalog_id,
            "name": each.name,
            "change": each.change,
            "was": price_or_quantity(each.was, each),
            "now": price_or_quantity(each.now, each),
            "reason": each.reason,
        }
        for each in changes
    ]


def results_as_json(results: Iterable[ItemResult]) -> list[dict[str, object]]:
    """The JSON list of what became of the items of a request."""
    return [
        {
            "index": each.index,
            "outcome": str(each.outcome),
            **({} if each.code is None else {"code": each.code}),
            **({} if each.item_id is None else {"item_id": each.item_id}),
        }
        for each in results
    ]


def _line_as_json(line: LineItem) -> dict[str, object]:
    unreadable = line.state is LineState.UNREADABLE
    return {
        "item_id": line.item_id,
        "catalog_id": line.catalog_id,
        "sku": line.sku,
        "name": line.name,
        "options": [{"name": each.name, "value": each.value} for each in line.options],
        "quantity": number(line.quantity),
        "unit_price": None if unreadable else money(line.unit_price),
        "option_price": None if unreadable else money(line.option_price),
        "line_total": None if unreadable else money(line.line_total),
        "image_url": line.image_url,
        "state": str(line.place),
    }
