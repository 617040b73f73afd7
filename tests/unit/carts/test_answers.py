"""What is answered and kept of requests with several parts, and of carts that were put back."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from cartproxy.carts.answers import closed, reported, results_of
from cartproxy.carts.drive import Drive
from cartproxy.carts.plan import Aim
from cartproxy.errors import CartProxyError, Outcome
from cartproxy.model.cart import Change, ItemResult, LineItem, NewItem, Snapshot
from cartproxy.model.keys import KeptAnswer
from cartproxy.model.record import Record
from cartproxy.model.wishes import KEYLESS, RESTORED, Phase, Wish
from cartproxy.store.errors import StoreRejected, StoreTimeout

MUG = 3829
LANDED, SENT, WAITING, REFUSED = Phase.LANDED, Phase.SENT, Phase.WAITING, Phase.REFUSED
REJECTED = StoreRejected("no")
LOST = StoreTimeout("late", outcome=Outcome.UNKNOWN)


def line(item_id: str, price: str = "9.99", quantity: int = 1) -> LineItem:
    unit, none = Decimal(price), Decimal(0)
    count = Decimal(quantity)
    return LineItem(item_id, MUG, "", "Mug", (), count, unit, none, unit * count, None)


def wish(entry: str, index: int, phase: Phase, **more: Any) -> Wish:
    return Wish(entry, index, NewItem(MUG), phase=phase, **more)


def record(*wishes: Wish, outdated: bool = False, lines: tuple[LineItem, ...] = ()) -> Record:
    return Record("key", Snapshot(lines), 1, outdated, wishes=wishes)


def results(*wishes: Wish, **errors: CartProxyError) -> Any:
    """The results of a request of two parts, with these errors by `_0` and `_1`."""
    aim = Aim("own")
    drive: Any = Drive(None, record(*wishes), aim, None, lambda: 0, 0)  # type: ignore[arg-type]
    drive.errors = {("own", int(at.strip("_"))): error for at, error in errors.items()}
    return results_of(drive.record, drive, 2)


def test_one_part_that_took_effect_makes_the_request_succeed() -> None:
    each, error = results(wish("own", 0, REFUSED), wish("own", 1, LANDED, line_id="7"), _0=REJECTED)

    assert error is None
    assert each == (
        ItemResult(0, Outcome.NOT_APPLIED, code="item-rejected"),
        ItemResult.applied(1, "7"),
    )


def test_failure_is_the_first_one_unless_another_is_in_doubt() -> None:
    refused, other = wish("own", 0, REFUSED), wish("own", 1, REFUSED)
    _, sure = results(refused, other, _0=REJECTED, _1=StoreRejected("neither"))
    each, doubtful = results(refused, wish("own", 1, SENT), _0=REJECTED, _1=LOST)

    assert sure.cause is REJECTED
    assert (doubtful.cause.code, doubtful.outcome) == ("outcome-unknown", Outcome.UNKNOWN)
    assert [result.outcome for result in each] == ["not_applied", "unknown"]


def test_add_that_landed_is_applied_while_a_change_of_another_line_is_pending() -> None:
    pending = wish(RESTORED, 0, WAITING, owed=True, sets="n1")
    landed = (wish("own", at, LANDED, line_id=f"{at}7") for at in range(2))
    each, _ = results(pending, *landed)

    assert each == (ItemResult.applied(0, "07"), ItemResult.applied(1, "17"))


@pytest.mark.parametrize(
    ("entry", "phases", "outdated", "kept", "answered"),
    [
        ("own", [LANDED, WAITING], False, False, False),
        ("own", [LANDED, SENT, REFUSED], False, True, False),
        ("other", [LANDED, REFUSED], False, False, True),
        ("other", [LANDED], True, True, False),  # confirmed, and no reading has shown it yet
        ("other", [LANDED, WAITING], False, True, False),
        ("other", [WAITING, REFUSED], False, False, False),
        ("other", [SENT, WAITING], False, True, False),
        (KEYLESS + "x", [LANDED, WAITING], False, False, False),
        (KEYLESS + "x", [LANDED], True, True, False),
        (KEYLESS + "x", [SENT], False, True, False),
    ],
)  # fmt: skip
def test_wishes_stay_until_their_request_is_known(
    entry: str, phases: list[Phase], outdated: bool, kept: bool, answered: bool
) -> None:
    wishes = [
        wish(entry, at, phase, line_id="7" if phase is LANDED else "", code="item-rejected")
        for at, phase in enumerate(phases)
    ]
    putting_back = wish(RESTORED, 0, WAITING, owed=True)

    after, answers = closed(record(putting_back, *wishes, outdated=outdated), "own")

    assert after.wishes == (putting_back, *(wishes if kept else ()))
    assert list(answers) == (["other"] if answered else [])
    if answered:
        first = ItemResult.applied(0, "7")
        second = ItemResult(1, Outcome.NOT_APPLIED, code="item-rejected")
        assert answers["other"] == KeptAnswer((first, second))


def test_of_many_open_requests_the_oldest_are_given_up() -> None:
    open_ones = [wish(str(at), 0, SENT) for at in range(40)]

    after, _ = closed(record(*open_ones), "own")

    assert [each.entry for each in after.wishes] == [str(at) for at in range(8, 40)]


def restored(replaces: str, phase: Phase, was: LineItem, **more: Any) -> Wish:
    return wish(RESTORED, 0, phase, owed=True, replaces=replaces, line=was, **more)


def test_cart_put_back_is_reported_with_what_is_worse() -> None:
    same = restored("1", LANDED, line("1"), line_id="11")
    dearer = restored("2", LANDED, line("2"), line_id="12")
    less = replace(
        restored("3", LANDED, line("3", quantity=3), line_id="13"), item=NewItem(MUG, Decimal(3))
    )
    refused = restored("4", REFUSED, line("4"), reason="Not enough in stock")
    cheaper = restored("5", LANDED, line("5"), line_id="15")
    now = (line("11"), line("12", "12.00"), line("13", quantity=2), line("15", "5.00"))

    after, report = reported(record(same, dearer, less, refused, cheaper, lines=now))

    assert report is not None
    assert [each.item_id for each in report.kept] == ["11", "13"]
    assert [each.item_id for each in report.repriced] == ["12", "15"]
    assert [each.item_id for each in report.gone] == [None]
    assert after.wishes == ()
    assert after.changes == (
        Change("12", MUG, "Mug", "repriced", Decimal("9.99"), Decimal("12.00")),
        Change("4", MUG, "Mug", "refused", Decimal(1), Decimal(0), "Not enough in stock"),
    )


def test_two_lines_that_the_store_merges_are_no_change() -> None:
    both = [restored(each, LANDED, line(each), line_id="9") for each in ("1", "2")]

    after, report = reported(record(*both, lines=(line("9", quantity=2),)))

    assert after.changes == ()
    assert report is not None
    assert report.gone == ()


@pytest.mark.parametrize(("phase", "outdated"), [(WAITING, False), (SENT, False), (LANDED, True)])
def test_cart_that_is_not_back_yet_is_not_reported(phase: Phase, outdated: bool) -> None:
    before = record(restored("1", phase, line("1"), line_id="1"), outdated=outdated)

    assert reported(before) == (before, None)


def test_line_that_was_refused_stays_so_when_a_change_of_another_is_made() -> None:
    made = wish(RESTORED, 0, LANDED, owed=True, sets="7", line_id="7")

    after, _ = reported(replace(record(made, lines=(line("7"),)), names={"n1": ""}))

    assert after.names == {"n1": ""}
