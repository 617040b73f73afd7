"""The hand-written JSON is as OpenAPI describes it, and says what the cart holds."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest
from jsonschema import Draft202012Validator
from support.edge import Edge

from cartproxy.errors import Outcome
from cartproxy.model.cart import (
    EMPTY,
    Cart,
    Change,
    Currency,
    ItemOption,
    ItemResult,
    LineItem,
    LineState,
    Snapshot,
)
from cartproxy.model.order import Ordered
from cartproxy.web.cart_json import cart_as_json, results_as_json

SHIRT = LineItem(
    "1", 3828, "TEE-SM", "T-Shirt", (ItemOption("Size", "Small"), ItemOption("Colour", "Grün")),
    Decimal("2.0"), Decimal("19.99"), Decimal("0.50"), Decimal("40.98"), None,
)  # fmt: skip
ROPE = LineItem(
    "2", 3829, "", "Rope", (), Decimal("1.25"), Decimal("1E+2"), Decimal("0.00"),
    Decimal("125.00"), "https://shop.example/rope.jpg", derived=True,
)  # fmt: skip

ODD = ROPE._replace(item_id="3", derived=False, state=LineState.UNREADABLE)
PENDING = SHIRT._replace(item_id="n1", state=LineState.PENDING)
ESTIMATED = SHIRT._replace(item_id="4", state=LineState.ESTIMATED)


@pytest.fixture(scope="module")
def components(edge: Edge) -> Any:
    return edge.client.get("/openapi.json").get_json()["components"]


def check(written: object, name: str, components: Any) -> None:
    """Whether it is as the schema of this name says, with no field more."""
    schema = {"$ref": f"#/components/schemas/{name}", "components": components}
    Draft202012Validator(schema).validate(written)


@pytest.mark.parametrize("stale", [False, True])
@pytest.mark.parametrize(
    "snapshot",
    [
        EMPTY,
        Snapshot((SHIRT, ROPE, ODD, PENDING, ESTIMATED), "https://shop.example/checkout?order=1"),
    ],
)
@pytest.mark.parametrize("as_of_ms", [0, 1_795_258_940_547])
def test_cart_is_as_its_schema_says(
    snapshot: Snapshot, stale: bool, as_of_ms: int, components: Any
) -> None:
    changes = (
        Change("1", 3828, "T-Shirt", "repriced", Decimal("19.99"), Decimal("21.00")),
        Change("3", 3830, "Rope", "refused", Decimal("2.0"), Decimal(0), "Not enough in stock"),
    )
    cart = Cart(snapshot, Currency("EUR"), as_of_ms, stale, changes if stale else ())

    ordered = Ordered(1_795_258_940_547, Decimal("2.5"), Decimal("19.90"), "EUR")
    for each in (cart, replace(cart, ordered=ordered)):
        check(cart_as_json(each), "Cart", components)


def test_cart_says_what_it_holds() -> None:
    changes = (
        Change("1", 3828, "T-Shirt", "repriced", Decimal("19.99"), Decimal("21.00")),
        Change("3", 3830, "Rope", "refused", Decimal("2.0"), Decimal(0), "Not enough in stock"),
    )
    ordered = Ordered(1_795_258_940_547, Decimal("2.5"), Decimal("19.90"), "EUR")
    snapshot = Snapshot((SHIRT, ODD, PENDING), "https://shop.example/checkout?order=1")
    cart = Cart(snapshot, Currency("EUR"), 1_795_258_940_547, True, changes, ordered)

    shirt = {
        "item_id": "1", "catalog_id": 3828, "sku": "TEE-SM", "name": "T-Shirt",
        "options": [{"name": "Size", "value": "Small"}, {"name": "Colour", "value": "Grün"}],
        "quantity": 2, "unit_price": "19.99", "option_price": "0.50", "line_total": "40.98",
        "image_url": None, "state": "in_store",
    }  # fmt: skip
    assert cart_as_json(cart) == {
        "items": [
            shirt,
            {"item_id": "3", "catalog_id": 3829, "sku": "", "name": "Rope", "options": [],
             "quantity": 1.25, "unit_price": None, "option_price": None, "line_total": None,
             "image_url": "https://shop.example/rope.jpg", "state": "unreadable"},
            shirt | {"item_id": "n1", "state": "pending"},
        ],
        "item_count": 5.25, "subtotal": "206.96", "currency": "EUR",
        "checkout_url": snapshot.checkout_url, "as_of": "2026-11-21T11:02:20.547Z", "stale": True,
        "estimated": True,
        "changes": [
            {"item_id": "1", "catalog_id": 3828, "name": "T-Shirt", "change": "repriced",
             "was": "19.99", "now": "21.00", "reason": ""},
            {"item_id": "3", "catalog_id": 3830, "name": "Rope", "change": "refused",
             "was": 2, "now": 0, "reason": "Not enough in stock"},
        ],
        "ordered": {"at": "2026-11-21T11:02:20.547Z", "item_count": 2.5, "subtotal": "19.90",
                    "currency": "EUR"},
    }  # fmt: skip


def test_results_are_as_their_schema_says(components: Any) -> None:
    results = [
        ItemResult.applied(0, "17"),
        ItemResult(1, Outcome.NOT_APPLIED, code="item-rejected"),
        ItemResult(2, Outcome.UNKNOWN, "18", "outcome-unknown"),
        ItemResult(3, Outcome.UNKNOWN),
    ]

    written = results_as_json(results)

    check({"results": written}, "Results", components)
    assert written == [
        {"index": 0, "outcome": "applied", "item_id": "17"},
        {"index": 1, "outcome": "not_applied", "code": "item-rejected"},
        {"index": 2, "outcome": "unknown", "code": "outcome-unknown", "item_id": "18"},
        {"index": 3, "outcome": "unknown"},
    ]
