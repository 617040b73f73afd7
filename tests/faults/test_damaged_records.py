"""Fault 49: whatever a key of ours holds in Redis, nothing breaks and no cart stays locked."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import redis
import requests
from support.faults_settings import QUICK
from support.servers import service, store_environment
from support.shopper import MUG, SHIRT, Shopper, Store
from support.waiting import ANSWER_SECONDS, wait_for

JUNK: dict[str, Callable[[bytes], bytes]] = {
    "cut short": lambda kept: kept[: len(kept) * 2 // 3],
    "bad JSON": lambda kept: kept.replace(b"[", b"[[", 1),
    "no tab": lambda kept: kept.replace(b"\t", b"", 1),
    "not UTF-8": lambda kept: kept[:-3] + b"\xff" + kept[-3:],
    "another shape": lambda kept: kept.partition(b"[")[0] + b'["a",[],{}]\t[1,{"b":null}]',
    "another document": lambda kept: b'{"a":[1,null]}',
    "text that opens with no key": lambda kept: kept.partition(b"\n")[0] + b'\ns1."short"',
    "a number": lambda kept: b"5",
    "nothing": lambda kept: b"",
    "line breaks": lambda kept: kept.replace(b",", b"\n"),
}


@pytest.fixture(scope="module")
def log(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("damaged") / "log.jsonl"


@pytest.fixture(scope="module")
def damaged_url(redis_url: str, store_url: str, log: Path) -> Iterator[str]:
    environment = {
        "CARTPROXY_REDIS_URL": redis_url,
        "CARTPROXY_WORKERS": "1",
        "CARTPROXY_METRICS_TOKEN": "metrics-token",
        **QUICK,
        **store_environment(store_url),
    }
    with service(environment, log) as url:
        yield url


@pytest.fixture
def shopper(damaged_url: str, store: Store, client: redis.Redis) -> Shopper:
    """A shopper with a cart of one line and a kept answer; Redis holds nothing else."""
    client.flushdb()
    shopper = Shopper(damaged_url)
    assert add(shopper).status_code == 201
    assert shopper.call("GET", f"/products/{SHIRT}").status_code == 200
    return shopper


def add(shopper: Shopper, key: str = "a-key") -> requests.Response:
    headers = {"Idempotency-Key": key}
    return shopper.call("POST", "/cart/items", {"catalog_id": MUG}, headers=headers)


def use_all(shopper: Shopper) -> list[requests.Response]:
    """Everything a shopper does, deletion last."""
    answers = [
        shopper.call("GET", "/cart"),
        shopper.call("GET", f"/products/{SHIRT}"),
        add(shopper),
        add(shopper, "another"),
        add(shopper, "another"),
        shopper.call("PATCH", "/cart", {"billing": {"city": "Bonn"}}),
        shopper.call("POST", "/checkout", {}),
        shopper.call("DELETE", "/cart"),
        shopper.call("GET", "/cart"),
    ]
    metrics = {"Authorization": "Bearer metrics-token"}
    base = shopper.base.partition("/v1/")[0]
    return [*answers, *(requests.get(f"{base}/{each}", headers=metrics, timeout=ANSWER_SECONDS)
            for each in ("readyz", "metrics"))]  # fmt: skip


def check(answers: list[requests.Response]) -> None:
    statuses = [answer.status_code for answer in answers]
    assert statuses == [200, 200, 201, 201, 201, 200, 200, 204, 200, 200, 200], [
        answer.text for answer in answers if answer.status_code >= 400
    ]
    assert answers[-3].json()["items"] == []


def key_of(client: redis.Redis, pattern: str) -> bytes:
    (key,) = client.keys(pattern)
    return bytes(key)


RECORD, ENTRIES, PRODUCT, BUDGET = "cp:{*}", "cp:{*}:i", "cpp:*", "cpb:*"


def test_damaged_product_is_fetched_without_waiting(shopper: Shopper, client: redis.Redis) -> None:
    def scripts() -> int:
        return int(client.info("commandstats")["cmdstat_evalsha"]["calls"])

    client.set(key_of(client, PRODUCT), "5")
    before = scripts()

    assert shopper.call("GET", f"/products/{SHIRT}").status_code == 200
    assert scripts() - before < 20  # a waiting request polls every 50 ms for 10 s


@pytest.mark.parametrize("life", [None, 3600])
def test_mark_that_would_last_too_long_keeps_nobody_from_asking(
    shopper: Shopper, client: redis.Redis, life: int | None
) -> None:
    product = key_of(client, PRODUCT)
    client.delete(product)
    client.set(product + b":asking", "1", ex=life)

    assert shopper.call("GET", f"/products/{SHIRT}").status_code == 200


@pytest.mark.parametrize("damage", JUNK)
@pytest.mark.parametrize("pattern", [RECORD, PRODUCT, BUDGET])
def test_text_that_cannot_be_read_counts_as_absent(
    shopper: Shopper, client: redis.Redis, pattern: str, damage: str
) -> None:
    key = key_of(client, pattern)
    kept = client.get(key)
    assert isinstance(kept, bytes)
    client.set(key, JUNK[damage](kept))

    answers = use_all(shopper)

    check(answers)
    assert client.keys("cp:{*}:lock") == []
    assert client.keys(RECORD) == []


@pytest.mark.parametrize("damage", JUNK)
def test_kept_answer_that_cannot_be_read_counts_as_absent(
    shopper: Shopper, client: redis.Redis, damage: str
) -> None:
    key = key_of(client, ENTRIES)
    for field, kept in client.hgetall(key).items():  # type: ignore[union-attr]
        client.hset(key, field, JUNK[damage](kept))
        client.hset(key, b"of another " + field, JUNK[damage](kept))

    check(use_all(shopper))


@pytest.mark.parametrize("kind", ["list", "hash", "zset", "string"])
@pytest.mark.parametrize(
    "pattern", [RECORD, f"{RECORD}:lock", f"{RECORD}:q", ENTRIES, PRODUCT, BUDGET, "cp-alive"]
)
def test_value_of_another_type_counts_as_absent(
    shopper: Shopper, client: redis.Redis, pattern: str, kind: str
) -> None:
    name = key_of(client, RECORD).decode()
    key = pattern.replace(RECORD, name).replace(
        "*", f"demo:{SHIRT}" if "cpp" in pattern else "demo"
    )
    client.delete(key)
    if kind == "list":
        client.rpush(key, "a")
    elif kind == "hash":
        client.hset(key, "a", "b")
    elif kind == "zset":
        client.zadd(key, {"a": 1})
    elif not key.endswith(":lock"):  # any text is a valid owner
        client.set(key, "a")

    check(use_all(shopper))


def test_unreadable_value_is_logged_once_a_second_without_its_text(
    shopper: Shopper, client: redis.Redis, log: Path
) -> None:
    name = key_of(client, RECORD)
    client.set(name, "1 2 3\n5:canary")
    began = time.monotonic()

    for _ in range(50):
        shopper.call("GET", "/cart")
    seconds = time.monotonic() - began

    def said() -> list[str]:
        lines = [line for line in log.read_text().splitlines() if name[:16].decode() in line]
        return [line for line in lines if '"unreadable_value"' in line]

    line = json.loads(wait_for(said, "the log line")[0])
    assert (line["level"], line["kind"], line["key"]) == ("error", "record", name[:16].decode())
    assert len(said()) <= seconds + 1
    assert "canary" not in log.read_text()


def test_deleting_the_cart_removes_what_cannot_be_read(
    shopper: Shopper, client: redis.Redis
) -> None:
    client.set(key_of(client, RECORD), "junk")

    deleted = shopper.call("DELETE", "/cart")

    assert deleted.status_code == 204
    assert client.keys("cp:{*}") == []


@pytest.mark.parametrize("version", [b"7:", b"4:", b"10:"])
def test_format_of_another_release_is_kept_and_answered_storage_newer(
    shopper: Shopper, store: Store, client: redis.Redis, version: bytes
) -> None:
    name = key_of(client, RECORD)
    kept = client.get(name)
    assert isinstance(kept, bytes)
    kept = kept.replace(b"\n6:", b"\n" + version)
    client.set(name, kept)
    store.calls()

    answers = [
        shopper.call("GET", "/cart"),
        add(shopper, "another"),
        shopper.call("PATCH", "/cart", {"billing": {"city": "Bonn"}}),
        shopper.call("POST", "/checkout", {}),
        shopper.call("DELETE", "/cart"),
    ]

    for answer in answers:
        assert (answer.status_code, answer.json()["code"]) == (503, "storage-newer")
        assert (answer.json()["retryable"], answer.headers["Retry-After"]) == (True, "30")
    assert {answer.json()["outcome"] for answer in answers[1:]} == {"not_applied"}
    assert client.get(name) == kept
    assert client.keys("cp:{*}:lock") == []
    assert store.calls() == []
