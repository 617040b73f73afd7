"""The tolerant reader: what it takes, and what it must not take for a cart."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cartproxy.carts.errors import StoreBadResponse
from cartproxy.carts.models import Currency
from cartproxy.store import wire

USD = Currency("USD")
SHOP = "https://shop.example/"
LINE = {
    "CatalogID": 3829,
    "CartItemID": 7,
    "ItemID": "MUG",
    "ItemQuantity": Decimal("2.0"),
    "ItemDescription": "Mug<br><b>Size:</b>&nbsp;M",
    "ItemUnitPrice": Decimal("9.5"),
    "ItemOptionPrice": Decimal("0.0"),
    "ItemImage1": "assets/mug.jpg",
    "Unheard": {"of": 1},
}


def read(body: Any) -> Any:
    return wire.read_cart(body, SHOP, USD)


@pytest.mark.parametrize("wrap", [lambda cart: cart, lambda cart: [cart]])
@pytest.mark.parametrize("lines", [{"CartItemList": []}, {"CartItemList": None}, {}])
def test_empty_cart_comes_in_every_shape(wrap: Any, lines: dict[str, Any]) -> None:
    assert read(wrap({"OrderKey": "k", **lines})).items == ()


def test_line_is_read_with_decimals_and_absolute_image() -> None:
    (line,) = read([{"CartItemList": [LINE]}]).items

    assert (line.item_id, line.catalog_id, line.quantity) == ("7", 3829, 2)
    assert (str(line.unit_price), str(line.line_total)) == ("9.50", "19.00")
    assert line.image_url == "https://shop.example/assets/mug.jpg"
    assert not line.derived


@pytest.mark.parametrize("text", ["7", 7, Decimal("7.0")])
def test_numbers_may_be_strings(text: object) -> None:
    (line,) = read([{"CartItemList": [LINE | {"CartItemID": text, "ItemQuantity": text}]}]).items

    assert (line.item_id, line.quantity) == ("7", 7)


# Found by the soak: an answer of the wrong shape was taken for an empty cart, and lines were lost.
@pytest.mark.parametrize(
    "body",
    [{"Result": {"Nested": [1]}}, {}, [], [{}], [{}, {}], None, "cart", 7, [[]], [None],
     {"CartItemList": {}}, {"CartItemList": [7]}, {"CartItemList": "x"},
     {"CartItemList": [LINE | {"CartItemID": None}]}, {"CartItemList": [LINE | {"CartItemID": True}]},
     {"CartItemList": [LINE | {"ItemQuantity": "many"}]}, {"CartItemList": [LINE | {"CatalogID": 1.5}]},
     {"CartItemList": [LINE | {"ItemUnitPrice": Decimal("1e999")}]}],
)  # fmt: skip
def test_what_is_not_a_cart_is_not_taken_for_one(body: object) -> None:
    with pytest.raises(StoreBadResponse):
        read(body)


@pytest.mark.parametrize("url", ["javascript:alert(1)", "data:text/html,x", "http://[bad", ""])
def test_images_are_http_or_none(url: str) -> None:
    (line,) = read([{"CartItemList": [LINE | {"ItemImage1": url}]}]).items

    assert line.image_url is None


json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.decimals(allow_nan=False) | st.text(max_size=9),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(
        st.sampled_from([*LINE, "CartItemList", "OrderKey", "CheckoutURL"]) | st.text(max_size=5),
        inner, max_size=5,
    ),
    max_leaves=12,
)  # fmt: skip


@given(json)
def test_whatever_comes_is_a_cart_or_a_bad_response(body: object) -> None:
    for reader in (read, lambda each: wire.read_product(each, SHOP, USD)):
        try:
            reader(body)
        except StoreBadResponse:
            continue
    wire.read_error(body)
