"""Whether an item can be bought as the product is, and what it will cost."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from cartproxy.model.cart import ChosenOption, ItemOption, NewItem
from cartproxy.model.offer import Offer, Refusal, judge
from cartproxy.model.product import Kind, OptionSet, Product, ProductOption, Variant

MUG = Product(
    catalog_id=3829,
    sku="MUG",
    name="Pint mug",
    price=Decimal("9.99"),
    list_price=None,
    image_url=None,
    product_url=None,
    available=True,
    minimum_quantity=None,
    maximum_quantity=None,
    quantity_step=None,
    fractional_quantity=False,
    option_sets=(),
    variants=(),
    stock=Decimal(5),
    back_orders=False,
)


def option(number: int, more: str = "0.00") -> ProductOption:
    return ProductOption(number, f"Option {number}", Decimal(more), False, None)


def options(number: int, kind: Kind, *choices: ProductOption, **more: Any) -> OptionSet:
    fields = {"required": False, "max_length": None, **more}
    return OptionSet(number, f"Set {number}", "", kind, options=choices, **fields)


def chosen(*picks: tuple[int, int] | tuple[int, int, str], quantity: str = "1") -> NewItem:
    return NewItem(3829, Decimal(quantity), tuple(ChosenOption(*each) for each in picks))


def offered(product: Product, item: NewItem) -> Offer:
    offer = judge(product, item)
    assert isinstance(offer, Offer), offer
    return offer


def refused_at(product: Product, item: NewItem) -> str:
    refusal = judge(product, item)
    assert isinstance(refusal, Refusal), refusal
    assert refusal.detail
    return refusal.pointer


def test_plain_product_has_its_own_price() -> None:
    assert offered(MUG, chosen()) == Offer(Decimal("9.99"), Decimal(0), "MUG", ())


def test_product_that_is_not_available_is_refused_as_a_whole() -> None:
    assert refused_at(replace(MUG, available=False), chosen()) == "/catalog_id"


SIZED = replace(
    MUG,
    option_sets=(
        options(1, Kind.HEADING, option(10)),
        options(2, Kind.SINGLE, option(20), option(21, "2.50"), required=True),
        options(3, Kind.MULTIPLE, option(30, "1.00"), option(31, "1.50")),
        options(4, Kind.TEXT, option(40, "3.00"), option(41), max_length=8),
    ),
)


def test_options_add_their_differences_and_are_described_in_words() -> None:
    offer = offered(SIZED, chosen((2, 21, "x"), (3, 30), (3, 31), (4, 40, "Ada"), (4, 41, " ")))

    assert offer.option_price == Decimal("8.00")
    assert offer.options == (
        ItemOption("Set 2", "Option 21"),
        ItemOption("Set 3", "Option 30"),
        ItemOption("Set 3", "Option 31"),
        ItemOption("Set 4", "Ada"),
    )


@pytest.mark.parametrize(
    ("picks", "pointer"),
    [
        ([], "/options"),
        ([(2, 22)], "/options/0/option_id"),
        ([(2, 20), (9, 20)], "/options/1/option_set_id"),
        ([(2, 20), (2, 21)], "/options/1/option_id"),
        ([(2, 20), (3, 30), (3, 30)], "/options/2/option_id"),
        ([(2, 20), (1, 10)], "/options/1/option_id"),
        ([(2, 20), (4, 40, "nine char")], "/options/1/value"),
        ([(2, 20), (4, 42, "Ada")], "/options/1/option_id"),
    ],
)
def test_unknown_options_are_refused_with_their_pointer(picks: list[Any], pointer: str) -> None:
    assert refused_at(SIZED, chosen(*picks)) == pointer


@pytest.mark.parametrize("kind", [Kind.TEXT, Kind.MULTILINE])
def test_required_text_must_have_words(kind: Kind) -> None:
    product = replace(MUG, option_sets=(options(4, kind, option(40), option(41), required=True),))

    assert refused_at(product, chosen()) == "/options"
    assert refused_at(product, chosen((4, 40, "  "))) == "/options"
    assert offered(product, chosen((4, 41, "Ada"))).options == (ItemOption("Set 4", "Ada"),)


def test_text_set_without_entries_takes_words_all_the_same() -> None:
    product = replace(MUG, option_sets=(options(4, Kind.TEXT, max_length=3, required=True),))

    assert offered(product, chosen((4, 4, "Ada"))).options == (ItemOption("Set 4", "Ada"),)
    assert refused_at(product, chosen((4, 4, "Adam"))) == "/options/0/value"


def test_what_only_the_store_can_take_stops_the_add_where_it_is_required() -> None:
    upload = options(5, Kind.UNSUPPORTED, option(50))

    assert offered(replace(MUG, option_sets=(upload,)), chosen()).options == ()
    required = replace(MUG, option_sets=(replace(upload, required=True),))
    assert refused_at(required, chosen()) == "/options"


def test_required_heading_asks_for_nothing() -> None:
    product = replace(MUG, option_sets=(options(1, Kind.HEADING, option(10), required=True),))

    assert offered(product, chosen()).options == ()


POSTER = replace(
    MUG,
    stock=Decimal(0),
    option_sets=(
        options(1, Kind.SINGLE, option(51), option(52, "1.00")),
        options(2, Kind.SINGLE, option(53), option(54)),
    ),
    variants=(
        Variant((51, 53), True, Decimal("32.99"), "P-1", Decimal(3)),
        Variant((52, 53), False, Decimal("32.99"), "P-2", Decimal(0)),
        Variant((52,), True, None, None, None),
    ),
)


def test_variant_gives_price_sku_and_stock() -> None:
    offer = offered(POSTER, chosen((1, 51), (2, 53), quantity="3"))

    assert (offer.unit_price, offer.sku) == (Decimal("32.99"), "P-1")
    assert refused_at(POSTER, chosen((1, 51), (2, 53), quantity="4")) == "/quantity"


def test_sold_out_combination_is_refused() -> None:
    assert refused_at(POSTER, chosen((2, 53), (1, 52))) == "/options"


def test_less_specific_variant_counts_without_a_more_specific_one() -> None:
    offer = offered(POSTER, chosen((1, 52), (2, 54)))

    assert (offer.unit_price, offer.option_price, offer.sku) == (
        Decimal("9.99"),
        Decimal("1.00"),
        "MUG",
    )


def test_combination_without_a_variant_is_left_to_the_store() -> None:
    assert offered(POSTER, chosen((1, 51), (2, 54), quantity="99")).unit_price == Decimal("9.99")


BOXED = {"minimum_quantity": Decimal(6), "maximum_quantity": Decimal(18)}


@pytest.mark.parametrize(
    ("limits", "quantity", "good"),
    [
        ({}, "1", True), ({}, "5", True), ({}, "6", False), ({}, "1.5", False),
        ({"stock": None}, "999", True), ({"back_orders": True}, "999", True),
        ({"fractional_quantity": True}, "1.5", True),
        (BOXED | {"stock": None}, "5", False), (BOXED | {"stock": None}, "7", True),
        (BOXED | {"stock": None}, "19", False),
        (BOXED | {"stock": None, "quantity_step": Decimal(6)}, "12", True),
        (BOXED | {"stock": None, "quantity_step": Decimal(6)}, "13", False),
        ({"quantity_step": Decimal(2)}, "3", False), ({"quantity_step": Decimal(2)}, "4", True),
        ({"quantity_step": Decimal("0.1"), "fractional_quantity": True}, "0.3", True),
        ({"quantity_step": Decimal("0.1"), "fractional_quantity": True}, "0.25", False),
    ],
)  # fmt: skip
def test_quantity_is_held_to_minimum_maximum_step_and_stock(
    limits: dict[str, Any], quantity: str, good: bool
) -> None:
    verdict = judge(replace(MUG, **limits), chosen(quantity=quantity))

    assert isinstance(verdict, Offer) if good else verdict.pointer == "/quantity"  # type: ignore[union-attr]
