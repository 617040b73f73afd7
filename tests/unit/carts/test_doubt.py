"""Settling adds whose answer was lost, by what the cart shows."""

from __future__ import annotations

from decimal import Decimal

import pytest

from cartproxy.carts.doubt import Doubt, absorb, find_line, settle
from cartproxy.carts.models import ChosenOption, ItemOption, LineItem, NewItem, Snapshot

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


@pytest.mark.parametrize(
    ("snapshot", "before", "expected"),
    [
        (cart(), {}, None),
        (cart(line("1")), {}, "1"),
        (cart(line("1")), known(_1=1), None),
        (cart(line("1", quantity=2)), known(_1=1), "1"),
        (cart(line("1", quantity=3)), known(_1=1), "1"),
        (cart(line("1"), line("2")), known(_1=1), "2"),
        (cart(line("1", SHIRT)), {}, None),
        (cart(line("1", quantity=5), line("2")), known(_1=1), "2"),
    ],
)
def test_line_of_a_lost_add_is_new_or_has_grown(
    snapshot: Snapshot, before: dict[str, Decimal], expected: str | None
) -> None:
    found = find_line(snapshot, item(), before, ())

    assert (found.item_id if found else None) == expected


def test_of_two_new_lines_the_one_with_the_chosen_options_is_it() -> None:
    snapshot = cart(line("1", SHIRT, size="Large"), line("2", SHIRT, size="Small"))

    found = find_line(snapshot, item(SHIRT, size="Small"), {}, ())

    assert found is not None
    assert found.item_id == "2"


def test_two_lost_adds_do_not_claim_one_line() -> None:
    doubts = (Doubt("a", 0, (item(),)), Doubt("b", 5, (item(),)))

    one = settle(doubts, cart(line("1")), 10, SETTLE)
    both = settle(one, cart(line("1"), line("2")), 20, SETTLE)

    assert [doubt.found for doubt in one] == [{0: "1"}, {}]
    assert [doubt.found for doubt in both] == [{0: "1"}, {0: "2"}]


def test_two_lost_adds_that_the_store_merged_are_told_apart_by_their_sum() -> None:
    doubts = (Doubt("a", 0, (item(),), known(_1=1)), Doubt("b", 5, (item(),), known(_1=1)))

    one = settle(doubts, cart(line("1", quantity=2)), 10, SETTLE)
    both = settle(one, cart(line("1", quantity=3)), 20, SETTLE)

    assert [doubt.missing for doubt in one] == [(), (0,)]
    assert [doubt.missing for doubt in both] == [(), ()]


def test_acknowledged_writes_of_others_are_not_taken_for_a_lost_add() -> None:
    doubts = (Doubt("a", 0, (item(),), known(_1=1)),)

    doubts = absorb(doubts, known(_2=1, _1=1))
    settled = settle(doubts, cart(line("1", quantity=2), line("2")), 10, SETTLE)

    assert settled[0].missing == (0,)


def test_doubt_without_a_key_is_dropped_once_it_is_found_or_surely_absent() -> None:
    doubts = (Doubt("", 0, (item(),)),)

    assert settle(doubts, cart(), SETTLE - 1, SETTLE) == doubts
    assert settle(doubts, cart(), SETTLE, SETTLE) == ()
    assert settle(doubts, cart(line("1")), 1, SETTLE) == ()


def test_doubt_survives_its_record() -> None:
    doubt = Doubt("a", 7, (item(SHIRT, 2, "Small"), item()), known(_1=3), {1: "9"})

    assert Doubt.from_json(doubt.as_json()) == doubt
