"""Faults 1 to 6: Redis is away, slow, full, empty, or has lost a reply."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import redis
import requests
from support.faults_settings import QUICK
from support.redis_kinds import start
from support.servers import redis_server, service, store_environment
from support.shopper import BLOG, MUG, SHIRT, SMALL, Shopper, Store
from support.tcp_proxy import TcpProxy, tcp_proxy
from support.waiting import wait_for

from cartproxy.deadline import Deadline
from cartproxy.model.cart import NewItem
from cartproxy.model.keys import Intent
from cartproxy.model.record import Record
from cartproxy.records.records import Lives, Records
from cartproxy.records.seal import Seal
from cartproxy.settings import Settings
from cartproxy.storage.errors import StorageFull
from cartproxy.storage.scripts import load_script


@dataclass
class Behind:
    """A service whose Redis is reached through a proxy that misbehaves."""

    url: str
    proxy: TcpProxy

    def shopper(self) -> Shopper:
        return Shopper(self.url)

    def get(self, path: str) -> requests.Response:
        return requests.get(f"{self.url}/{path}", timeout=60)


@contextmanager
def behind_a_proxy(store_url: str, **settings: str) -> Iterator[Behind]:
    with redis_server() as url, tcp_proxy(urlsplit(url).port or 0) as proxy:
        environment = {
            "CARTPROXY_REDIS_URL": f"redis://127.0.0.1:{proxy.port}/0",
            "CARTPROXY_WORKERS": "1",
            **QUICK,
            # Counted in Redis at once, which costs a first add one more command.
            **store_environment(store_url, ORIGIN_CREATES_PER_MINUTE=f"{BLOG} 6000"),
            **settings,
        }
        with service(environment) as proxy_url:
            yield Behind(proxy_url, proxy)
            proxy.hung = False


@pytest.fixture(scope="module")
def started(store_url: str) -> Iterator[Behind]:
    with behind_a_proxy(store_url) as running:
        yield running


@pytest.fixture
def behind(started: Behind, store: Store) -> Iterator[Behind]:
    """The service with a working, empty Redis."""
    with redis.Redis(port=started.proxy._target) as client:
        client.flushall()
    yield started
    started.proxy.hung = started.proxy.refusing = False
    started.proxy.delay_seconds = started.proxy.lost = started.proxy.spare = 0
    started.proxy.commands_left = started.proxy.lose = None
    started.proxy.losing = b""


@pytest.fixture
def strict(store: Store) -> Iterator[Behind]:
    """The same without patience: 1 s for a command of Redis, locks that end after 6 s."""
    with behind_a_proxy(
        store.url,
        CARTPROXY_REDIS_TIMEOUT_SECONDS="1",
        CARTPROXY_REQUEST_SECONDS="5",
        CARTPROXY_LOCK_LEASE_SECONDS="6",
    ) as running:
        yield running


# Fault 1
@pytest.mark.parametrize("how", ["refused", "hung", "slow"])
def test_redis_away_is_503_at_once_without_a_store_call_and_heals(
    strict: Behind, store: Store, how: str
) -> None:
    shopper = strict.shopper()

    def add() -> requests.Response:
        return shopper.call("POST", "/cart/items", {"catalog_id": MUG})

    wait_for(lambda: add().ok, "a first add")
    store.calls()
    strict.proxy.refusing, strict.proxy.hung = how == "refused", how == "hung"
    strict.proxy.delay_seconds = 5 if how == "slow" else 0
    if how == "refused":
        strict.proxy.cut()

    waits: list[int] = []

    def counted(ask: Callable[[], requests.Response]) -> requests.Response:
        before = strict.proxy.asked
        answer = ask()
        waits.append(strict.proxy.asked - before)
        return answer

    answers = [counted(add), counted(lambda: shopper.call("GET", "/cart"))]
    ready, alive = counted(lambda: strict.get("readyz")), strict.get("livez")
    calls = store.calls()
    strict.proxy.refusing = strict.proxy.hung = False
    strict.proxy.delay_seconds = 0
    wait_for(lambda: add().ok, "it heals")

    assert [answer.status_code for answer in answers] == [503, 503]
    assert {answer.json()["code"] for answer in answers} == {"storage-unavailable"}
    assert answers[0].json()["outcome"] == "not_applied"
    assert all(answer.headers["Retry-After"] == "2" for answer in answers)
    # Promised within 0.6 s: the number of waits for Redis, each as long as the setting says.
    each_seconds = Settings.__dataclass_fields__["redis_timeout_seconds"].default
    assert 0 < max(waits) * each_seconds <= 0.6, waits
    assert (ready.status_code, alive.status_code) == (503, 200)
    assert calls == []


# Fault 2
@pytest.mark.parametrize(
    ("lost", "statuses"),
    [("begin", [201, 201]), ("budget", [503, 201]), ("commit", [201, 201]), ("", [201, 201])],
)
def test_lost_replies_count_nothing_twice(
    behind: Behind, store: Store, lost: str, statuses: list[int]
) -> None:
    """The reply to each command of a write in turn is swallowed."""
    shopper = behind.shopper()
    shopper.add(MUG)
    line = shopper.cart()["items"][0]["item_id"]
    headers = {"Idempotency-Key": "a-key"}
    if lost:
        behind.proxy.spare = ["begin", "budget", "commit"].index(lost)
        behind.proxy.swallow = 1

    answers = [
        shopper.call("POST", "/cart/items", {"catalog_id": MUG}, headers=headers) for _ in range(2)
    ]
    removed = shopper.call("DELETE", f"/cart/items/{line}")

    assert behind.proxy.swallow == 0
    assert [answer.status_code for answer in answers] == statuses, answers[0].text
    assert removed.status_code == 200
    (cart,) = store.carts()
    assert len(cart["lines"]) == 1


# Fault 3
@pytest.mark.parametrize("kind", ["sentinel", "cluster"])
def test_failover_causes_only_a_short_time_of_503(store: Store, tmp_path: Path, kind: str) -> None:
    seen: list[tuple[float, requests.Response]] = []
    stopping = threading.Event()

    def shop(url: str) -> None:
        while not stopping.is_set():
            shopper = Shopper(url)
            for method, path in (("POST", "/cart/items"), ("GET", "/cart")):
                began = time.monotonic()
                body = {"catalog_id": MUG} if method == "POST" else None
                seen.append((began, shopper.call(method, path, body)))

    def goes_on(since: float) -> bool:
        last = seen[-40:]
        return len(last) == 40 and all(began > since and answer.ok for began, answer in last)

    with start(kind, tmp_path, lambda *_: None) as running:
        settings = {"CARTPROXY_REDIS_URL": running.url, **QUICK, **store_environment(store.url)}
        with service(settings) as url:
            shoppers = [threading.Thread(target=shop, args=(url,)) for _ in range(4)]
            for each in shoppers:
                each.start()
            wait_for(lambda: goes_on(0), "shoppers are served")
            running.disturb()
            whole = time.monotonic()
            wait_for(lambda: goes_on(whole), "the service continues")
            stopping.set()
            for each in shoppers:
                each.join()

    statuses = Counter(answer.status_code for _, answer in seen)
    refused = [(began, answer) for began, answer in seen if answer.status_code == 503]
    assert set(statuses) <= {200, 201, 503}, statuses
    assert all(answer.headers["Retry-After"] for _, answer in refused)
    # 3 s of it would be hundreds.
    assert sum(began > whole for began, _ in refused) <= 10 * len(shoppers)


# Fault 4
def test_full_redis_refuses_writes_but_not_reads_and_deletes(store: Store, tmp_path: Path) -> None:
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
    intent = Intent(items=(NewItem(MUG),))
    with redis.Redis(port=behind.proxy._target) as client:
        records = Records(client, lives, Seal())
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
    assert [items for _, items in record.intents] == [(NewItem(MUG),)]


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
def test_wrong_password_is_503_and_does_not_flood_the_log(store: Store, tmp_path: Path) -> None:
    log = tmp_path / "log"
    with redis_server() as redis_url:
        settings = {
            "CARTPROXY_REDIS_URL": redis_url,
            "CARTPROXY_WORKERS": "1",
            **store_environment(store.url),
        }
        with service(settings, log) as url, redis.Redis.from_url(redis_url) as client:
            began = time.monotonic()
            client.config_set("requirepass", "another")
            client.execute_command("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")
            shopper = Shopper(url)
            answers = [shopper.call("GET", "/cart") for _ in range(30)]
            client.config_set("requirepass", "")
            took = time.monotonic() - began

    lines = log.read_text().splitlines()
    assert {answer.status_code for answer in answers} == {503}
    # Once a second for each kind of error; there are at most two kinds.
    assert 1 <= sum('"storage_error"' in line for line in lines) <= 2 * (took + 1)
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
def test_request_waits_for_at_most_two_missing_replies_of_redis(
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
def test_redis_failure_between_two_store_calls_does_not_lose_the_first(
    behind: Behind, store: Store, minimal: bool
) -> None:
    shopper = behind.shopper()
    shopper.add(SHIRT, options=[SMALL])
    headers = {"Idempotency-Key": "a-key", **({"Prefer": "return=minimal"} if minimal else {})}

    def add() -> requests.Response:
        return shopper.call("POST", "/cart/items", {"catalog_id": MUG}, headers=headers)

    store.fail({"method": "POST", "path": "/Cart/*/Item", "fault": "apply_then_drop", "times": 1})
    behind.proxy.commands_left, behind.proxy.lose = 2, 1  # begin and the budget succeed

    first = add()
    behind.proxy.commands_left = None
    wait_for(lambda: add().ok, "the add is known")

    assert first.status_code in (201, 504), first.text
    (cart,) = store.carts()
    assert [line["catalog_id"] for line in cart["lines"]] == [SHIRT, MUG]


@pytest.mark.parametrize(("adds", "rest"), [("direct", "not_applied"), ("when_busy", "pending")])
def test_redis_that_fails_in_the_middle_of_a_large_batch_leaves_each_item_once(
    store: Store, adds: str, rest: str
) -> None:
    items = [{"catalog_id": MUG, "quantity": 2**bit} for bit in range(4)]
    headers = {"Idempotency-Key": "a-key"}

    # More than a burst is reserved call by call. The replies to begin and to the first one arrive.
    changed = {"CALL_BURST": "2", "ADDS": adds}
    settings = {f"CARTPROXY_STORES_DEMO_{name}": value for name, value in changed.items()}
    with behind_a_proxy(store.url, **settings) as behind:
        shopper = behind.shopper()
        shopper.add(SHIRT, options=[SMALL])
        behind.proxy.commands_left, behind.proxy.lose = 2, 1
        first = shopper.call("POST", "/cart/items", {"items": items}, headers=headers)
        behind.proxy.commands_left = None
        again = shopper.call("POST", "/cart/items", {"items": items}, headers=headers)
        if rest == "pending":
            shopper.call("POST", "/checkout", {})
        else:
            shopper.call("POST", "/cart/items", {"items": items[2:]})

    outcomes = [each["outcome"] for each in first.json()["results"]]
    assert outcomes == ["applied", "applied", rest, rest]
    assert again.json()["results"] == first.json()["results"]
    (cart,) = store.carts()
    assert [line["quantity"] for line in cart["lines"]] == [1, 1, 2, 4, 8]


@contextmanager
def three_in_turn(
    behind: Behind, store: Store, write: Callable[[int], requests.Response]
) -> Iterator[list[Future[requests.Response]]]:
    """Three writes to one cart: the second leaves its work to the third.

    The first is at the store and the others wait, until the script of faults is replaced.
    """
    store.calls()
    store.hold()
    with redis.Redis(port=behind.proxy._target) as client, ThreadPoolExecutor(3) as pool:

        def waiting() -> int:
            return sum(client.hlen(key) for key in client.scan_iter("cp:*:q"))

        sent = []
        for place in range(3):
            sent.append(pool.submit(write, place))
            store.wait_for_calls()
            wait_for(lambda place=place: waiting() == place, f"{place} wait")  # type: ignore[misc]
        yield sent


# What was done was answered as not applied.
def test_redis_failure_while_sharing_a_reading_does_not_deny_what_is_saved(
    behind: Behind, store: Store
) -> None:
    shopper = behind.shopper()
    shopper.add(MUG)

    def add(_: int) -> requests.Response:
        tab = Shopper(behind.url, bearer=shopper.bearer)
        return tab.call("POST", "/cart/items", {"catalog_id": MUG})

    with (
        redis.Redis(port=behind.proxy._target) as client,
        three_in_turn(behind, store, add) as sent,
    ):
        client.execute_command("ACL", "SETUSER", "default", "-exists")  # load needs it
        try:
            store.fail()
            answers = [each.result() for each in sent]
        finally:
            client.execute_command("ACL", "SETUSER", "default", "+@all")

    assert [answer.status_code for answer in answers] == [201] * 3, answers[1].text
    assert [answer.json()["stale"] for answer in answers] == [False, True, False]
    outcomes = [each["outcome"] for answer in answers for each in answer.json()["results"]]
    assert outcomes == ["applied"] * 3


def test_redis_failure_while_keeping_an_answer_does_not_deny_the_next_change(
    behind: Behind, store: Store
) -> None:
    shopper = behind.shopper()
    line = shopper.add(MUG)["items"][0]["item_id"]
    with redis.Redis(port=behind.proxy._target) as client:
        script = load_script(client, "cartproxy.records", "entries", "keep_answer").script

    def change(place: int) -> requests.Response:
        tab, body = Shopper(behind.url, bearer=shopper.bearer), {"quantity": 2 + place}
        key = {"Idempotency-Key": f"change-{place}"}
        return tab.call("PATCH", f"/cart/items/{line}", body, headers=key)

    with three_in_turn(behind, store, change) as sent:
        behind.proxy.losing = script.sha.encode()
        store.fail()
        answers = [each.result() for each in sent]

    assert [answer.status_code for answer in answers] == [200] * 3, answers[1].text
    assert behind.proxy.lost == 2
    assert answers[1].json()["items"][0]["quantity"] == 4


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
