"""Idempotency entries of one cart: each with its own expiry, in one small hash."""

from __future__ import annotations

import time

import fakeredis
import pytest

from cartproxy.deadline import Deadline
from cartproxy.model.cart import ItemResult
from cartproxy.model.keys import IdempotencyKey, Intent, KeptAnswer
from cartproxy.model.record import Record
from cartproxy.records.admin import CartAdmin
from cartproxy.records.errors import IdempotencyKeyReused, RequestInProgress
from cartproxy.records.records import Lives, Records
from cartproxy.records.seal import Seal

DAY = 86400
ENTRIES = "cp:{n}:i"
ANSWER = KeptAnswer((ItemResult.applied(0, "7"),))


def keeping(client: fakeredis.FakeRedis, answer: float, *, absolute: float = 60 * DAY) -> Records:
    """Records that keep answers so many seconds."""
    return Records(
        client, Lives(idle=DAY, absolute=absolute, lease=15, wait=0.05, answer=answer), Seal()
    )


def key(text: str, body: bytes = b"{}") -> IdempotencyKey:
    return IdempotencyKey.of(text, "POST /x", "/x", body)


def write(records: Records, text: str) -> KeptAnswer | None:
    """Write under this key; the answer that was kept before, if there is one."""
    with records.writing("n", Deadline.after(9), Intent(key(text))) as writing:
        if writing.answer is None:
            writing.save(Record("order"), ANSWER)
        return writing.answer


def test_answer_expires_while_younger_ones_are_kept(
    client: fakeredis.FakeRedis,
) -> None:
    write(keeping(client, 0.03), "old")
    write(keeping(client, DAY), "young")
    time.sleep(0.04)

    assert write(keeping(client, DAY), "young") == ANSWER
    assert write(keeping(client, DAY), "old") is None
    assert write(keeping(client, DAY), "old") == ANSWER


def test_shorter_life_for_new_answers_leaves_the_old_ones_theirs(
    client: fakeredis.FakeRedis,
) -> None:
    write(keeping(client, DAY), "old")
    write(keeping(client, 0.03), "young")
    time.sleep(0.04)

    assert write(keeping(client, 0.03), "old") == ANSWER
    assert DAY - 1000 < int(client.ttl(ENTRIES)) <= DAY


def test_all_entries_go_with_the_last(client: fakeredis.FakeRedis) -> None:
    for number in range(3):
        write(keeping(client, 0.03), str(number))
    time.sleep(0.04)

    assert client.exists(ENTRIES) == 0


def test_cart_with_many_writes_does_not_collect_expired_entries(
    client: fakeredis.FakeRedis,
) -> None:
    write(keeping(client, DAY), "holds the hash")
    records = keeping(client, 0.001)
    for number in range(100):
        write(records, str(number))
        time.sleep(0.002)

    # Each write checks four others; with so few, that is all of them.
    assert int(client.hlen(ENTRIES)) <= 3  # type: ignore[arg-type]


def test_sweeping_takes_no_answer_that_may_still_be_asked_for(client: fakeredis.FakeRedis) -> None:
    lasting, passing = keeping(client, DAY), keeping(client, 0.001)
    for number in range(60):
        write(lasting, f"lasting {number}")
        write(passing, f"passing {number}")

    assert [write(lasting, f"lasting {number}") for number in range(60)] == [ANSWER] * 60


def test_answer_outlives_its_record(client: fakeredis.FakeRedis) -> None:
    records = keeping(client, DAY)
    write(records, "revoked")
    CartAdmin(client, Seal()).revoke(["n"])
    with records.writing("n", Deadline.after(9), Intent(key("deleted"))) as writing:
        writing.forget(KeptAnswer())
    short_lived = keeping(client, DAY, absolute=0.02)
    write(short_lived, "aged")
    time.sleep(0.03)

    assert client.exists("cp:{n}") == 0
    assert write(short_lived, "revoked") == ANSWER
    assert write(short_lived, "deleted") == KeptAnswer()
    assert write(short_lived, "aged") == ANSWER


def test_key_of_a_running_writer_is_in_progress_and_that_of_a_dead_one_is_free(
    client: fakeredis.FakeRedis,
) -> None:
    records = keeping(client, DAY)
    with records.writing("n", Deadline.after(9), Intent(key("k"))) as writing:
        with pytest.raises(RequestInProgress):
            write(records, "k")
        client.delete("cp:{n}:lock")  # as if its lease had run out
        with (
            pytest.raises(IdempotencyKeyReused),
            records.writing("n", Deadline.after(9), Intent(key("k", b"other"))),
        ):
            pass
        assert write(records, "k") is None
        writing.ended = True

    assert write(records, "k") == ANSWER


def test_answer_kept_without_the_lock_is_replayed_and_expires(
    client: fakeredis.FakeRedis,
) -> None:
    keeping(client, DAY).keep("n", key("lasting"), ANSWER)
    keeping(client, 0.02).keep("n", key("passing"), ANSWER)
    time.sleep(0.03)

    assert write(keeping(client, DAY), "lasting") == ANSWER
    assert write(keeping(client, DAY), "passing") is None


def test_usual_answer_is_short_enough_for_a_small_hash(client: fakeredis.FakeRedis) -> None:
    records = keeping(client, DAY)
    answer = KeptAnswer((ItemResult.applied(0, "123456789012"),))
    records.keep("n", key("k"), answer)

    (value,) = client.hvals(ENTRIES)  # type: ignore[misc]
    assert len(value) <= 64  # `hash-max-listpack-value` as servers have it by default
