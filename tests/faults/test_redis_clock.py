"""Fault 51: the clock of Redis is set, or another server with another clock takes over."""

from __future__ import annotations

import secrets
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import pytest
import redis
import requests
from support.faults_settings import QUICK
from support.servers import service, store_environment
from support.shopper import BLOG, MUG, Shopper, Store
from support.stepped_clock import LIBRARY, stepped_redis
from support.waiting import wait_for

from cartproxy.deadline import Deadline
from cartproxy.limits.rate_limiter import Limit, RateLimited, RateLimiter
from cartproxy.model.keys import Intent
from cartproxy.model.record import Record
from cartproxy.records.records import Lives, Records
from cartproxy.records.seal import Seal
from cartproxy.storage.errors import StorageUnavailable
from cartproxy.store.limits import Budget

pytestmark = pytest.mark.skipif(LIBRARY is None, reason="libfaketime is missing (Debian: faketime)")

HOUR = 3600
STEPS = [(0, HOUR), (HOUR, 0)]  # forward, and back
Clock = Callable[[int], None]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, Clock]]:
    with stepped_redis(tmp_path_factory.mktemp("clock")) as running:
        yield running


@pytest.fixture(params=STEPS, ids=["forward", "back"])
def stepping(
    server: tuple[str, Clock], request: pytest.FixtureRequest
) -> Iterator[tuple[redis.Redis, Callable[[], None]]]:
    """A client of an empty Redis, and what sets the clock."""
    url, clock = server
    before, after = request.param
    clock(before)
    with redis.Redis.from_url(url) as client:
        client.flushall()
        yield client, lambda: clock(after)


def test_schedule_of_store_calls_begins_again(
    stepping: tuple[redis.Redis, Callable[[], None]],
) -> None:
    client, step = stepping
    budget = Budget(client, store_id="demo", rate=0.1, burst=2, wait_seconds=5)
    budget.allow(2, Deadline.after(9)).take()
    budget.pause(60)
    step()

    budget.allow(2, Deadline.after(9)).take()  # raises StoreBusy if it had to wait


def test_limits_keep_leaking(stepping: tuple[redis.Redis, Callable[[], None]]) -> None:
    client, step = stepping
    limit = Limit("l", secrets.token_hex(4), 600)
    before = RateLimiter(client)
    for _ in range(600):
        before.take([limit])
    before.exchange()
    step()
    worker = RateLimiter(client)

    taken = 0
    while taken < 20:  # ten a second leak
        try:
            worker.take([limit], exactly=True)
        except RateLimited as refused:
            assert refused.retry_after is not None
            assert refused.retry_after <= 2
            time.sleep(0.1)
        else:
            taken += 1


def test_dead_writers_lock_and_place_end_with_a_lease(
    stepping: tuple[redis.Redis, Callable[[], None]],
) -> None:
    client, step = stepping
    lives = Lives(idle=9 * HOUR, absolute=9 * HOUR, lease=60, wait=60, answer=99)
    records = Records(client, lives, Seal())
    brief = Records(client, replace(lives, lease=2), Seal())
    with records.writing("n", Deadline.after(60), Intent()) as write:
        write.save(Record("key"), None)
    with brief.writing("n", Deadline.after(60), Intent()) as dead:
        waiting = threading.Thread(target=_wait_in_vain, args=(brief,))
        waiting.start()
        wait_for(
            lambda: client.exists("cp:{n}:q") or not waiting.is_alive(), "a place in the queue"
        )
        step()
        dead.ended = True
    waiting.join()
    client.hset("cp:{n}:q", "dead", f"1 {_now(client) + HOUR * 1000} 1 1")

    with records.writing("n", Deadline.after(60), Intent()) as write:
        assert write.loaded.record is not None


def _wait_in_vain(records: Records) -> None:
    with suppress(StorageUnavailable), records.writing("n", Deadline.after(60), Intent()):
        pass


def _now(client: redis.Redis) -> int:
    seconds, _ = client.time()
    return int(seconds) * 1000


def test_no_shopper_is_kept_waiting(
    server: tuple[str, Clock], store: Store, tmp_path: Path
) -> None:
    url, clock = server
    clock(0)
    limits = {
        "CALLS_PER_SECOND": "20",
        "CALL_BURST": "20",
        "ORIGIN_CREATES_PER_MINUTE": f"{BLOG} 600",
    }
    settings = {"CARTPROXY_REDIS_URL": url, **QUICK, **store_environment(store.url, **limits)}
    with service(settings, tmp_path / "log") as proxy_url:
        old = Shopper(proxy_url)
        answers: list[requests.Response] = []
        for off in (0, HOUR, 0, -HOUR, 0):
            clock(off)
            for shopper in (old, Shopper(proxy_url), Shopper(proxy_url)):
                answers += [
                    shopper.call("POST", "/cart/items", {"catalog_id": MUG}),
                    shopper.call("GET", "/cart"),
                    shopper.call("POST", "/checkout", {}),
                ]

    assert [each.status_code for each in answers] == [201, 200, 200] * 15, [
        each.text for each in answers if each.status_code > 201
    ]


def test_product_is_believed_no_longer(
    server: tuple[str, Clock], store: Store, tmp_path: Path
) -> None:
    url, clock = server
    clock(0)
    settings = {
        "CARTPROXY_REDIS_URL": url,
        "CARTPROXY_PRODUCT_FRESH_SECONDS": "1",
        **store_environment(store.url),
    }
    with service(settings, tmp_path / "log") as proxy_url:
        shopper = Shopper(proxy_url)
        shopper.call("GET", f"/products/{MUG}")
        clock(-HOUR)
        store.change_product(MUG, price="12.34")

        def price() -> str:
            return str(shopper.call("GET", f"/products/{MUG}").json()["price"])

        wait_for(lambda: price() == "12.34", "the new price")
