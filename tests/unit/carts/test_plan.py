"""What is asked of the store next: what comes first, and what is never sent."""

from __future__ import annotations

from dataclasses import replace

import pytest
from support.wishes import (
    LANDED,
    REFUSED,
    SENT,
    WAITING,
    cart,
    change,
    line,
    owed,
    record,
    wish,
)

from cartproxy.carts.fold import landed, saw
from cartproxy.carts.plan import Aim, Step, foreseen, next_step
from cartproxy.model.cart import Addresses
from cartproxy.model.record import Record

NOW = 2000
AIM = Aim("own", began_ms=NOW)
BONN = Addresses({"city": "Bonn"})
SETTLE_MS = 10_000


def test_with_nothing_to_do_nothing_is_done() -> None:
    assert next_step(record(), AIM) is None
    assert next_step(record(order_key=None), AIM) is None


def test_cart_is_made_before_anything_is_sent() -> None:
    assert next_step(record(wish(), order_key=None), AIM) == Step.CREATE
    assert next_step(record(order_key=None), replace(AIM, create=True)) == Step.CREATE


def test_what_is_owed_goes_before_what_is_asked() -> None:
    assert next_step(record(owed("1"), wish()), AIM) == 0
    assert next_step(record(owed("1", LANDED), wish()), AIM) == 1


def test_changes_go_before_adds_that_the_store_may_merge_into_their_lines() -> None:
    both = record(owed("n1", quantity=6), change("5", 3, owed=True), lines=(line("5"),))

    assert next_step(both, AIM) == 1


def test_addresses_are_written_after_the_lines() -> None:
    aim = replace(AIM, addresses=BONN)

    assert next_step(record(wish()), aim) == 0
    assert next_step(record(), aim) == Step.ADDRESSES


def test_a_request_ends_with_a_reading_where_one_is_wanted() -> None:
    assert next_step(record(outdated=True), AIM) == Step.LOOK
    assert next_step(record(outdated=True), replace(AIM, look=False)) is None


def test_a_request_begins_with_a_reading_where_a_newer_one_is_wanted() -> None:
    aim = replace(AIM, newer_than_ms=1001)

    assert next_step(record(wish()), aim) == Step.LOOK
    assert next_step(record(wish(), as_of_ms=1001), aim) == 0


@pytest.mark.parametrize("phase", [WAITING, SENT, REFUSED])
def test_wish_of_another_request_is_never_sent_nor_looked_for(phase: str) -> None:
    others = wish(phase, entry="other", at_ms=NOW)

    assert next_step(record(others), AIM) is None


@pytest.mark.parametrize("phase", [SENT, LANDED, REFUSED])
def test_only_a_wish_that_waits_is_sent(phase: str) -> None:
    assert next_step(record(wish(phase, at_ms=900), as_of_ms=NOW), AIM) is None


def test_own_missing_answer_is_looked_for_once_by_each_request() -> None:
    lost = wish(SENT, at_ms=900)

    assert next_step(record(lost), AIM) == Step.LOOK
    assert next_step(record(lost, as_of_ms=NOW), AIM) is None


def test_what_is_owed_is_looked_for_until_it_has_been_read_once() -> None:
    assert next_step(record(owed("1", SENT, at_ms=1001)), AIM) == Step.LOOK
    assert next_step(record(owed("1", SENT, at_ms=1000)), AIM) is None


def test_with_an_answer_missing_only_what_is_owed_goes_on() -> None:
    lost, rest = wish(SENT, at_ms=900), wish(index=1)

    assert next_step(record(lost, rest, as_of_ms=NOW), AIM) is None
    assert next_step(record(lost, rest, owed("1"), as_of_ms=NOW), AIM) == 2


def test_a_cart_that_refuses_everything_is_looked_at() -> None:
    refused = record(wish(REFUSED))

    assert next_step(refused, AIM) == Step.LOOK
    assert next_step(replace(refused, as_of_ms=NOW), AIM) is None
    assert next_step(refused, replace(AIM, created=True)) is None
    assert next_step(record(wish(REFUSED), wish(LANDED, index=1, at_ms=NOW)), AIM) is None


def test_line_that_the_cart_has_not_is_never_named_to_the_store() -> None:
    known = record(change("1", 5), lines=(line("1"),))

    assert next_step(known, AIM) == 0
    assert next_step(record(change("2", 5), lines=(line("1"),)), AIM) is None


def test_line_that_was_put_back_is_known_by_its_old_id() -> None:
    back = record(owed("1", LANDED, line_id="11"), change("1", 5), lines=(line("11"),))

    assert next_step(back, AIM) == 1


def test_whoever_is_halted_only_looks() -> None:
    halted = replace(AIM, halted=True, addresses=BONN, create=True)

    assert next_step(record(wish(), owed("1")), halted) is None
    assert next_step(record(wish(), outdated=True), halted) == Step.LOOK
    assert next_step(record(wish(), order_key=None), halted) is None


def steps_if_all_goes_well(record: Record, aim: Aim) -> int:
    """Take the steps: the store does what is asked, and shows all that was sent."""
    steps = 0
    while (step := next_step(record, aim)) is not None:
        steps += 1
        match step:
            case Step.CREATE:
                record = replace(record, order_key="key", outdated=True)
                aim = replace(aim, create=False, addresses=None, created=True)
            case Step.ADDRESSES:
                aim = replace(aim, addresses=None)
                record = replace(record, outdated=True)
            case Step.LOOK:
                missing = [w for w in record.wishes if w.phase is SENT]
                lines = {id: line(id, float(item.quantity)) for id, item in record.lines().items()}
                sent = [line(f"found{at}", float(w.item.quantity)) for at, w in enumerate(missing)]
                record = saw(record, cart(*lines.values(), *sent), NOW + steps, SETTLE_MS)
            case at:
                asked = record.wishes[at]
                line_id = record.current_id(asked.sets) or f"new{at}"
                record = landed(record, at, line_id, NOW)
    return steps


@pytest.mark.parametrize("look", [True, False])
@pytest.mark.parametrize(
    ("before", "aim"),
    [
        (record(), AIM),
        (record(outdated=True), AIM),
        (record(wish(), wish(index=1)), AIM),
        (record(wish(), order_key=None, as_of_ms=0, outdated=True), AIM),
        (record(*(owed(str(at)) for at in range(9)), wish(), order_key=None), AIM),
        (record(wish(SENT, at_ms=900)), AIM),
        (record(wish(SENT, at_ms=900), wish(index=1, quantity=2)), AIM),
        (record(owed("1", SENT, at_ms=1001), change("1", 5)), AIM),
        (record(wish(SENT, entry="other"), wish(entry="other", index=1), wish()), AIM),
        (record(change("1", 5), lines=(line("1"),)), AIM),
        (record(change("1", 5), lines=(line("1"),)), replace(AIM, newer_than_ms=1500)),
        (record(change("2", 5), lines=(line("1"),)), AIM),
        (record(), replace(AIM, addresses=BONN)),
        (record(order_key=None), replace(AIM, addresses=BONN, create=True)),
        (record(wish(), outdated=True), replace(AIM, halted=True)),
    ],
)
def test_what_is_foreseen_is_what_is_done_if_all_goes_well(
    before: Record, aim: Aim, look: bool
) -> None:
    aim = replace(aim, look=look)

    assert foreseen(before, aim) == steps_if_all_goes_well(before, aim)
