"""The hand-written JSON matches the schema, from which OpenAPI is made."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest

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
from cartproxy.web.schemas import CartSchema, ItemResultSchema

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


@pytest.mark.parametrize("stale", [False, True])
@pytest.mark.parametrize(
    "snapshot",
    [
        EMPTY,
        Snapshot((SHIRT, ROPE, ODD, PENDING, ESTIMATED), "https://shop.example/checkout?order=1"),
    ],
)
@pytest.mark.parametrize("as_of_ms", [0, 1_795_258_940_547])
def test_cart_by_hand_is_the_cart_of_the_schema(
    snapshot: Snapshot, stale: bool, as_of_ms: int
) -> None:
    changes = (
        Change("1", 3828, "T-Shirt", "repriced", Decimal("19.99"), Decimal("21.00")),
        Change("3", 3830, "Rope", "refused", Decimal("2.0"), Decimal(0), "Not enough in stock"),
    )
    cart = Cart(snapshot, Currency("EUR"), as_of_ms, stale, changes if stale else ())

    ordered = Ordered(1_795_258_940_547, Decimal("2.5"), Decimal("19.90"), "EUR")
    for each in (cart, replace(cart, ordered=ordered)):
        assert cart_as_json(each) == CartSchema().dump(each)
        assert list(cart_as_json(each)) == list(CartSchema().dump(each))


def test_results_by_hand_are_those_of_the_schema() -> None:
    results = [
        ItemResult.applied(0, "17"),
        ItemResult(1, Outcome.NOT_APPLIED, code="item-rejected"),
        ItemResult(2, Outcome.UNKNOWN, "18", "outcome-unknown"),
        ItemResult(3, Outcome.UNKNOWN),
    ]

    assert results_as_json(results) == ItemResultSchema(many=True).dump(results)
