"""Whatever our keys hold is read or counts as absent, and no cart stays locked."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from datetime import date
from decimal import Decimal
from itertools import chain
from typing import Any

import fakeredis
import pytest

from cartproxy.carts.fold import saw
from cartproxy.compact import compact
from cartproxy.deadline import Deadline
from cartproxy.model.cart import (
    Cart,
    Change,
    ChosenOption,
    Currency,
    ItemOption,
    LineItem,
    NewItem,
    Snapshot,
)
from cartproxy.model.keys import IdempotencyKey, Intent, KeptAnswer
from cartproxy.model.order import Order
from cartproxy.model.record import Record
from cartproxy.model.wishes import Phase, Wish
from cartproxy.records.admin import CartAdmin
from cartproxy.records.errors import CartBusy
from cartproxy.records.form import record_of, state_of
from cartproxy.records.inbox import Inbox
from cartproxy.records.records import Lives, Records
from cartproxy.records.sales import Sales
from cartproxy.records.seal import Seal
from cartproxy.storage.errors import StorageError, StorageNewer, StorageUnavailable
from cartproxy.web.cart_json import cart_as_json, results_as_json

LIVES = Lives(idle=999, absolute=9999, lease=15, wait=0.2, answer=999)
NINE = Decimal("9.99")
OPTIONS = (ChosenOption(1, 2, "red"),)
LINE = LineItem(
    "1", 3829, "S", "Mug", (ItemOption("Size", "M"),), NINE, NINE, NINE, NINE, None, False, OPTIONS
)
ITEM = NewItem(3829, NINE, OPTIONS)
RECORD = Record(
    "key",
    Snapshot(
        (LINE, LINE._replace(item_id="2", image_url="https://shop.example/2.png")), "https://x"
    ),
    5,
    False,
    since={"1": ITEM},
    wishes=(
        Wish("entry", 0, ITEM, phase=Phase.SENT, at_ms=5),
        Wish("", 0, ITEM, owed=True, replaces="2", line=LINE),
    ),
    changes=(Change("1", 3829, "Mug", "repriced", NINE, NINE),),
)
KEPT = f"5 revision 0\n{state_of(RECORD, Seal())}"
# The same in release 0.1's format.
_ITEM = ITEM.as_json()
_STATE = ["key", 5, 0, 0, {"1": _ITEM}, [["entry", 5, [_ITEM, _ITEM], {"1": "2"}]]]
OLD = f"5 revision 0\n5:{compact(_STATE)}\t{RECORD.snapshot.text}"
VALUES: list[Any] = [
    None, True, -1, 0, 5, 2**63, 2**70, 0.5, "", "x", "NaN", "-Infinity", "1E+999999", "1.2.3", "9" * 99,
    [], [1], ["x"], [["x"]], [None, None], [1, 2, "x"], {}, {"x": 1}, {"0": "x"}, {"9": "x"},
]  # fmt: skip


@pytest.fixture
def records(client: fakeredis.FakeRedis) -> Records:
    return Records(client, LIVES, Seal())


def otherwise(tree: Any) -> Iterator[Any]:
    """The tree, each time with another value of all VALUES at one of its places."""
    if isinstance(tree, dict | list):
        for place in tree if isinstance(tree, dict) else range(len(tree)):
            was = tree[place]
            for inner in otherwise(was):
                tree[place] = inner
                yield tree
            tree[place] = was
    yield from VALUES


def use(record: Record) -> None:
    """What reads and writes do with a record before they call the store."""
    snapshot = record.snapshot
    for line in snapshot.items:
        said = (line.item_id, line.sku, line.name, *chain(*line.options))
        assert {*map(type, said)} == {str}
    cart = Cart(record.shown, Currency("USD"), record.as_of_ms, changes=record.changes)
    compact(cart_as_json(cart))
    state_of(saw(record, snapshot, 5, 1), Seal())
    record.lines()


def read_and_use(text: str) -> None:
    try:
        record, _ = record_of(text, Seal())
    except (ValueError, StorageError):
        return
    use(record)


@pytest.mark.parametrize("kept", [KEPT, OLD])
def test_state_of_another_shape_is_absent_or_usable(kept: str) -> None:
    version, _, rest = kept.partition("\n")[2].partition(":")
    state, snapshot = rest.split("\t")
    for both in otherwise([json.loads(state), json.loads(snapshot)]):
        if isinstance(both, list) and len(both) == 2:
            read_and_use(f"5 revision 0\n{version}:{compact(both[0])}\t{compact(both[1])}")


@pytest.mark.parametrize("kept", [KEPT, OLD])
def test_any_text_is_absent_or_usable(kept: str) -> None:
    for start in range(len(kept)):
        for end in (start, start + 1, len(kept)):
            for between in ("", "0", '"', "\n", "E9999", "\u0667"):
                read_and_use(kept[:start] + between + kept[end:])


def test_kept_answer_of_another_shape_is_absent_or_usable() -> None:
    for answer in otherwise([0, [0, "a", "1"], [1, "n", None, "item-rejected"]]):
        with suppress(ValueError):
            compact(results_as_json(KeptAnswer.decode(compact(answer)).results))


def begin(records: Records, intent: Intent | None = None) -> None:
    with records.writing("n", Deadline.after(9), intent or Intent()) as write:
        write.save(RECORD, KeptAnswer())


@pytest.mark.parametrize("field", [b"\xff", b"1 x y", b"", b"9" * 400 + b" 1 ", b"1 1 a b c"])
def test_junk_in_the_queue_delays_nobody_and_is_removed(
    records: Records, client: fakeredis.FakeRedis, field: bytes
) -> None:
    client.hset("cp:{n}:q", mapping={b"junk": field, b"\xfe": field})

    begin(records)

    assert not records.load("n").busy
    assert client.exists("cp:{n}:q") == 0


def test_place_in_the_queue_that_would_last_too_long_is_ignored(
    records: Records, client: fakeredis.FakeRedis
) -> None:
    later = int(time.time() * 1000) + 3_600_000
    client.hset("cp:{n}:q", "waiting", f"1 {later} 5 2")

    begin(records)

    assert client.exists("cp:{n}:q") == 0


@pytest.mark.parametrize("life", [None, 3600])
def test_lock_that_would_last_longer_than_a_lease_ends_with_one(
    client: fakeredis.FakeRedis, life: int | None
) -> None:
    client.set("cp:{n}:lock", "junk", ex=life)

    with pytest.raises(CartBusy):
        begin(Records(client, replace(LIVES, lease=0.2, wait=0), Seal()))
    begin(
        Records(client, replace(LIVES, wait=20), Seal())
    )  # a lease that a slow machine does not outlast

    assert client.exists("cp:{n}:lock") == 0


@pytest.mark.parametrize(
    "line",
    ["junk", "[]", '["a","b",[[1,"NaN",[]]]]', "\x85", "s1.é", "", "\xff"],
)
def test_intent_that_cannot_be_read_is_left_out(
    records: Records, client: fakeredis.FakeRedis, line: str
) -> None:
    begin(records)
    good = '["owner","entry",[[3829,"1",[]]]]'
    client.append("cp:{n}", f"\n{line}\n{good}\n{line}".encode())

    record = records.load("n").record

    assert record is not None
    assert record.intents == (("entry", (NewItem(3829),)),)


def test_intents_behind_a_record_that_cannot_be_read_do_not_pile_up(
    records: Records, client: fakeredis.FakeRedis
) -> None:
    client.set("cp:{n}", "junk")
    for _ in range(3):
        with records.writing("n", Deadline.after(9), Intent(items=(NewItem(1),))):
            pass

    assert client.get("cp:{n}") == b"junk"


def test_answer_that_cannot_be_read_is_replaced_once_another_write_has_ended(
    records: Records, client: fakeredis.FakeRedis
) -> None:
    key = IdempotencyKey.of("k", "POST /x", "/x", b"{}")
    records.keep("n", key, KeptAnswer())
    (field, kept), *_ = client.hgetall("cp:{n}:i").items()  # type: ignore[union-attr]
    client.hset("cp:{n}:i", field, kept[:-1])

    begin(records, Intent(key))

    assert client.hget("cp:{n}:i", field)[14:] == kept[14:]  # type: ignore[index]


def test_format_that_is_not_known_is_neither_read_nor_overwritten(
    records: Records, client: fakeredis.FakeRedis
) -> None:
    intent = Intent(items=(NewItem(1),))
    for kept in ("9999999999999 revision 0\n7:{}\tx\nintent", "9999999999999 revision 0\n4:[]"):
        client.set("cp:{n}", kept)
        for use_it in (lambda: records.load("n"), lambda: begin(records, intent)):
            with pytest.raises(StorageNewer):
                use_it()

        assert client.get("cp:{n}") == kept.encode()
        assert client.exists("cp:{n}:lock", "cp:{n}:q", "cp:{n}:i") == 0
        entry = CartAdmin(client, Seal()).look("n")
        assert entry is not None
        assert entry.record is None


def test_record_that_no_key_opens_is_kept_and_frees_its_lock(client: fakeredis.FakeRedis) -> None:
    begin(Records(client, LIVES, Seal("k" * 32)))
    kept = client.get("cp:{n}")
    without = Records(client, LIVES, Seal())
    intent = Intent(items=(NewItem(1),))

    for use_it in (lambda: without.load("n"), lambda: begin(without, intent)):
        with pytest.raises(StorageUnavailable):
            use_it()

    assert client.get("cp:{n}") == kept
    assert client.exists("cp:{n}:lock") == 0


ORDER = Order(7, True, ("key",), ("1",), NINE, NINE)


@pytest.fixture
def sales(client: fakeredis.FakeRedis) -> Sales:
    """The books with one cart that was given its checkout URL."""
    sales = Sales(
        client, store_id="demo", peppers=["p"], currency=Currency("USD"), cart_life=999
    )  # fmt: skip
    sales.hand_out("n", "https://blog.example", "key", ["1"])
    return sales


@pytest.mark.parametrize("order", [ORDER, replace(ORDER, order_keys=())], ids=["key", "lines"])
@pytest.mark.parametrize("damage", ["hash", "list", "string"])
@pytest.mark.parametrize("kind", ["c", "l", "d"])
def test_books_that_cannot_be_read_count_as_absent(
    client: fakeredis.FakeRedis, sales: Sales, kind: str, damage: str, order: Order
) -> None:
    (key,) = client.keys(f"cpo:{{demo}}:{kind}:*")
    client.delete(key)
    if damage == "hash":
        client.hset(key, mapping={"name": "n", b"\xff": b"\xff", "x": "y", "orders s": "1.5"})
    elif damage == "list":
        client.rpush(key, "x")
    else:
        client.set(key, b"\xff")

    found = sales.cart_of(order)
    rows = [*sales.rows(date.min)]

    is_needed = kind == "c" or (kind == "l" and not order.order_keys)
    assert (found is None) == is_needed
    assert [row.checkouts for row in rows] == ([] if kind == "d" else [1])


@pytest.mark.parametrize("fields", [{"order": "x"}, {"order": b"\xff"}, {"other": "1"}])
def test_delivery_that_cannot_be_read_is_ended_and_holds_up_no_other(
    client: fakeredis.FakeRedis, fields: dict[Any, Any]
) -> None:
    inbox = Inbox(client, store_id="demo", lease_seconds=0, known_seconds=999)
    inbox.next()
    client.xadd("cpo:{demo}:in", fields)
    inbox.take([7])

    found = [each.order_id for each in (inbox.next() for _ in range(4)) if each]

    assert set(found) == {7}
    assert client.xlen("cpo:{demo}:in") == 1


@pytest.mark.parametrize(
    "text",
    ["", "5", "nan nan", "inf 1", "1e999 1", "5 x", "\x00", "[]", "9" * 400 + " 1", "9" * 20 + " 1" + "0" * 400],
)  # fmt: skip
def test_unreadable_level_of_a_limit_counts_as_absent(
    client: fakeredis.FakeRedis, text: str
) -> None:
    from cartproxy.limits.rate_limiter import Limit, RateLimiter

    client.set("cpl:{limits}:k", text)
    standing = RateLimiter(client).take([Limit("l", "k", 10)], exactly=True)

    assert standing is not None
    assert standing.remaining == 9
