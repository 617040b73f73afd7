"""What an operator can do with carts: list, show, revoke; and what a stolen dump is worth."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest
import redis
from support.log_lines import log_lines
from support.servers import ROOT, redis_server, service, store_environment
from support.shopper import BLOG, MUG, SHIRT, SMALL, Shopper, Store

OTHER = "https://other.example"
PEPPER = "p" * 40
SEAL_KEY = "s" * 40


def settings(redis_url: str, store_url: str, **more: str) -> dict[str, str]:
    """What service and command line share."""
    return {
        "CARTPROXY_REDIS_URL": redis_url,
        "CARTPROXY_PEPPER": PEPPER,
        **store_environment(store_url, ORIGINS=f"{BLOG},{OTHER}"),
        **more,
    }


@pytest.fixture
def own_redis() -> Iterator[str]:
    """A Redis with nothing else in it."""
    with redis_server() as url:
        yield url


@pytest.fixture(scope="module")
def running(store_url: str) -> Iterator[tuple[str, dict[str, str]]]:
    """A service with a Redis of its own: its address and its settings."""
    with redis_server() as redis_url:
        environment = settings(redis_url, store_url)
        with service(environment) as url:
            yield url, environment


@pytest.fixture
def served(running: tuple[str, dict[str, str]], store: Store) -> tuple[str, dict[str, str]]:
    """The same, without carts."""
    with redis.Redis.from_url(running[1]["CARTPROXY_REDIS_URL"]) as client:
        client.flushall()
    return running


def command(environment: Mapping[str, str], *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run the command line."""
    inherited = {k: v for k, v in os.environ.items() if not k.startswith("CARTPROXY_")}
    return subprocess.run(
        [sys.executable, "-m", "cartproxy", *arguments],
        env={**inherited, **environment},
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )


def test_store_that_does_not_exist_is_said(served: tuple[str, dict[str, str]]) -> None:
    ran = command(served[1], "carts", "revoke", "--store", "dem", "--origin", BLOG)

    assert (ran.returncode, ran.stdout) == (1, "")
    assert "There are: demo." in ran.stderr


def test_carts_are_listed_and_shown_without_secrets(
    served: tuple[str, dict[str, str]], store: Store
) -> None:
    url, environment = served
    shopper = Shopper(url)
    shopper.add(quantity=3)

    listed = command(environment, "carts", "list").stdout
    shown = command(environment, "carts", "show", listed.split()[0]).stdout

    assert "lines 1  pieces 3" in listed
    assert "3 x 3829 Pint mug" in shown
    (cart,) = store.carts()
    for secret in (cart["order_key"], str(shopper.bearer), "continue_order"):
        assert secret not in listed + shown


def test_one_cart_is_revoked_and_its_credential_opens_an_empty_one(
    served: tuple[str, dict[str, str]],
) -> None:
    url, environment = served
    stolen, other = Shopper(url), Shopper(url)
    stolen.add()
    name = command(environment, "carts", "list").stdout.split()[0]
    other.add()

    done = command(environment, "carts", "revoke", name)

    assert stolen.cart()["items"] == []
    assert other.cart()["item_count"] == 1
    assert (done.returncode, done.stdout.split()[0]) == (0, "1")


def test_all_carts_of_a_site_are_revoked_and_no_others(
    served: tuple[str, dict[str, str]],
) -> None:
    url, environment = served
    here = [Shopper(url) for _ in range(3)]
    there = Shopper(url, origin=OTHER)
    for shopper in (*here, there):
        shopper.add()

    done = command(environment, "carts", "revoke", "--store", "demo", "--origin", BLOG)

    assert [each.cart()["items"] for each in here] == [[], [], []]
    assert there.cart()["item_count"] == 1
    assert done.stdout.split()[0] == "3"


def test_revoked_carts_leave_their_room_to_others(own_redis: str, store: Store) -> None:
    room = {"CARTPROXY_STORES_DEMO_PENDING_CARTS": "2"}
    room |= {"CARTPROXY_STORES_DEMO_ADDRESS_PENDING_CARTS": "1", "CARTPROXY_TRUSTED_HOPS": "1"}
    environment = settings(own_redis, store.url, CARTPROXY_STORES_DEMO_ADDS="deferred", **room)
    with service(environment) as url:

        def add(address: str, origin: str) -> int:
            shopper = Shopper(url, origin=origin)
            item = {"catalog_id": MUG}
            sent = {"X-Forwarded-For": address}
            return shopper.call("POST", "/cart/items", item, headers=sent).status_code

        taken = [add("8.8.1.1", OTHER), add("8.8.1.2", OTHER), add("8.8.1.3", BLOG)]
        done = command(environment, "carts", "revoke", "--store", "demo", "--origin", OTHER)
        after = [add("8.8.1.1", BLOG), add("8.8.1.2", BLOG)]

    assert taken == [202, 202, 503]
    assert done.stdout.split()[0] == "2"
    assert after == [202, 202]


@pytest.mark.parametrize(
    "arguments",
    [
        ("revoke",),
        ("revoke", "abc"),
        ("revoke", "0123456789ab"),
        ("show", "*" * 12),
        ("list", "--origin", BLOG),
        ("revoke", "--store", "demo", "--origin", f"{BLOG}/"),
        ("revoke", "--store", "demo", "--origin", BLOG.upper()),
        ("revoke", "--store", "demo", "--origin", "https://*.example"),
        ("list", "--store", "demo", "--origin", "key:"),
    ],
)
def test_a_command_that_names_no_cart_changes_nothing(
    own_redis: str, store: Store, arguments: tuple[str, ...]
) -> None:
    with redis.Redis.from_url(own_redis) as client:
        client.set("cp:{" + "f" * 40 + "}", "5 revision 0\n5:")

        done = command(settings(own_redis, store.url), "carts", *arguments)

        assert done.returncode == 1
        assert done.stderr
        assert "Traceback" not in done.stderr
        assert client.dbsize() == 1


def dump(url: str) -> str:
    """Every key and value in a Redis."""
    with redis.Redis.from_url(url) as client:
        found = []
        for key in client.scan_iter():
            kind = client.type(key)
            value = client.hgetall(key) if kind == b"hash" else client.get(key)
            found.append(f"{key!r} {value!r}")
    return "\n".join(found)


def test_a_dump_holds_no_credential_and_sealed_no_order_key_either(
    own_redis: str, store: Store
) -> None:
    sealed = settings(own_redis, store.url, CARTPROXY_SEAL_KEY=SEAL_KEY)
    with service(sealed) as url:
        shopper = Shopper(url)
        shopper.add()
        shopper.add()
        found = dump(own_redis)
        checkout = shopper.call("POST", "/checkout").json()["checkout_url"]

    (cart,) = store.carts()
    assert sum(line["quantity"] for line in cart["lines"]) == 2
    assert cart["order_key"] in checkout
    assert "cp:{" in found
    for secret in (str(shopper.bearer), str(shopper.bearer)[5:], cart["order_key"], "Pint mug"):
        assert secret not in found


def test_what_a_shopper_typed_is_sealed_while_its_add_is_under_way_too(
    own_redis: str, store: Store
) -> None:
    typed = {**SMALL, "value": "canary"}
    with (
        service(settings(own_redis, store.url, CARTPROXY_SEAL_KEY=SEAL_KEY)) as url,
        redis.Redis.from_url(own_redis) as client,
    ):
        shopper = Shopper(url)
        shopper.add()
        (name,) = client.keys("cp:{*}")
        store.calls()
        store.hold()
        adding = threading.Thread(target=lambda: shopper.add(SHIRT, options=[typed]))
        adding.start()
        store.wait_for_calls()
        intents = bytes(client.get(name)).count(b"\n") - 1  # type: ignore[arg-type]
        meanwhile = dump(own_redis)
        store.fail()
        adding.join()
        afterwards = dump(own_redis)

    assert intents == 1
    assert "canary" not in meanwhile + afterwards
    # As a number of its own: four digits may well stand within the hexadecimal name of a record.
    assert not re.search(rf"\b{SHIRT}\b", meanwhile + afterwards)


def test_sealing_begins_and_its_key_changes_while_carts_live_on(
    own_redis: str, store: Store, tmp_path: Path
) -> None:
    with service(settings(own_redis, store.url)) as url:
        shopper = Shopper(url)
        shopper.add()
    steps = [
        {"CARTPROXY_SEAL_KEY": SEAL_KEY},
        {"CARTPROXY_SEAL_KEY": "t" * 40, "CARTPROXY_PREVIOUS_SEAL_KEY": SEAL_KEY},
        {"CARTPROXY_SEAL_KEY": "t" * 40},
    ]

    counts = []
    for step in steps:
        with service(settings(own_redis, store.url, **step)) as url:
            again = Shopper(url, bearer=shopper.bearer)
            counts.append(again.cart()["item_count"])
            again.add()
    other, log = settings(own_redis, store.url, CARTPROXY_SEAL_KEY="u" * 40), tmp_path / "log"
    with service(other, log) as url:
        lost = Shopper(url, bearer=shopper.bearer).call("GET", "/cart")
        Shopper(url).add()
    errors = {line["error"] for line in log_lines(log) if line["event"] == "storage_error"}
    listed = command(other, "carts", "list").stdout
    (name,) = re.findall("^([0-9a-f]{12})  .* unreadable ", listed, re.MULTILINE)
    shown = command(other, "carts", "show", name)

    assert counts == [1, 2, 3]
    assert (lost.status_code, lost.json()["code"]) == (503, "storage-unavailable")
    assert errors == {"UnknownSealKey"}
    assert len(listed.splitlines()) == 2
    assert (shown.returncode, shown.stdout) == (1, "")
    assert "seal_key" in shown.stderr
    assert len(store.carts()) == 2


def test_pepper_rotation_keeps_carts_and_then_revokes_with_either(
    own_redis: str, store: Store
) -> None:
    with service(settings(own_redis, store.url)) as url:
        shopper = Shopper(url)
        shopper.add()
    rotated = settings(
        own_redis, store.url, CARTPROXY_PEPPER="q" * 40, CARTPROXY_PREVIOUS_PEPPER=PEPPER
    )

    with service(rotated) as url:
        again = Shopper(url, bearer=shopper.bearer)
        assert again.add()["item_count"] == 2
        done = command(rotated, "carts", "revoke", "--store", "demo", "--origin", BLOG)
        assert again.cart()["items"] == []

    assert done.stdout.split()[0] == "1"
    assert MUG
