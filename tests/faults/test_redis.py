"""Faults 1 to 6: Redis is away, slow, full, empty, or has lost a reply."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import redis
import requests
from conftest import store_environment
from support.faults_settings import QUICK
from support.redis_kinds import start
from support.servers import redis_server, service
from support.shopper import BLOG, MUG, SHIRT, SMALL, Shopper, Store
from support.tcp_proxy import TcpProxy, tcp_proxy

from cartproxy.deadline import Deadline
from cartproxy.model.keys import Intent
from cartproxy.records.record import Record
from cartproxy.records.records import Lives, Records
from cartproxy.storage.errors import StorageFull


@dataclass
class Behind:
    """A service whose Redis is reached through a proxy that misbehaves."""

    url: str
    proxy: TcpProxy

    def shopper(self) -> Shopper:
        return Shopper(self.url)

    def get(self, path: str) -> requests.Response:
        return requests.get(f"{self.url}/{path}", timeout=10)


@pytest.fixture(scope="module")
def started(store_url: str) -> Iterator[Behind]:
    with redis_server() as url, tcp_proxy(urlsplit(url).port or 0) as proxy:
        settings = {
            "CARTPROXY_REDIS_URL": f"redis://127.0.0.1:{proxy.port}/0",
            "CARTPROXY_WORKERS": "1",
            **QUICK,
            # Counted in Redis at once, which takes one command more of a first add.
            **store_environment(store_url, ORIGIN_CREATES_PER_MINUTE=f"{BLOG} 6000"),
        }
        with service(settings) as proxy_url:
            yield Behind(proxy_url, proxy)


@pytest.fixture
def behind(started: Behind, store: Store) -> Iterator[Behind]:
    """The service over a Redis that is well, and empty."""
    with redis.Redis(port=started.proxy._target) as client:
        client.flushall()
    yield started
    started.proxy.hung = started.proxy.refusing = False
    started.proxy.delay_seconds = started.proxy.lost = 0
    started.proxy.commands_left = started.proxy.lose = None


# Fault 1
@pytest.mark.parametrize("how", ["refused", "hung", "slow"])
def test_redis_away_is_503_at_once_without_a_store_call_and_heals(
    behind: Behind, store: Store, how: str
) -> None:
    shopper = behind.shopper()
    shopper.add(MUG)
    store.calls()
    behind.proxy.refusing, behind.proxy.hung = how == "refused", how == "hung"
    behind.proxy.delay_seconds = 1.5 if how == "slow" else 0
    if how == "refused":
        behind.proxy.cut()

    answers = [
        shopper.call("POST", "/cart/items", {"catalog_id": MUG}),
        shopper.call("GET", "/cart"),
    ]
    ready, alive = behind.get("readyz"), behind.get("livez")
    calls = store.calls()
    behind.proxy.refusing = behind.proxy.hung = False
    behind.proxy.delay_seconds = 0
    healed_by = time.monotonic() + 2 + 5  # the promise, and a lease of a lock that was hung upon
    while shopper.call("POST", "/cart/items", {"catalog_id": MUG}).status_code != 201:
        assert time.monotonic() < healed_by

    assert [answer.status_code for answer in answers] == [503, 503]
    assert {answer.json()["code"] for answer in answers} == {"storage-unavailable"}
    assert answers[0].json()["outcome"] == "not_applied"
    assert all(answer.headers["Retry-After"] == "2" for answer in answers)
    # Promised within 0.6 s; the rest is room for a busy machine.
    assert all(answer.elapsed.total_seconds() < 2 for answer in answers)
    assert (ready.status_code, alive.status_code) == (503, 200)
    assert calls == []


# Fault 2
@pytest.mark.parametrize("lost_after", range(4))
def test_lost_replies_count_nothing_twice(behind: Behind, store: Store, lost_after: int) -> None:
    """The reply to each command of a write in turn is swallowed: begin, budget, commit, then none."""
    shopper = behind.shopper()
    shopper.add(MUG)
    line = shopper.cart()["items"][0]["item_id"]
    store.fail({"method": "*", "path": "*", "fault": "latency", "ms": 400, "times": None})
    headers = {"Idempotency-Key": "a-key"}
    # Each store call takes 0.4 s, and the commands stand between them.
    timers = {0: 0.0, 1: None, 2: 0.6, 3: None}
    if timers[lost_after] is not None:
        threading.Timer(
            timers[lost_after] or 0, lambda: setattr(behind.proxy, "swallow", 1)
        ).start()
        time.sleep(0.05)

    answers = [
        shopper.call("POST", "/cart/items", {"catalog_id": MUG}, headers=headers) for _ in range(2)
    ]
    removed = shopper.call("DELETE", f"/cart/items/{line}")

    assert [answer.status_code for answer in answers] == [201, 201], answers[0].text
    assert removed.status_code == 200
    (cart,) = store.carts()
    assert len(cart["lines"]) == 1


# Fault 3
@pytest.mark.parametrize("kind", ["sentinel", "cluster"])
def test_failover_is_a_short_time_of_503_and_nothing_else(
    store: Store, tmp_path: Path, kind: str
) -> None:
    answers: list[requests.Response] = []
    stopping = threading.Event()

    def shop(url: str) -> None:
        while not stopping.is_set():
            shopper = Shopper(url)
            answers.extend(
                [
                    shopper.call("POST", "/cart/items", {"catalog_id": MUG}),
                    shopper.call("GET", "/cart"),
                ]
            )
            time.sleep(0.05)

    with start(kind, tmp_path, lambda *_: None) as running:
        settings = {"CARTPROXY_REDIS_URL": running.url, **QUICK, **store_environment(store.url)}
        with service(settings) as url:
            shoppers = [threading.Thread(target=shop, args=(url,)) for _ in range(4)]
            for each in shoppers:
                each.start()
            time.sleep(1)
            running.disturb()
            time.sleep(3)
            before = len(answers)
            time.sleep(1)
            stopping.set()
            for each in shoppers:
                each.join()

    statuses = Counter(answer.status_code for answer in answers)
    refused = [answer for answer in answers if answer.status_code == 503]
    assert set(statuses) <= {200, 201, 503}, statuses
    assert all(answer.headers["Retry-After"] for answer in refused)
    assert {answer.status_code for answer in answers[before:]} <= {200, 201}


# Fault 4
def test_full_redis_takes_no_writes_and_goes_on_with_reads_and_deletes(
    store: Store, tmp_path: Path
) -> None:
    with redis_server("--maxmemory-policy", "noeviction") as redis_url:
        settings = {"CARTPROXY_REDIS_URL": redis_url, **QUICK, **store_environment(store.url)}
        with service(settings) as url, redis.Redis.from_url(redis_url) as client:
            shopper = Shopper(url)
            shopper.add(MUG)
            client.config_set("maxmemory", "1")
            store.calls()

            written = shopper.call("POST", "/cart/items", {"catalog_id": MUG})
            calls = store.calls()
            read = shopper.call("GET", "/cart", headers={"Cache-Control": "no-cache"})
            deleted = shopper.call("DELETE", "/cart")
            client.config_set("maxmemory", "0")
            after = shopper.cart()

    assert (written.status_code, written.json()["code"]) == (503, "storage-full")
    assert written.json()["outcome"] == "not_applied"
    assert calls == []
    assert (read.status_code, read.json()["item_count"]) == (200, 1)
    assert deleted.status_code == 204
    assert after["items"] == []
    assert store.carts() == []


@pytest.mark.parametrize("refused", [False, True])
def test_redis_that_fills_up_during_a_write_keeps_its_intent_and_no_lock(
    behind: Behind, refused: bool
) -> None:
    lives = Lives(idle=99, absolute=99, lease=30, wait=1, answer=99)
    intent = Intent(items_json=([MUG, "1", []],))
    with redis.Redis(port=behind.proxy._target) as client:
        records = Records(client, lives)
        with records.writing("n", Deadline.after(9), Intent()) as write:
            write.save(Record("key"), None)
        with records.writing("n", Deadline.after(9), intent) as write:
            client.config_set("maxmemory", "1")
            if refused:
                write.release()
            else:
                with pytest.raises(StorageFull) as full:
                    write.save(Record("key"), None)
                assert full.value.outcome == "unknown"
            client.config_set("maxmemory", "0")

        locks = client.keys("cp:*:lock")
        with records.writing("n", Deadline.after(9), Intent()) as write:
            record = write.loaded.record

    assert locks == []
    assert record is not None
    assert str(MUG) in record.intents


# Fault 5
def test_redis_that_comes_back_empty_is_an_empty_cart(behind: Behind, store: Store) -> None:
    shopper = behind.shopper()
    shopper.add(MUG)
    with redis.Redis(port=behind.proxy._target) as client:
        client.flushall()
        client.script_flush()

    cart = shopper.cart()
    again = shopper.add(MUG)

    assert cart["items"] == []
    assert again["item_count"] == 1


# Fault 6
def test_wrong_password_is_503_and_logged_without_a_storm(store: Store, tmp_path: Path) -> None:
    log = tmp_path / "log"
    with redis_server() as redis_url:
        settings = {
            "CARTPROXY_REDIS_URL": redis_url,
            "CARTPROXY_WORKERS": "1",
            **store_environment(store.url),
        }
        with service(settings, log) as url, redis.Redis.from_url(redis_url) as client:
            client.config_set("requirepass", "another")
            client.execute_command("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")
            shopper = Shopper(url)
            answers = [shopper.call("GET", "/cart") for _ in range(30)]
            client.config_set("requirepass", "")

    lines = log.read_text().splitlines()
    assert {answer.status_code for answer in answers} == {503}
    assert 1 <= sum('"storage_error"' in line for line in lines) <= 10
    assert "another" not in "".join(lines)


# Fault 52
def first_add(url: str) -> Callable[[], requests.Response]:
    Shopper(url).add(MUG)  # so that Redis knows the connection and the scripts
    return lambda: Shopper(url).call("POST", "/cart/items", {"catalog_id": MUG})


def with_a_cart(
    act: Callable[[Shopper, str], requests.Response],
) -> Callable[[str], Callable[[], requests.Response]]:
    def prepare(url: str) -> Callable[[], requests.Response]:
        shopper = Shopper(url)
        line = shopper.add(MUG)["items"][0]["item_id"]
        return lambda: act(shopper, line)

    return prepare


REQUESTS: dict[str, Callable[[str], Callable[[], requests.Response]]] = {
    "first add": first_add,
    "add": with_a_cart(lambda each, _: each.call("POST", "/cart/items", {"catalog_id": MUG})),
    "change": with_a_cart(
        lambda each, at: each.call("PATCH", f"/cart/items/{at}", {"quantity": 2})
    ),
    "look": with_a_cart(
        lambda each, _: each.call("GET", "/cart", headers={"Cache-Control": "no-cache"})
    ),
    "checkout": with_a_cart(lambda each, _: each.call("POST", "/checkout", {})),
    "delete": with_a_cart(lambda each, _: each.call("DELETE", "/cart")),
}


@pytest.mark.parametrize("request_", REQUESTS)
def test_request_waits_for_two_replies_at_most_that_redis_does_not_give(
    behind: Behind, store: Store, request_: str
) -> None:
    """From each command on in turn; the time is this number by `redis_timeout_seconds`."""
    proxy = behind.proxy
    seen = []
    for answered in range(9):
        ask = REQUESTS[request_](behind.url)
        store.calls()
        proxy.lost, proxy.commands_left = 0, answered
        answer = ask()
        proxy.commands_left = None
        seen.append((proxy.lost, answer.status_code, len(store.calls())))
        if not proxy.lost:
            break

    *lost, (_, status, _) = seen
    assert status < 300, seen
    assert len(lost) >= 2
    assert all(1 <= commands <= 2 and status == 503 for commands, status, _ in lost), seen
    assert lost[0][2] == lost[1][2] == 0 or request_ == "checkout"


@pytest.mark.parametrize("minimal", [True, False])
def test_redis_that_fails_between_two_store_calls_makes_nobody_forget_the_first(
    behind: Behind, store: Store, minimal: bool
) -> None:
    shopper = behind.shopper()
    shopper.add(SHIRT, options=[SMALL])
    headers = {"Idempotency-Key": "a-key", **({"Prefer": "return=minimal"} if minimal else {})}

    def add() -> requests.Response:
        return shopper.call("POST", "/cart/items", {"catalog_id": MUG}, headers=headers)

    store.fail({"method": "POST", "path": "/Cart/*/Item", "fault": "apply_then_drop", "times": 1})
    behind.proxy.commands_left, behind.proxy.lose = 2, 1  # begin's and the budget's pass

    first = add()
    behind.proxy.commands_left = None
    again = add()
    while again.status_code in (503, 504):
        time.sleep(float(again.headers["Retry-After"]))
        again = add()

    assert first.status_code in (201, 504), first.text
    assert again.status_code == 201
    (cart,) = store.carts()
    assert [line["catalog_id"] for line in cart["lines"]] == [SHIRT, MUG]


# Fault 53
@pytest.mark.parametrize(
    ("harm", "heal", "reason"),
    [
        ("REPLICAOF 127.0.0.1 1", "REPLICAOF NO ONE", "storage-unavailable"),
        ("CONFIG SET min-replicas-to-write 1", "CONFIG SET min-replicas-to-write 0",
         "storage-unavailable"),
        ("ACL SETUSER default -@scripting", "ACL SETUSER default +@all", "storage-unavailable"),
        ("CONFIG SET maxmemory 1 maxmemory-policy noeviction", "CONFIG SET maxmemory 0",
         "storage-full"),
    ],
)  # fmt: skip
def test_service_is_ready_where_its_redis_takes_writes_by_scripts(
    behind: Behind, harm: str, heal: str, reason: str
) -> None:
    with redis.Redis(port=behind.proxy._target) as client:
        before = behind.get("readyz")
        left = client.keys("*ready*")
        client.execute_command(*harm.split())
        try:
            harmed = behind.get("readyz")
        finally:
            client.execute_command(*heal.split())
        after = behind.get("readyz")

    assert (before.status_code, harmed.status_code, after.status_code) == (200, 503, 200)
    assert harmed.json() == {"status": "not ready", "reason": reason}
    assert left == []
