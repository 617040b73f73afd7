"""Settling adds whose answer was lost, by what the cart shows."""

from __future__ import annotations

from decimal import Decimal

import pytest

from cartproxy.carts.claims import explain
from cartproxy.model.cart import ChosenOption, ItemOption, LineItem, NewItem, Snapshot
from cartproxy.model.record import Record
from cartproxy.model.wishes import Phase, Wish

MUG, SHIRT = 3829, 3828


def line(item_id: str, catalog_id: int = MUG, quantity: int = 1, size: str = "") -> LineItem:
    options = (ItemOption("Size", size),) if size else ()
    one, none = Decimal(1), Decimal(0)
    return LineItem(item_id, catalog_id, "", "", options, Decimal(quantity), one, none, one, None)


def item(catalog_id: int = MUG, quantity: int = 1, size: str = "") -> NewItem:
    options = (ChosenOption(1, 2, size),) if size else ()
    return NewItem(catalog_id, Decimal(quantity), options)


def cart(*lines: LineItem) -> Snapshot:
    return Snapshot(lines)


def known(**quantities: int) -> Record:
    """The record of a cart with these lines."""
    lines = (line(item_id.strip("_"), quantity=count) for item_id, count in quantities.items())
    return Record("key", Snapshot(tuple(lines)), 1, outdated=False)


def sent(*items: NewItem) -> list[Wish]:
    return [Wish(str(at), 0, each, phase=Phase.SENT) for at, each in enumerate(items)]


def found(
    adds: list[NewItem], snapshot: Snapshot, before: Record | None = None
) -> list[str | None]:
    """The line of each of several lost adds, each of a request of its own."""
    lines, _, _ = explain(sent(*adds), before or Record(), snapshot)
    return [lines.get((str(at), 0)) for at in range(len(adds))]


@pytest.mark.parametrize(
    ("snapshot", "before", "expected"),
    [
        (cart(), known(), None),
        (cart(line("1")), known(), "1"),
        (cart(line("1")), known(_1=1), None),
        (cart(line("1", quantity=2)), known(_1=1), "1"),
        (cart(line("1"), line("2")), known(_1=1), "2"),
        (cart(line("1", SHIRT)), known(), None),
        # Another writer has made the same line grow as well.
        (cart(line("1", quantity=3)), known(_1=1), "1"),
        # Another writer's line, not ours: an add makes a line of its very quantity.
        (cart(line("1", quantity=5)), known(), None),
        (cart(line("1", quantity=5), line("2")), known(_1=1), "2"),
    ],
)
def test_line_of_a_lost_add_is_new_or_has_grown(
    snapshot: Snapshot, before: Record, expected: str | None
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


def test_what_no_add_explains_is_left_over() -> None:
    snapshot = cart(line("1", quantity=5), line("2"), line("3", quantity=4), line("4"))

    adds = sent(item(), item(), item(SHIRT))
    lines, likely, left = explain(adds, known(_3=1, _4=1), snapshot)

    assert lines == {("0", 0): "2", ("1", 0): "3"}
    assert likely == {}
    assert left == {"1": 5, "2": 0, "3": 2, "4": 0}


def test_line_of_another_quantity_is_likely_only_with_all_the_options() -> None:
    snapshot = cart(
        line("1", quantity=5), line("2", SHIRT, 5, "Large"), line("3", SHIRT, 5, "Small")
    )

    adds = sent(item(SHIRT, size="Small"), item(), item(3831))
    lines, likely, _ = explain(adds, known(), snapshot)

    assert lines == {}
    assert {at: each.item_id for at, each in likely.items()} == {("0", 0): "3", ("1", 0): "1"}
