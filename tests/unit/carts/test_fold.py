"""What each answer of the store means for the record."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest
from support.wishes import (
    LANDED,
    MUG,
    REFUSED,
    SENT,
    SHIRT,
    WAITING,
    cart,
    change,
    item,
    line,
    owed,
    record,
    wish,
)

from cartproxy.carts.fold import (
    as_asked,
    asking,
    believed,
    feared,
    inherited,
    is_order,
    landed,
    lost,
    refused,
    saw,
    still_owing,
    vanished,
    wishing,
)
from cartproxy.carts.reading import with_worse
from cartproxy.model.cart import Change, ChosenOption, LineItem, LineState, QuantityChange
from cartproxy.model.changes import differences
from cartproxy.model.record import Record
from cartproxy.model.wishes import RESTORED, Phase
from cartproxy.store.errors import StoreRejected

NOW = 2000
SETTLE_MS = 10_000


def seen(before: Record, *lines: LineItem, at_ms: int = NOW) -> Record:
    """The record after a reading that shows these lines."""
    return saw(before, cart(*lines), at_ms, SETTLE_MS)


def phases(record: Record) -> list[str]:
    return [wish.phase for wish in record.wishes]


# --- A request begins -----------------------------------------------------------------------------


def test_each_part_of_a_request_becomes_a_wish() -> None:
    after = wishing(record(), "own", [item(2), QuantityChange("1", Decimal(0))])

    assert after.wishes == (wish(quantity=2), change("1", 0, index=1))


def test_what_an_earlier_attempt_got_done_stays_done() -> None:
    before = record(wish(LANDED, line_id="1"), wish(REFUSED, index=1, code="item-rejected"))

    after = wishing(before, "own", [item(), item(), item()])

    assert after.wishes == (wish(LANDED, line_id="1"), wish(index=1), wish(index=2))


def test_change_of_a_line_still_to_be_put_back_changes_that_wish() -> None:
    after = asking(record(owed("1"), change("1", 5)))

    assert [wish.item.quantity for wish in after.wishes] == [5, 5]
    assert phases(after) == [WAITING, LANDED]
    assert after.shown.items[0].quantity == 5


def test_line_that_is_removed_is_not_put_back() -> None:
    after = asking(record(owed("1"), owed("2", index=1), change("1", 0)))

    assert [wish.replaces for wish in after.wishes] == ["2", ""]
    assert phases(after)[-1] is LANDED


# --- Writers die, clocks are set ------------------------------------------------------------------


def test_what_a_dead_writer_meant_to_add_counts_as_sent() -> None:
    after = inherited(record(intents=(("own", (item(1), item(2))),)), NOW)

    assert after.wishes == (wish(SENT, at_ms=NOW), wish(SENT, 2, index=1, at_ms=NOW))
    assert after.intents == ()


# Found by the histories: it counted as sent twice, and then was added twice.
def test_request_of_which_two_writers_died_is_known_once() -> None:
    meant = ("own", (item(),))

    assert inherited(record(intents=(meant, meant)), NOW).wishes == (wish(SENT, at_ms=NOW),)


# Found by the histories: what had waited, or been refused, before its writer died was sent again.
@pytest.mark.parametrize("phase", [WAITING, REFUSED, SENT])
def test_what_a_dead_writer_may_have_sent_again_is_not_known(phase: str) -> None:
    again = wish(phase, at_ms=500, final=phase is SENT)

    after = inherited(record(again, intents=(("own", (item(),)),)), NOW)

    assert after.wishes == (wish(SENT, at_ms=NOW),)


def test_dead_writer_may_have_sent_what_is_owed_and_nothing_else() -> None:
    before = record(owed("1"), wish(entry="other"), intents=(("own", ()),))

    assert phases(inherited(before, NOW)) == [SENT, WAITING]


# Found by the histories: there was no cart to look at, so nobody ever knew.
def test_dead_writer_that_had_no_cart_has_sent_nothing() -> None:
    before = record(owed("1"), order_key=None, intents=(("own", (item(),)),))

    assert inherited(before, NOW).wishes == (owed("1"),)


def test_writer_that_may_die_leaves_all_that_it_may_send_as_sent() -> None:
    after = feared(record(owed("1"), wish(), wish(entry="other")), {"own"}, NOW)

    assert phases(after) == [SENT, SENT, WAITING]
    assert after.wishes[1].at_ms == NOW


def test_time_from_the_future_is_not_believed() -> None:
    after = believed(record(wish(SENT, at_ms=NOW + 9), as_of_ms=NOW + 9), NOW)

    assert after.wishes[0].at_ms == NOW
    assert after.as_of_ms < NOW
    assert after.outdated


# --- The store answers ----------------------------------------------------------------------------


def test_confirmed_add_is_a_line_until_it_is_read() -> None:
    after = landed(record(wish(quantity=2)), 0, "7", NOW)

    assert after.wishes == (wish(LANDED, 2, line_id="7", at_ms=NOW),)
    assert after.quantity("7") == 2
    assert after.outdated


def test_add_that_the_store_merges_makes_its_line_grow() -> None:
    assert landed(record(wish(quantity=2), lines=(line("7", 3),)), 0, "7", NOW).quantity("7") == 5


@pytest.mark.parametrize(("quantity", "lines"), [(4, {"7": 4}), (0, {})])
def test_confirmed_change_is_the_lines_quantity(quantity: int, lines: dict[str, int]) -> None:
    after = landed(record(change("7", quantity), lines=(line("7"),)), 0, "7", NOW)

    assert {line_id: item.quantity for line_id, item in after.lines().items()} == lines


def test_keyed_wish_follows_its_line_to_the_new_id() -> None:
    before = record(owed("1"), wish(LANDED, line_id="1"))

    after = landed(before, 0, "11", NOW)

    assert after.wishes[1].line_id == "11"
    assert after.current_id("1") == "11"


def test_refusal_keeps_its_code_and_reason() -> None:
    after = refused(record(wish()), 0, StoreRejected("Out of stock"))

    assert after.wishes == (wish(REFUSED, code="item-rejected", reason="Out of stock"),)


# --- Answers are lost -----------------------------------------------------------------------------


def test_lost_add_that_shows_is_that_line() -> None:
    after = seen(lost(record(wish()), 0, NOW - 1, final=False), line("7"))

    assert after.wishes == (wish(LANDED, line_id="7", at_ms=NOW - 1),)


@pytest.mark.parametrize(
    ("age_ms", "final", "phase"),
    [
        (SETTLE_MS - 1, False, SENT),
        (SETTLE_MS, False, WAITING),
        (1, True, WAITING),  # the store had finished with the call
    ],
)
def test_lost_add_that_does_not_show_is_absent_once_nothing_can_come(
    age_ms: int, final: bool, phase: str
) -> None:
    before = lost(record(wish()), 0, NOW, final=final)

    assert phases(seen(before, at_ms=NOW + age_ms)) == [phase]


def test_confirmed_line_that_does_not_show_counts_as_sent() -> None:
    after = seen(landed(record(wish()), 0, "7", NOW - 1))

    assert after.wishes == (wish(SENT, at_ms=NOW - 1),)


# Found by the histories over HTTP: the late answer to one add was taken for that to the next.
def test_confirmed_add_that_is_a_line_of_its_own_is_that_line() -> None:
    first, second = wish(quantity=4), wish(quantity=6, index=1)
    lost_one = wish(SENT, entry="other", quantity=2, at_ms=NOW - SETTLE_MS)
    both = landed(landed(record(first, second, lost_one), 0, "1", NOW), 1, "1", NOW)

    after = seen(both, line("1", 4), line("2", 6), at_ms=NOW + 1)

    assert [each.line_id for each in after.wishes] == ["1", "2", ""]
    assert phases(after) == [LANDED, LANDED, WAITING]


# Found by the histories over HTTP: the checkout told of a line "reduced" that nobody had ordered so.
def test_line_put_back_that_another_adds_answer_named_is_not_reduced() -> None:
    before = record(owed("1"), wish(quantity=4), wish(quantity=8, index=1))
    for at in range(3):
        before = landed(before, at, "11", NOW - 1)

    after = seen(before, line("11"), line("12", 4), line("13", 8))

    assert [each.line_id for each in after.wishes] == ["11", "12", "13"]
    assert after.changes == ()


def test_confirmed_line_that_was_shown_once_may_go() -> None:
    before = record(wish(LANDED, line_id="7"), lines=(line("7"),))

    assert phases(seen(before)) == [LANDED]


# Found by the histories: the add was sent once for itself, and once for the line put back.
def test_of_a_line_put_back_that_does_not_show_only_the_owed_wish_counts_as_sent() -> None:
    before = landed(record(owed("1"), wish(LANDED, line_id="1")), 0, "11", NOW - 1)

    after = seen(before)

    assert phases(after) == [SENT, LANDED]
    assert after.wishes[1].line_id == "1"


def test_line_of_another_quantity_is_believed_only_once_nothing_else_can_come() -> None:
    before = lost(record(wish(quantity=4)), 0, NOW, final=False)

    young = seen(before, line("7", 5), at_ms=NOW + 1)
    old = seen(young, line("7", 5), at_ms=NOW + SETTLE_MS)

    assert phases(young) == [SENT]
    assert phases(old) == [LANDED]
    assert [(change.change, change.was, change.now) for change in old.changes] == [
        ("increased", 4, 5)
    ]


# Found by the histories: the store made more of an add in doubt, and nobody was asked before paying.
def test_who_leaves_to_pay_is_told_of_the_line_that_an_add_in_doubt_may_be() -> None:
    before = lost(record(wish(quantity=4)), 0, NOW, final=False)

    after = with_worse(seen(before, line("7", 5), at_ms=NOW + 1), before)

    assert after.changes == (Change("7", MUG, "Mug", "increased", Decimal(4), Decimal(5)),)
    assert phases(after) == [LANDED]


# Found by the histories: the line was forgotten, and what it belonged to was added again.
def test_line_that_another_add_leaves_is_free_for_the_next() -> None:
    first, second = wish(SENT, 1, at_ms=NOW - 2), wish(SENT, 4, index=1, at_ms=NOW - 1)

    young = seen(record(first, second), line("7", 6))
    later = seen(young, line("7", 6), line("8", 1), at_ms=NOW + SETTLE_MS)

    assert [wish.line_id for wish in later.wishes] == ["8", "7"]
    assert phases(later) == [LANDED, LANDED]


# Found by the histories: a change took the line from the add, which was then added again.
def test_likely_line_stays_so_when_the_shopper_changes_it() -> None:
    young = seen(lost(record(wish(quantity=4)), 0, NOW, final=False), line("7", 5), at_ms=NOW + 1)
    changed = landed(replace(young, wishes=(*young.wishes, change("7", 6))), 1, "7", NOW + 2)

    assert phases(seen(changed, line("7", 6), at_ms=NOW + SETTLE_MS))[0] == LANDED


# Found by the histories: a late add landed after another of its quantity had been called absent.
def test_line_goes_first_to_what_is_given_up_first() -> None:
    late, over = wish(SENT, at_ms=NOW - 2), wish(SENT, index=1, at_ms=NOW - 1, final=True)

    assert phases(seen(record(late, over), line("7"))) == [SENT, LANDED]


# Found by the histories: an add was taken for done because the store had altered another.
def test_altered_line_of_a_confirmed_add_explains_no_lost_one() -> None:
    before = landed(record(wish(quantity=4), wish(index=1)), 0, "7", NOW - 2)
    before = lost(before, 1, NOW - 1, final=True)

    assert phases(seen(before, line("7", 6))) == [LANDED, WAITING]


# Found by the histories: a change whose answer was lost was taken for an add.
def test_line_of_a_lost_change_explains_no_lost_add() -> None:
    before = lost(record(change("7", 6), wish(index=1), lines=(line("7"),)), 0, NOW, final=False)
    before = lost(before, 1, NOW, final=True)

    assert phases(seen(before, line("7", 6)))[1] == WAITING


def test_lost_change_hides_no_add_that_the_store_merged() -> None:
    before = lost(record(change("7", 6), wish(index=1), lines=(line("7"),)), 0, NOW, final=False)
    before = lost(before, 1, NOW, final=True)

    assert phases(seen(before, line("7", 2)))[1] == LANDED


@pytest.mark.parametrize(("quantity", "lines"), [(6, [line("7", 6)]), (0, [])])
def test_change_that_shows_is_made(quantity: int, lines: list[LineItem]) -> None:
    after = seen(record(change("7", quantity), lines=(line("7"),)), *lines)

    assert phases(after) == [LANDED]


def test_removal_of_a_line_that_the_cart_never_had_is_not_made() -> None:
    assert phases(seen(record(change("7", 0)))) == [WAITING]


def test_missing_line_that_was_put_back_waits_again() -> None:
    after = seen(record(owed("1", SENT, at_ms=NOW - SETTLE_MS)))

    assert after.wishes == (owed("1"),)


# --- Carts vanish ---------------------------------------------------------------------------------


def test_lines_of_an_order_are_forgotten() -> None:
    after = vanished(record(wish(entry="other"), lines=(line("1"),), checkout_at_ms=NOW))

    assert (after.order_key, after.shown.items, after.checkout_at_ms) == (None, (), None)
    assert after.wishes == (wish(entry="other"),)


def test_lines_of_a_lost_cart_are_owed_before_all_else_and_shown() -> None:
    before = record(wish(), lines=(line("1"), line("2", 3)))

    after = vanished(before)

    assert after.wishes == (owed("1"), owed("2", quantity=3, index=1), wish())
    shown = [line._replace(state=LineState.PENDING) for line in before.shown.items]
    assert [*after.shown.items] == shown
    assert after.order_key is None


def test_confirmed_line_that_nobody_has_read_is_put_back_too() -> None:
    after = vanished(landed(record(wish(quantity=2)), 0, "7", NOW))

    assert [(wish.replaces, wish.item.quantity) for wish in after.wishes if wish.owed] == [("7", 2)]


def test_line_that_came_along_with_another_is_not_put_back() -> None:
    after = vanished(record(lines=(line("1"), line("2", derived=True))))

    assert [wish.replaces for wish in after.wishes] == ["1"]


def test_what_was_sent_or_refused_waits_again_and_what_has_landed_follows_its_line() -> None:
    mine = (wish(SENT), wish(REFUSED, index=1), wish(LANDED, index=2, line_id="1"))

    after = vanished(record(*mine, lines=(line("1"),)))

    assert phases(after) == [WAITING, WAITING, WAITING, LANDED]
    assert after.wishes[3].line_id == "1"


def test_cart_that_vanishes_while_it_is_put_back_is_put_back_from_where_it_was() -> None:
    back, sent, refusal = owed("1", LANDED, line_id="11"), owed("2", SENT), owed("3", REFUSED)

    after = vanished(record(back, sent, refusal, lines=(line("11"),)))

    assert [(wish.replaces, wish.phase) for wish in after.wishes] == [
        ("1", WAITING), ("2", WAITING), ("3", WAITING),
    ]  # fmt: skip
    assert [wish.index for wish in after.wishes] == [0, 1, 2]


# Found by the histories: with no line back yet, the cart was taken for an empty one.
@pytest.mark.parametrize("phase", [WAITING, SENT, REFUSED])
def test_cart_that_still_has_lines_to_be_put_back_is_no_order(phase: str) -> None:
    assert not is_order(record(owed("1", phase)))
    assert is_order(record())


# Found by the histories: what a dead writer had put back was bought, and then put back again.
def test_cart_whose_checkout_was_handed_out_is_an_order_whatever_is_noted_as_owed() -> None:
    ordered = record(owed("1", SENT), checkout_at_ms=NOW)

    assert is_order(ordered)
    assert vanished(ordered).wishes == ()


# Found by the histories: a cart that vanished twice in one request lost its only line in silence.
@pytest.mark.parametrize("handed_out", [None, NOW])
def test_what_the_shopper_has_not_agreed_to_outlives_an_empty_cart_that_vanishes(
    handed_out: int | None,
) -> None:
    lost_line = Change("1", 3829, "Mug", "gone", Decimal(1), Decimal(0))

    after = vanished(record(changes=(lost_line,), checkout_at_ms=handed_out))

    assert after.is_blank is bool(handed_out)


def test_lines_that_the_store_merged_are_put_back_as_one() -> None:
    merged = [owed(each, LANDED, line_id="9") for each in ("1", "2")]

    after = vanished(record(*merged, lines=(line("9", 2),)))

    assert [wish.item.quantity for wish in after.wishes] == [2]


# Found by the histories: the add went into the new cart twice, as itself and as the line put back.
def test_likely_line_of_a_vanished_cart_is_the_add() -> None:
    young = seen(lost(record(wish(quantity=4)), 0, NOW, final=False), line("7", 5), at_ms=NOW + 1)

    after = vanished(young)

    assert phases(after) == [WAITING, LANDED]
    assert [wish.item.quantity for wish in after.wishes if wish.waits] == [5]
    assert [(change.was, change.now) for change in after.changes] == [(4, 5)]


def test_line_put_back_is_shown_once_while_it_is_not_known() -> None:
    likely = owed("1", SENT, line_id="7")

    assert [each.item_id for each in record(likely, lines=(line("7", 5),)).shown.items] == ["7"]
    assert [each.item_id for each in record(replace(likely, line_id="")).shown.items] == ["1"]


def test_options_stay_as_they_were_chosen() -> None:
    engraved = replace(item(catalog_id=SHIRT), options=(ChosenOption(1, 2, "Ada"),))
    before = landed(wishing(record(), "own", [engraved]), 0, "7", NOW)

    after = seen(seen(before, line("7", catalog_id=SHIRT)), line("7", 2, SHIRT), at_ms=NOW + 1)

    assert after.lines()["7"].options == engraved.options


# --- What is owed because the store could not be told ----------------------------------------------


# Found by the histories: the change became an add of nothing.
def test_change_of_a_line_that_was_refused_names_that_line() -> None:
    after = wishing(record(names={"n1": ""}), "own", [QuantityChange("n1", Decimal(5))])

    assert [wish.sets for wish in after.wishes] == ["n1"]
    assert after.current_id("n1") == "n1"


# Found by the soak: the line came back that its shopper had removed.
def test_removal_that_is_owed_outlives_other_changes() -> None:
    lines = (line("1"), line("2"))
    removal = replace(change("1", 0), owed=True, entry=RESTORED)

    after = asking(wishing(record(removal, lines=lines), "own", [QuantityChange("2", Decimal(5))]))

    assert [(wish.sets, wish.owed) for wish in after.wishes] == [("1", True), ("2", False)]
    assert [each.item_id for each in after.shown.items] == ["2"]


@pytest.mark.parametrize(
    ("own", "left"),
    [([REFUSED], [5]), ([WAITING], [5]), ([LANDED], []), ([LANDED, REFUSED], [])],
)
def test_change_that_is_owed_stays_where_the_next_one_fails(
    own: list[Phase], left: list[int]
) -> None:
    owing = change("1", 5, owed=True, entry=RESTORED)
    begun = record(owing, lines=(line("1"),))
    removal = change("2", 0, owed=True, entry=RESTORED)
    changes = (change("1", 8 + at, phase=phase, index=at) for at, phase in enumerate(own))
    ended = record(removal, *changes, lines=(line("1"), line("2")))

    after = still_owing(ended, "own", begun)

    kept = [wish for wish in after.wishes if wish.owed and wish.sets == "1"]
    assert [wish.item.quantity for wish in kept] == left
    assert len({wish.place for wish in after.wishes}) == len(after.wishes)


def test_change_of_a_line_that_is_gone_is_not_owed_again() -> None:
    begun = record(change("1", 5, owed=True, entry=RESTORED), lines=(line("1"),))

    assert not still_owing(record(change("1", 9)), "own", begun).owes


# Found by the histories: it was asked of a part of the line, and took the later add away too.
@pytest.mark.parametrize(("asked", "left"), [(0, 2), (3, 5)])
def test_refused_change_does_not_take_away_what_the_store_merges_into_its_line_later(
    asked: int, left: int
) -> None:
    refused_change = change("1", asked, owed=True, phase=REFUSED, entry=RESTORED)
    before = record(refused_change, wish(quantity=2), lines=(line("1", 4),))

    after = vanished(landed(before, 1, "1", NOW))

    assert [(each.item_id, each.quantity) for each in after.shown.items] == [("1", left)]


@pytest.mark.parametrize("phase", [WAITING, SENT, REFUSED])
def test_removal_of_a_pending_line_ends_it_as_soon_as_that_is_known(phase: str) -> None:
    pending = owed("n1", phase, at_ms=500)
    removal = replace(change("n1", 0), owed=True, entry=RESTORED, index=1)

    after = seen(record(pending, removal, order_key="key"), at_ms=500 + SETTLE_MS)

    assert not any(wish.replaces for wish in after.wishes)
    assert not after.owes


def test_change_of_another_line_survives_a_cart_that_vanishes() -> None:
    done = replace(change("1", 3), owed=True, entry=RESTORED).landed("1", 0)

    after = vanished(record(done, lines=(line("1", 3), line("2"))))

    assert [wish.replaces for wish in after.wishes] == ["1", "2"]


@pytest.mark.parametrize("phase", [WAITING, SENT, REFUSED])
@pytest.mark.parametrize("outdated", [False, True])
def test_pending_line_is_shown_until_a_reading_tells_what_became_of_it(
    phase: Phase, outdated: bool
) -> None:
    before = record(owed("n1", phase), owed("n2", WAITING, index=1), outdated=outdated)

    assert [each.item_id for each in before.shown.items] == ["n1", "n2"]
    assert {each.state for each in before.shown.items} == {LineState.PENDING}


# Found by the histories: a line that was confirmed, and not there, was called gone and put back.
def test_line_that_is_another_one_by_now_is_not_gone() -> None:
    before = landed(record(owed("n1")), 0, "7", NOW - 1)
    after = record(owed("n1", LANDED, line_id="8"))

    assert list(differences(as_asked(before, after), cart(line("8")))) == []


@pytest.mark.parametrize("phase", [WAITING, SENT])
def test_add_that_lands_in_a_known_line_is_no_growth_that_nobody_asked_for(phase: Phase) -> None:
    before = record(
        owed("n1", phase, quantity=6),
        change("5", 3, owed=True, index=1),
        lines=(line("5"), line("8")),
    )
    after = replace(before, wishes=(before.wishes[0].landed("5", NOW), before.wishes[1]))

    shown = as_asked(before, after)

    assert list(differences(shown, cart(line("5", 9), line("8")))) == []
    assert [each.change for each in differences(shown, cart(line("5", 3)))] == ["reduced", "gone"]


@pytest.mark.parametrize(
    ("changes", "whole"),
    [
        ([("n1", 0)], 4),
        ([("n1", 2)], 6),
        ([("5", 3)], 9),
        ([("5", 3), ("n1", 0)], 3),
        ([("n1", 2), ("5", 3)], 5),
    ],
)
def test_change_of_a_part_of_a_merged_line_leaves_the_rest(
    changes: list[tuple[str, int]], whole: int
) -> None:
    wanted = [change(at, to, owed=True, index=1 + n) for n, (at, to) in enumerate(changes)]
    before = record(owed("n1", SENT, quantity=6, at_ms=NOW), *wanted, lines=(line("5", 4),))

    seen = saw(before, cart(line("5", 10)), NOW, SETTLE_MS)

    assert seen.wishes[0].line_id == "5"
    assert {wish.item.quantity for wish in seen.wishes if wish.sets} == {whole}


# Found by the histories: it was removed while it was not known, and sent again after the order.
def test_removal_of_a_pending_line_outlives_an_order_that_did_not_include_it() -> None:
    removal = replace(change("n1", 0), owed=True, entry=RESTORED, index=1)

    after = vanished(record(owed("n1", SENT), removal, lines=(line("1"),), checkout_at_ms=NOW))

    assert not [wish for wish in after.wishes if wish.is_open]
