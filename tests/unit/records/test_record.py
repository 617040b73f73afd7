"""The cart record: its scripts, its lock, its life."""

from __future__ import annotations

import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import replace
from decimal import Decimal

import fakeredis
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.waiting import wait_for

from cartproxy.compact import compact
from cartproxy.deadline import Deadline
from cartproxy.model.cart import Change, ChosenOption, ItemOption, LineItem, NewItem, Snapshot
from cartproxy.model.keys import IdempotencyKey, Intent, KeptAnswer
from cartproxy.model.record import Record
from cartproxy.model.wishes import Phase, Wish
from cartproxy.records.errors import CartBusy, IdempotencyKeyReused
from cartproxy.records.form import record_of, state_of
from cartproxy.records.records import Lives, Records
from cartproxy.records.seal import Seal
from cartproxy.storage.errors import StorageUnavailable

DAY = 86400
LIVES = Lives(idle=14 * DAY, absolute=60 * DAY, lease=15, wait=0.1, answer=DAY)


@pytest.fixture
def records(client: fakeredis.FakeRedis) -> Records:
    return Records(client, LIVES, Seal())


def save(records: Records, record: Record, name: str = "n") -> None:
    with records.writing(name, Deadline.after(9), Intent()) as write:
        write.save(record, None)


def commit(records: Records, owner: str, record: Record) -> bool:
    try:
        records.commit("n", owner, "save", ("other", records.state(record)))
    except StorageUnavailable:
        return False
    return True


def line(item_id: str = "1") -> LineItem:
    options = (ItemOption("Size", "M"),)
    nine = Decimal("9.99")
    return LineItem(item_id, 3829, "S", "Mug", options, Decimal(1), nine, Decimal(0), nine, None)


def test_saved_record_is_loaded(records: Records) -> None:
    snapshot = Snapshot((line(),), "https://shop.example/pay?k=1")
    save(records, Record("key", snapshot, as_of_ms=5, outdated=False))

    loaded = records.load("n").record

    assert loaded is not None
    assert (loaded.order_key, loaded.snapshot, loaded.as_of_ms, loaded.outdated) == (
        "key", snapshot, 5, False,
    )  # fmt: skip
    assert records.load("other").record is None


def test_second_writer_waits_and_gives_up_as_busy(records: Records) -> None:
    with (
        records.writing("n", Deadline.after(9), Intent()),
        pytest.raises(CartBusy),
        records.writing("n", Deadline.after(9), Intent()),
    ):
        pass

    save(records, Record("key"))


def test_lock_lasts_one_lease_even_while_others_wait(client: fakeredis.FakeRedis) -> None:
    records = Records(client, replace(LIVES, lease=1000), Seal())

    with records.writing("n", Deadline.after(9), Intent()):
        granted = client.pttl("cp:{n}:lock")
        with pytest.raises(CartBusy), records.writing("n", Deadline.after(0), Intent()):
            pass
        waited_for = client.pttl("cp:{n}:lock")

    for left_ms in (granted, waited_for):
        assert 900_000 < left_ms <= 1_000_000  # type: ignore[operator]


def test_slow_waiter_keeps_its_place_for_half_of_the_wait(
    client: fakeredis.FakeRedis,
) -> None:
    records = Records(client, replace(LIVES, wait=600), Seal())
    now_ms = int(client.time()[0]) * 1000

    client.hset("cp:{n}:q", "slow", f"1 {now_ms + 250_000} 1 1")
    with pytest.raises(CartBusy), records.writing("n", Deadline.after(0), Intent()):
        pass

    client.hset("cp:{n}:q", "dead", f"1 {now_ms + 350_000} 1 1")
    client.hdel("cp:{n}:q", "slow")
    save(records, Record("key"))


@pytest.mark.parametrize("fingerprint", ["same", "other"])
def test_writer_that_does_not_wait_leaves_no_place_in_the_queue(
    client: fakeredis.FakeRedis, fingerprint: str
) -> None:
    records = Records(client, replace(LIVES, wait=60), Seal())
    key = IdempotencyKey("entry", "same")

    def come_again() -> None:
        again = Intent(IdempotencyKey("entry", fingerprint))
        with suppress(IdempotencyKeyReused), records.writing("n", Deadline.after(60), again):
            pass

    with ThreadPoolExecutor(1) as pool:
        with records.writing("n", Deadline.after(60), Intent(key)) as write:
            client.hset("cp:{n}:i", "entry", "0")  # not yet sent, as others see it
            waiting = pool.submit(come_again)
            wait_for(lambda: client.hlen("cp:{n}:q"), "the other one waits")
            client.hset("cp:{n}:i", "entry", f"{9 * 10**12} same open")
            write.save(Record("key"), KeptAnswer())
        waiting.result()

    assert client.hlen("cp:{n}:q") == 0


def test_lock_is_freed_by_an_error_too(records: Records) -> None:
    def fail() -> None:
        with records.writing("n", Deadline.after(9), Intent()):
            raise ValueError

    with pytest.raises(ValueError):  # noqa: PT011
        fail()

    save(records, Record("key"))
    assert records.load("n").record is not None


def test_writer_that_has_lost_the_lock_saves_nothing(
    records: Records, client: fakeredis.FakeRedis
) -> None:
    def write_late() -> None:
        with records.writing("n", Deadline.after(9), Intent()) as write:
            client.set("cp:{n}:lock", "somebody else")
            write.save(Record("late"), None)

    with pytest.raises(StorageUnavailable):
        write_late()

    assert records.load("n").record is None
    assert client.get("cp:{n}:lock") == b"somebody else"


def test_commit_may_be_repeated_by_its_owner(records: Records, client: fakeredis.FakeRedis) -> None:
    client.set("cp:{n}:lock", "me")

    first = commit(records, "me", Record("key"))
    again = commit(records, "me", Record("key"))
    other = commit(records, "you", Record("stolen"))

    loaded = records.load("n").record
    assert (first, again, other) == (True, True, False)
    assert loaded is not None
    assert loaded.order_key == "key"


def test_read_back_is_saved_unless_a_write_came_in_between(records: Records) -> None:
    save(records, Record("key"))
    seen = records.load("n")

    records.refresh("n", seen, Record("key", Snapshot((line("7"),)), 1, outdated=False))
    refreshed = records.load("n").record
    save(records, Record("key", Snapshot((line("8"),)), 2, outdated=False))
    records.refresh("n", seen, Record("key", Snapshot((line("9"),)), 3, outdated=False))
    records.refresh("n", seen, None)

    kept = records.load("n").record
    assert refreshed is not None
    assert refreshed.snapshot.items[0].item_id == "7"
    assert kept is not None
    assert kept.snapshot.items[0].item_id == "8"


def test_idle_life_slides_and_absolute_life_does_not(client: fakeredis.FakeRedis) -> None:
    def life(idle: float, absolute: float, touch: Callable[[Records], object]) -> int:
        client.flushall()
        lives = Lives(idle=idle, absolute=absolute, lease=15, wait=1, answer=DAY)
        records = Records(client, lives, Seal())
        save(records, Record("key"))
        client.pexpire("cp:{n}", 30_000)
        touch(records)
        left = client.pttl("cp:{n}")
        assert isinstance(left, int)
        return left

    slid = life(100, 1000, lambda records: records.load("n"))
    bounded = life(100, 50, lambda records: records.load("n"))
    written = life(100, 1000, lambda records: save(records, Record("key")))

    assert 90_000 < slid <= 100_000
    assert 40_000 < bounded <= 50_000
    assert 90_000 < written <= 100_000


def test_handing_out_the_checkout_is_noted_only_on_carts(
    records: Records, client: fakeredis.FakeRedis
) -> None:
    save(records, Record("key"))

    records.load("n", handing_out_checkout=True)
    records.load("none", handing_out_checkout=True)

    noted = records.load("n").record
    assert noted is not None
    assert noted.checkout_at_ms is not None
    assert client.exists("cp:{none}") == 0


def intents(records: Records) -> tuple[tuple[NewItem, ...], ...]:
    record = records.load("n").record
    assert record is not None
    return tuple(items for _, items in record.intents)


def die(records: Records, item: NewItem) -> None:
    with records.writing("n", Deadline.after(9), Intent(items=(item,))) as write:
        write.abandon()


def test_dead_writers_intent_stays_until_a_write_saves(records: Records) -> None:
    save(records, Record("key"))
    mug, scarf = NewItem(3829), NewItem(3831)
    die(records, mug)

    left = intents(records)
    with records.writing("n", Deadline.after(9), Intent(items=(scarf,))) as write:
        assert write.loaded.record is not None
        assert [items for _, items in write.loaded.record.intents] == [(mug,)]
    released = intents(records)
    save(records, Record("key"))

    assert left == released == ((mug,),)
    assert intents(records) == ()


def test_reading_takes_over_the_intents_it_has_seen_and_no_others(records: Records) -> None:
    save(records, Record("key"))
    mug, scarf = NewItem(3829), NewItem(3831)
    die(records, mug)
    seen = records.load("n")
    die(records, scarf)

    records.refresh("n", seen, Record("key", Snapshot((line("7"),)), 1, outdated=False))
    refused = intents(records)
    records.refresh("n", records.load("n"), Record("key", outdated=False))

    assert refused == ((mug,), (scarf,))
    assert intents(records) == ()


@pytest.mark.parametrize("key", ["", "k" * 32])
def test_intent_can_hold_anything_a_shopper_types(client: fakeredis.FakeRedis, key: str) -> None:
    records = Records(client, LIVES, Seal(key))
    save(records, Record("key"))
    typed = NewItem(1, Decimal(1), (ChosenOption(2, 3, "one\u2028two\x85three"),))

    die(records, typed)

    assert intents(records) == ((typed,),)


@pytest.mark.parametrize(("key", "kept"), [("key", True), ("another", False)])
def test_note_of_a_checkout_stays_with_its_cart_at_the_store(
    client: fakeredis.FakeRedis, records: Records, key: str, kept: bool
) -> None:
    save(records, Record("key"))
    records.load("n", handing_out_checkout=True)
    sealing = Records(client, LIVES, Seal("k" * 32))

    save(sealing, Record(key))

    record = sealing.load("n").record
    assert record is not None
    assert record.order_key == key
    assert (record.checkout_at_ms is not None) is kept


def test_record_does_not_show_its_key(records: Records) -> None:
    save(records, Record("very-secret"))

    assert "very-secret" not in repr(records.load("n"))
    assert "very-secret" not in repr(records.load("n").record)


def test_record_kept_in_the_middle_of_a_write_is_what_the_next_one_finds(
    records: Records, client: fakeredis.FakeRedis
) -> None:
    with records.writing("n", Deadline.after(9), Intent()) as write:
        write.keep(Record("early"))
        client.delete("cp:{n}:lock")  # the machine dies, the lease runs out
        write.ended = True

    with records.writing("n", Deadline.after(9), Intent()) as write:
        assert write.loaded.record is not None
        assert write.loaded.record.order_key == "early"


def test_writer_that_kept_a_record_and_lost_the_lock_has_not_saved(
    records: Records, client: fakeredis.FakeRedis
) -> None:
    def write_late() -> None:
        with records.writing("n", Deadline.after(9), Intent()) as write:
            write.keep(Record("early"))
            client.delete("cp:{n}:lock")
            write.save(Record("late"))

    with pytest.raises(StorageUnavailable):
        write_late()


@pytest.mark.parametrize("found", [{}, {"0": "17"}])
def test_record_of_release_0_1_is_read(found: dict[str, str]) -> None:
    doubts = [["entry", 7, [[3829, "2", [[1, 2, "Red"]]]], found]]
    state = ["key", 5, 0, 0, {"9": [3831, "1", []]}, doubts]
    text = f"1 revision 8\n5:{compact(state)}\t{Snapshot((line(),)).text}"

    record, _ = record_of(text, Seal())

    item = NewItem(3829, Decimal(2), (ChosenOption(1, 2, "Red"),))
    phase = Phase.LANDED if found else Phase.SENT
    wish = Wish("entry", 0, item, phase=phase, at_ms=7, line_id="17" if found else "")
    assert record == Record(
        "key",
        Snapshot((line(),)),
        5,
        outdated=False,
        since={"9": NewItem(3831)},
        wishes=(wish,),
        checkout_at_ms=8,
        revision="revision",
        made_ms=1,
    )


def as_0_1_reads_it(record: Record) -> tuple[list[object], str]:
    """The fields of a record written for release 0.1, and its snapshot."""
    version, _, state = state_of(record, Seal(), 5).partition(":")
    fields, _, snapshot = state.partition("\t")
    assert version == "5"
    return json.loads(fields), snapshot


def test_record_for_release_0_1_has_its_adds_in_doubt() -> None:
    wishes = (
        Wish("k", 0, NewItem(3829), phase=Phase.LANDED, line_id="7", at_ms=3),
        Wish("k", 1, NewItem(3831), phase=Phase.SENT, at_ms=4),
        Wish("~owner", 0, NewItem(3829), phase=Phase.SENT, at_ms=5),
    )
    record = Record("key", Snapshot((line(),)), 2, outdated=False, wishes=wishes)

    fields, snapshot = as_0_1_reads_it(record)

    mug, scarf = [3829, "1", []], [3831, "1", []]
    doubts = [["k", 4, [mug, scarf], {"0": "7"}], ["", 5, [mug], {}]]
    assert fields == ["key", 2, 0, 0, {}, doubts]
    assert snapshot == record.snapshot.text


def test_cart_that_is_being_put_back_is_gone_with_all_its_lines_for_release_0_1() -> None:
    waiting = Wish("", 0, NewItem(3831), owed=True, replaces="2", line=line("2"))
    record = Record("key", Snapshot((line("1"),)), 2, wishes=(waiting,))

    fields, snapshot = as_0_1_reads_it(record)

    assert fields == ["gone", 2, 1, 1, {}, []]
    assert snapshot == Snapshot((line("1"), line("2"))).text


# Found by random histories: after a way back to 0.1 and forth again two lines were `n1`, and the
# shopper saw one of them.
def test_name_of_a_pending_line_is_given_to_no_other_after_a_way_back_to_release_0_1() -> None:
    waiting = Wish("", 0, NewItem(3829), owed=True, replaces="n12", line=line("n12"))
    record = Record("key", Snapshot((line("7"), line("n0p"))), wishes=(waiting,), named=12)

    sealed = state_of(record, Seal(), 5)
    read, _ = record_of(f"1 owner 0\n{sealed}", Seal())

    assert [each.item_id for each in read.snapshot.items] == ["7", "n0p", "n12"]
    assert read.named == 12


TIMES = st.integers(0, 2**47 - 1)
texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
money = st.decimals(0, 10**6, places=2)
lines = st.builds(
    LineItem, st.from_regex(r"[0-9]{1,9}", fullmatch=True), st.integers(1, 2**31 - 1), texts, texts,
    st.lists(st.builds(ItemOption, texts, texts), max_size=3).map(tuple), money, money, money, money,
    st.none() | texts, st.booleans(),
    st.lists(st.builds(ChosenOption, st.integers(1, 99), st.integers(1, 99), texts), max_size=2).map(tuple),
)  # fmt: skip
snapshots = st.builds(Snapshot, st.lists(lines, max_size=3).map(tuple), st.none() | texts)


items = st.builds(
    NewItem,
    st.integers(1, 99),
    money,
    st.lists(st.builds(ChosenOption, st.integers(1, 9), st.integers(1, 9), texts)).map(tuple),
)
wishes = st.builds(
    Wish, texts, st.integers(0, 50), items, texts, st.sampled_from(Phase), TIMES, texts,
    st.booleans(), st.booleans(), texts, texts, texts, st.none() | lines,
)  # fmt: skip
changes = st.builds(Change, texts, st.integers(0, 99), texts, texts, money, money, texts)
whole_records = st.builds(
    Record,
    st.none() | texts,
    snapshots,
    TIMES,
    st.booleans(),
    st.dictionaries(texts, items, max_size=3),
    st.lists(wishes, max_size=3).map(tuple),
    st.lists(changes, max_size=2).map(tuple),
)


def kept_and_read(record: Record) -> Record:
    """The record, through the form it has in Redis."""
    return record_of(f"0 - 0\n{state_of(record, Seal())}", Seal())[0]


@given(whole_records)
def test_every_record_survives_its_form(record: Record) -> None:
    assert kept_and_read(record) == replace(record, revision="-")


@given(snapshots)
def test_every_snapshot_survives_its_record(snapshot: Snapshot) -> None:
    assert kept_and_read(Record("key", snapshot)).snapshot == snapshot


@given(snapshots, snapshots)
def test_entity_tags_differ_as_contents_do(one: Snapshot, other: Snapshot) -> None:
    # As texts: 1 and 1.0 are the same number, and not the same to show.
    same = repr((one, one.checkout_url)) == repr((other, other.checkout_url))
    assert (one.entity_tag == other.entity_tag) is same


@given(snapshots)
def test_entity_tag_is_the_same_before_and_after_the_record(snapshot: Snapshot) -> None:
    assert kept_and_read(Record("key", snapshot)).snapshot.entity_tag == snapshot.entity_tag
