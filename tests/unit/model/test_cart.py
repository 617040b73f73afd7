"""Carts and money: what is added up, and how it is rounded."""

from __future__ import annotations

from dataclasses import FrozenInstanceError
from datetime import UTC, datetime
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cartproxy.model.cart import (
    EMPTY,
    Addresses,
    Cart,
    Currency,
    LineItem,
    Snapshot,
)

USD, JPY, KWD = Currency("USD"), Currency("JPY", 0), Currency("KWD", 3)


def line(item_id: str, quantity: str = "1", total: str = "1") -> LineItem:
    one, none = Decimal(1), Decimal(0)
    amount = Decimal(total)
    return LineItem(item_id, 1, "", "", (), Decimal(quantity), one, none, amount, None)


def cart(*lines: LineItem, currency: Currency = USD, as_of_ms: int = 0) -> Cart:
    return Cart(Snapshot(lines, "https://shop.example/pay"), currency, as_of_ms, '"e"')


@pytest.mark.parametrize(
    ("currency", "amount", "rounded"),
    [
        (USD, "0.005", "0.01"), (USD, "0.0049", "0.00"), (USD, "-0.005", "-0.01"),
        (USD, "2.675", "2.68"), (USD, "1", "1.00"), (USD, "1E+2", "100.00"),
        (JPY, "0.5", "1"), (JPY, "100", "100"), (KWD, "1.0005", "1.001"),
    ],
)  # fmt: skip
def test_amounts_round_half_away_from_zero_to_the_minor_unit(
    currency: Currency, amount: str, rounded: str
) -> None:
    assert str(currency.round(Decimal(amount))) == rounded


@pytest.mark.parametrize(
    ("currency", "amount", "padded"),
    [(USD, "9.5", "9.50"), (USD, "9", "9.00"), (USD, "0.0125", "0.0125"), (USD, "9.500", "9.50"),
     (JPY, "9.0", "9"), (JPY, "9.5", "9.5")],
)  # fmt: skip
def test_padding_never_changes_a_price(currency: Currency, amount: str, padded: str) -> None:
    assert str(currency.pad(Decimal(amount))) == padded


@given(st.decimals(-(10**9), 10**9, places=4), st.integers(0, 4))
def test_padded_price_is_the_price(amount: Decimal, decimals: int) -> None:
    assert Currency("XXX", decimals).pad(amount) == amount


def test_cart_counts_quantities_and_adds_line_totals() -> None:
    shown = cart(line("1", "2", "19.98"), line("2", "0.25", "0.10"), line("3", "1", "-5.00"))

    assert shown.item_count == Decimal("3.25")
    assert str(shown.subtotal) == "15.08"
    assert shown.checkout_url == "https://shop.example/pay"


def test_empty_cart_is_worth_nothing_in_its_currency() -> None:
    assert cart().item_count == 0
    assert str(cart().subtotal) == "0.00"
    assert str(cart(currency=JPY).subtotal) == "0"
    assert EMPTY.checkout_url is None


def test_moment_of_reading_is_utc_to_the_millisecond() -> None:
    shown = cart(as_of_ms=1_795_244_400_125)

    assert shown.as_of == datetime(2026, 11, 21, 7, 0, 0, 125_000, UTC)


def test_line_is_found_by_its_exact_id() -> None:
    snapshot = Snapshot((line("1"), line("10")))

    assert snapshot.item("10") is snapshot.items[1]
    assert snapshot.item("01") is None
    assert EMPTY.item("1") is None


def test_addresses_are_empty_without_a_field_and_never_show_one() -> None:
    addresses = Addresses(shipping={"email": "ada@example.com"})

    assert addresses
    assert not Addresses()
    assert "ada@example.com" not in repr(addresses)


def test_checkout_address_is_not_in_a_snapshots_repr() -> None:
    assert "shop.example" not in repr(cart())


def test_snapshots_do_not_change() -> None:
    with pytest.raises(FrozenInstanceError):
        EMPTY.items = ()  # type: ignore[misc]
