"""Settling adds whose answer was lost, by what the cart shows."""

from __future__ import annotations

from decimal import Decimal

import pytest

from cartproxy.carts.doubt import Doubt, settle, still_open
from cartproxy.model.cart import ChosenOption, ItemOption, LineItem, NewItem, Snapshot

MUG, SHIRT = 3829, 3828
SETTLE = 1000


def line(item_id: str, catalog_id: int = MUG, quantity: int = 1, size: str = "") -> LineItem:
    options = (ItemOption("Size", size),) if size else ()
    one, none = Decimal(1), Decimal(0)
    return LineItem(item_id, catalog_id, "", "", options, Decimal(quantity), one, none, one, None)


def item(catalog_id: int = MUG, quantity: int = 1, size: str = "") -> NewItem:
    options = (ChosenOption(1, 2, size),) if size else ()
    return NewItem(catalog_id, Decimal(quantity), options)


def cart(*lines: LineItem) -> Snapshot:
    return Snapshot(lines)


def known(**quantities: int) -> dict[str, Decimal]:
    return {item_id.strip("_"): Decimal(quantity) for item_id, quantity in quantities.items()}


def found(
    doubts: list[NewItem], snapshot: Snapshot, before: dict[str, Decimal] | None = None
) -> list[str | None]:
    """The line of each of several lost adds, each of a request of its own."""
    settled = settle([Doubt("", 0, (each,)) for each in doubts], before or {}, snapshot)
    return [doubt.found.get(0) for doubt in settled]


@pytest.mark.parametrize(
    ("snapshot", "before", "expected"),
    [
        (cart(), {}, None),
        (cart(line("1")), {}, "1"),
        (cart(line("1")), known(_1=1), None),
        (cart(line("1", quantity=2)), known(_1=1), "1"),
        (cart(line("1"), line("2")), known(_1=1), "2"),
        (cart(line("1", SHIRT)), {}, None),
        # Another writer has made the same line grow as well.
        (cart(line("1", quantity=3)), known(_1=1), "1"),
        # Another writer's line, not ours: an add makes a line of its very quantity.
        (cart(line("1", quantity=5)), {}, None),
        (cart(line("1", quantity=5), line("2")), known(_1=1), "2"),
    ],
)
def test_line_of_a_lost_add_is_new_or_has_grown(
    snapshot: Snapshot, before: dict[str, Decimal], expected: str | None
) -> None:
    assert found([item()], snapshot, before) == [expected]


def test_of_two_new_lines_the_one_with_the_chosen_options_is_it() -> None:
    snapshot = cart(line("1", SHIRT, size="Large"), line("2", SHIRT, size="Small"))

    assert found([item(SHIRT, size="Small"), item(SHIRT, size="Large")], snapshot) == ["2", "1"]


def test_two_lost_adds_do_not_claim_one_line() -> None:
    assert found([item(), item()], cart(line("1"))) == ["1", None]
    assert found([item(), item()], cart(line("1"), line("2"))) == ["1", "2"]


# Found by the soak: an older doubt claimed the line of a younger one, which was then added twice.
def test_line_is_claimed_by_the_add_of_its_quantity_not_by_the_oldest() -> None:
    assert found([item(quantity=1), item(quantity=2)], cart(line("1", quantity=2))) == [None, "1"]
    merged = cart(line("1", quantity=9))
    assert found([item(quantity=1), item(quantity=2)], merged, known(_1=7)) == [None, "1"]


def test_adds_that_the_store_merged_are_found_by_their_sum() -> None:
    adds = [item(quantity=1), item(quantity=2), item(quantity=4)]

    assert found(adds, cart(line("1", quantity=6))) == [None, "1", "1"]
    assert found(adds, cart(line("1", quantity=14)), known(_1=7)) == ["1", "1", "1"]


def test_parts_of_a_bundle_are_nobodys_add() -> None:
    part = line("1")._replace(derived=True)

    assert found([item()], cart(part)) == [None]


def test_doubt_without_a_key_is_dropped_once_it_is_found_or_surely_absent() -> None:
    missing, seen, keyed = (
        Doubt("", 0, (item(),)),
        Doubt("", 0, (item(),), {0: "1"}),
        Doubt("key", 0, (item(),), {0: "2"}),
    )

    assert still_open([missing, seen, keyed], SETTLE - 1, SETTLE) == (missing, keyed)
    assert still_open([missing, seen, keyed], SETTLE, SETTLE) == (keyed,)


def test_doubt_survives_its_record() -> None:
    doubt = Doubt("a", 7, (item(SHIRT, 2, "Small"), item()), {1: "9"})

    assert Doubt.from_json(doubt.as_json()) == doubt
