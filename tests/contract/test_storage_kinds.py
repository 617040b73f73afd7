"""One suite over every kind of Redis: what carts need of a storage, and a failover."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import TypeVar

import pytest
import redis
from support.edge import settings
from support.redis_kinds import KINDS, Kind, start
from support.servers import PATIENT, redis_server

from cartproxy.deadline import Deadline
from cartproxy.model.cart import NewItem
from cartproxy.model.keys import IdempotencyKey, Intent, KeptAnswer
from cartproxy.model.record import Record
from cartproxy.records.errors import IdempotencyKeyReused
from cartproxy.records.records import Lives, Records
from cartproxy.records.seal import Seal
from cartproxy.settings_source import load
from cartproxy.storage.connect import connect
from cartproxy.storage.errors import StorageUnavailable
from cartproxy.store.errors import StoreBusy
from cartproxy.store.limits import Budget

Result = TypeVar("Result")
LIVES = Lives(idle=1000, absolute=5000, lease=60, wait=60, answer=1000)


@pytest.fixture(scope="module", params=KINDS)
def kind(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Kind]:
    patch = pytest.MonkeyPatch()
    with start(request.param, tmp_path_factory.mktemp(request.param), patch.setenv) as running:
        yield running
    patch.undo()


@pytest.fixture(scope="module")
def client(kind: Kind) -> object:
    storage = {"CARTPROXY_REDIS_URL": kind.url} if kind.url else {}
    return connect(load(settings(CARTPROXY_PEPPER="p" * 32, **PATIENT, **storage)))


@pytest.fixture(scope="module")
def records(client: object) -> Records:
    return Records(client, LIVES, Seal())  # type: ignore[arg-type]


def save(records: Records, name: str, key: str) -> None:
    with records.writing(name, Deadline.after(60), Intent()) as write:
        write.save(Record(key), None)


def test_cleared_really_is_cleared(records: Records) -> None:
    save(records, "cleared", "key")
    before = records.load("cleared").record

    with records.writing("cleared", Deadline.after(60), Intent()) as write:
        write.forget(None)

    assert before is not None
    assert records.load("cleared").record is None
    assert not records.exists("cleared")


def test_writers_of_one_cart_take_turns(records: Records) -> None:
    def append(_: int) -> None:
        with records.writing("turns", Deadline.after(60), Intent()) as write:
            record = write.loaded.record
            text = record.order_key if record else ""
            time.sleep(0.01)
            write.save(Record(text + "x"), None)

    with ThreadPoolExecutor(5) as pool:
        list(pool.map(append, range(10)))

    record = records.load("turns").record
    assert record is not None
    assert record.order_key == "x" * 10


def test_key_is_answered_once_and_bound_to_its_request(records: Records) -> None:
    key = IdempotencyKey.of("k", "POST /x", "/x", b"{}")
    other = IdempotencyKey.of("k", "POST /x", "/x", b'{"y":1}')
    with records.writing("keys", Deadline.after(60), Intent(key)) as write:
        write.save(Record("order"), KeptAnswer(created=True))

    with records.writing("keys", Deadline.after(60), Intent(key)) as again:
        replayed = again.answer

    assert replayed == KeptAnswer(created=True)
    with (
        pytest.raises(IdempotencyKeyReused),
        records.writing("keys", Deadline.after(60), Intent(other)),
    ):
        pass


def test_answer_expires_while_others_of_its_cart_are_kept(records: Records, client: object) -> None:
    passing = Records(client, replace(LIVES, answer=0.05), Seal())  # type: ignore[arg-type]
    lasting_key, passing_key = (
        IdempotencyKey.of(text, "POST /x", "/x", b"{}") for text in ("lasting", "passing")
    )
    for each, key in ((records, lasting_key), (passing, passing_key)):
        with each.writing("lives", Deadline.after(60), Intent(key)) as write:
            write.save(Record("order"), KeptAnswer(created=True))
    passing.keep("lives", passing_key, KeptAnswer())
    time.sleep(0.06)

    with records.writing("lives", Deadline.after(60), Intent(lasting_key)) as write:
        assert write.answer == KeptAnswer(created=True)
    with records.writing("lives", Deadline.after(60), Intent(passing_key)) as write:
        assert write.answer is None


def test_dead_writers_intent_is_found_by_the_next(records: Records, client: object) -> None:
    save(records, "dead", "key")
    key = IdempotencyKey.of("k", "POST /x", "/x", b"{}")
    intent = Intent(key, items=(NewItem(3829),))
    with records.writing("dead", Deadline.after(60), intent) as write:
        write.abandon()

    with records.writing("dead", Deadline.after(60), Intent()) as write:
        record = write.loaded.record

    assert record is not None
    assert record.intents == ((key.entry, (NewItem(3829),)),)


def test_budget_is_shared_and_paces(client: object) -> None:
    began = time.monotonic()

    def call(_: int) -> bool:
        # Each caller has its own object for the same store's budget, as each worker has.
        budget = Budget(client, store_id="paced", rate=4, burst=2, wait_seconds=0.5)  # type: ignore[arg-type]
        try:
            budget.allow(1, Deadline.after(60)).take()
        except StoreBusy as error:
            assert error.retry_after is not None
            assert error.retry_after >= 1
            return False
        return True

    with ThreadPoolExecutor(30) as pool:
        granted = sum(pool.map(call, range(30)))

    # Two at once, then four a second: two within the wait, and more if asking takes longer.
    assert 4 <= granted <= 2 + (time.monotonic() - began) * 4 + 1


def test_pause_holds_for_everybody(client: object) -> None:
    budget = Budget(client, store_id="paused", rate=1000, burst=10, wait_seconds=0.2)  # type: ignore[arg-type]
    began = time.monotonic()
    budget.pause(30)

    with pytest.raises(StoreBusy) as refused:
        budget.allow(1, Deadline.after(60)).take()

    left = 30 - (time.monotonic() - began)
    assert refused.value.retry_after is not None
    assert left - 1 <= refused.value.retry_after <= 31


@pytest.mark.parametrize("scheme", ["redis", "redis+cluster"])
def test_user_and_password_may_be_escaped_in_the_address(scheme: str) -> None:
    with redis_server("--cluster-enabled", "yes" if "cluster" in scheme else "no") as url:
        with redis.Redis.from_url(url) as client:
            if "cluster" in scheme:
                client.execute_command("CLUSTER ADDSLOTSRANGE", 0, 16383)
            client.execute_command("ACL SETUSER", "a@b", "on", ">p/@:%", "~*", "+@all")
        address = url.replace("redis://", f"{scheme}://a%40b:p%2F%40%3A%25@")
        storage = settings(CARTPROXY_PEPPER="p" * 32, **PATIENT, CARTPROXY_REDIS_URL=address)

        assert connect(load(storage)).acl_whoami() == "a@b"


def test_carts_survive_a_failover(kind: Kind, records: Records) -> None:
    # Enough carts that each node of a cluster holds some.
    names = [f"cart-{number}" for number in range(20)]
    for name in names:
        save(records, name, name)
    refused = 0

    def healed(action: Callable[[], Result]) -> Result:
        nonlocal refused
        while True:
            try:
                return action()
            except StorageUnavailable:
                refused += 1
                assert refused < 20, "the servers agree, and it does not come back"

    kind.disturb()

    for name in names:
        loaded = healed(lambda name=name: records.load(name))  # type: ignore[misc]
        assert loaded.record is not None
        assert loaded.record.order_key == name
        healed(lambda name=name: save(records, name, name + "-2"))  # type: ignore[misc]
        again = records.load(name).record
        assert again is not None
        assert again.order_key == name + "-2"
