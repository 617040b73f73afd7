"""Faults 1 to 6: Redis is away, slow, full, empty, or has lost a reply."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Iterator
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
from support.shopper import MUG, Shopper, Store
from support.tcp_proxy import TcpProxy, tcp_proxy


@dataclass
class Behind:
    """A service whose Redis is reached through a proxy that misbehaves."""

    url: str
    proxy: TcpProxy
    log: Path

    def shopper(self) -> Shopper:
        return Shopper(self.url)

    def get(self, path: str) -> requests.Response:
        return requests.get(f"{self.url}/{path}", timeout=10)


@pytest.fixture
def behind(store: Store, tmp_path: Path) -> Iterator[Behind]:
    with redis_server() as url, tcp_proxy(urlsplit(url).port or 0) as proxy:
        settings = {
            "CARTPROXY_REDIS_URL": f"redis://127.0.0.1:{proxy.port}/0",
            "CARTPROXY_WORKERS": "1",
            **QUICK,
            **store_environment(store.url),
        }
        log = tmp_path / "log"
        with service(settings, log) as proxy_url:
            yield Behind(proxy_url, proxy, log)
            proxy.hung = False


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
