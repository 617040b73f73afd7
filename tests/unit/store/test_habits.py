"""What the probe may learn from a store that answers anything."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import pytest

from cartproxy.store import habits
from cartproxy.store.errors import StoreBadResponse
from cartproxy.store.transport import Answer


class Huge(Decimal):
    """A number like 1e999999999, which JSON may hold: as an int it would fill the memory."""

    def __int__(self) -> int:
        raise AssertionError("It was made an int.")


def listed(catalog_id: Any, **more: Any) -> dict[str, Any]:
    return {"SKUInfo": {"CatalogID": catalog_id, "Price": 1, **more}}


@pytest.mark.parametrize(
    "odd",
    [None, 7, {}, [], {"SKUInfo": 7}, listed(None), listed("mug"), listed(Huge("1e999999999")),
     listed(8, Price="9,99"), listed(8, Stock=1), listed(8) | {"Hide": True}],
)  # fmt: skip
def test_products_that_cannot_be_bought_or_read_are_passed_over(odd: Any) -> None:
    answer = Answer(200, [odd, listed("9")], None)

    assert [*habits.sellable(answer)] == [9]


@pytest.mark.parametrize("lines", [Decimal("1.5"), [{"CartItemID": 1}], {}, "", True, Huge(7)])
def test_list_of_lines_that_is_not_empty_says_nothing_of_empty_ones(lines: Any) -> None:
    found = habits.empty_cart_habits(Answer(200, {"CartItemList": lines}, None))

    assert "empty_list" not in found
    assert json.dumps(found)


@pytest.mark.parametrize("url", [7, "https://s.example/\x1b]0;x\x07", "a\nb", "\ud800", "\u202e"])
def test_address_that_a_terminal_must_not_show_is_none(url: Any) -> None:
    assert habits.checkout_url(Answer(200, {"CheckoutURL": url}, None)) == ""


@pytest.mark.parametrize("key", ["a b", "../Products", "k" * 65, "\u00e9", ""])
def test_key_that_no_path_can_hold_is_no_key(key: str) -> None:
    with pytest.raises(StoreBadResponse):
        habits.created_key(Answer(201, [{"Key": "OrderKey", "Value": key}], None))
