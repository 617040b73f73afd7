"""Limits by address, cart and site: the same over all workers, and fair to existing carts."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor

import pytest
import requests
from support.servers import service, store_environment
from support.shopper import BLOG, MUG, Shopper, Store
from support.waiting import wait_for

OTHER = "https://other.example"
SHARED = "https://shared.example"
WILD = "https://*.blogs.example"
LIMITS = {
    "CARTPROXY_TRUSTED_HOPS": "1",
    "CARTPROXY_WORKERS": "2",
    "CARTPROXY_ADDRESS_READS_PER_MINUTE": "20",
    "CARTPROXY_ADDRESS_WRITES_PER_MINUTE": "16",
    "CARTPROXY_ADDRESS_CREATES_PER_MINUTE": "4",
    "CARTPROXY_CART_READS_PER_MINUTE": "8",
    "CARTPROXY_CART_WRITES_PER_MINUTE": "6",
}
SYNC_SECONDS = 1.0  # more than workers need to exchange their counts


@pytest.fixture(scope="module")
def limited_url(redis_url: str, store_url: str) -> Iterator[str]:
    """A service behind one trusted proxy, with small limits."""
    environment = {
        "CARTPROXY_REDIS_URL": redis_url,
        **LIMITS,
        **store_environment(
            store_url,
            ORIGINS=f"{BLOG},{OTHER},{SHARED},{WILD}",
            ORIGIN_CREATES_PER_MINUTE=f"{OTHER} 2,{SHARED} 6,{WILD} 3",
        ),
    }
    with service(environment) as url:
        yield url


def addresses() -> Iterator[str]:
    """Public addresses, each used by only one test."""
    for number in range(1, 250):
        yield f"8.8.4.{number}"


ADDRESSES = addresses()


@pytest.fixture
def address() -> str:
    return next(ADDRESSES)


def read(url: str, address: str, **headers: str) -> requests.Response:
    """A read by a new shopper on a connection of its own, so that any worker may take it."""
    shopper = Shopper(url)
    sent = {"X-Forwarded-For": address, "Connection": "close", **headers}
    return shopper.call("GET", "/cart", headers=sent)


def add(
    url: str, address: str, origin: str = BLOG, shopper: Shopper | None = None
) -> requests.Response:
    """An add by a new shopper, or by this one."""
    who = shopper or Shopper(url, origin=origin)
    sent = {"X-Forwarded-For": address, "Connection": "close"}
    return who.call("POST", "/cart/items", {"catalog_id": MUG}, headers=sent)


def until_refused(ask: Callable[[], requests.Response]) -> requests.Response:
    """The first refusal: a worker may accept some before it learns the other's counts."""

    answers: list[requests.Response] = []

    def refused() -> bool:
        time.sleep(SYNC_SECONDS / 4)
        answers.append(ask())
        return answers[-1].status_code == 429

    wait_for(refused, "a refusal")
    return answers[-1]


def exactly(per_minute: int, ask: Callable[[], requests.Response]) -> requests.Response:
    """The first refusal, after `per_minute` accepted ones and those that time has given back."""
    began = time.monotonic()
    answers: list[requests.Response] = []
    while len(answers) < 10 * per_minute and not (answers and answers[-1].status_code == 429):
        answers.append(ask())
    given_back = (time.monotonic() - began) * per_minute / 60
    *granted, refused = answers
    assert {answer.status_code for answer in granted} == {201}
    assert refused.status_code == 429
    assert per_minute <= len(granted) <= per_minute + given_back
    return refused


def test_reads_of_one_address_are_limited_over_all_workers(
    limited_url: str, store: Store, address: str
) -> None:
    first = [read(limited_url, address).status_code for _ in range(10)]
    time.sleep(SYNC_SECONDS)
    second = [read(limited_url, address).status_code for _ in range(10)]
    time.sleep(SYNC_SECONDS)

    refused = until_refused(lambda: read(limited_url, address))

    assert first + second == [200] * 20
    problem = refused.json()
    assert (problem["code"], problem["retryable"]) == ("rate-limited", True)
    assert int(refused.headers["Retry-After"]) == problem["retry_after"] > 0
    assert refused.headers["Access-Control-Allow-Origin"] == BLOG
    assert "Origin" in refused.headers["Vary"]
    assert refused.headers["RateLimit-Policy"] == '"address-reads";q=20;w=60'
    assert refused.headers["RateLimit"].startswith('"address-reads";r=0;t=')
    assert read(limited_url, next(ADDRESSES)).status_code == 200


def test_answers_report_the_state_of_the_limit(
    limited_url: str, store: Store, address: str
) -> None:
    answers = [read(limited_url, address) for _ in range(2)]

    assert answers[0].headers["RateLimit"].startswith('"cart-reads";r=7;t=')  # the tighter one
    assert "RateLimit" in answers[0].headers["Access-Control-Expose-Headers"]


def test_shared_answers_do_not_carry_a_limit(limited_url: str, store: Store, address: str) -> None:
    def look() -> requests.Response:
        return Shopper(limited_url).call(
            "GET", f"/products/{MUG}", headers={"X-Forwarded-For": address}
        )

    first, refused = look(), until_refused(look)

    assert "public" in first.headers["Cache-Control"]
    assert "RateLimit" not in first.headers
    assert refused.headers["Cache-Control"] == "no-store"
    assert refused.headers["RateLimit"].startswith('"address-reads"')


def test_ipv6_addresses_count_by_their_64_bits_of_network(limited_url: str, store: Store) -> None:
    for number in range(24):
        read(limited_url, f"2600:1:2:3::{number:x}")

    until_refused(lambda: read(limited_url, "2600:1:2:3:ffff::1"))
    assert read(limited_url, "2600:1:2:4::1").status_code == 200


def test_entries_before_the_trusted_proxys_own_are_ignored(
    limited_url: str, store: Store, address: str
) -> None:
    for number in range(24):
        read(limited_url, f"9.9.9.{number}, {address}")

    until_refused(lambda: read(limited_url, f"1.2.3.4, {address}"))
    assert read(limited_url, f"{address}, 7.7.7.7").status_code == 200


@pytest.mark.parametrize(
    "written", ["8.8.1.2:4711", "[2001:db8::1]:443", "8.8.1.5%0", "junk", "\xe9"]
)
def test_address_is_limited_in_every_notation_of_the_proxy_in_front(
    limited_url: str, store: Store, written: str
) -> None:
    for _ in range(20):
        read(limited_url, written.encode())  # type: ignore[arg-type]

    until_refused(lambda: read(limited_url, written.encode()))  # type: ignore[arg-type]

    assert read(limited_url, next(ADDRESSES)).status_code == 200


def test_port_and_zone_of_an_address_make_it_no_other_one(
    limited_url: str, store: Store, address: str
) -> None:
    ports = iter(range(1, 60_000))
    for _ in range(20):
        read(limited_url, f"{address}:{next(ports)}")

    until_refused(lambda: read(limited_url, f"{address}:{next(ports)}"))

    wait_for(lambda: read(limited_url, address).status_code == 429, "a refusal of the bare address")


@pytest.mark.parametrize("near", ["127.0.0.1", "127.0.0.1:5", "[::1]:80", "::1", "10.1.2.3", "fe80::1%eth0"])  # fmt: skip
def test_callers_on_this_machine_are_not_limited(limited_url: str, store: Store, near: str) -> None:
    assert {read(limited_url, near).status_code for _ in range(30)} == {200}


def test_one_cart_is_limited_whatever_addresses_it_comes_from(
    limited_url: str, store: Store
) -> None:
    shopper = Shopper(limited_url)

    statuses = [add(limited_url, next(ADDRESSES), shopper=shopper).status_code for _ in range(6)]
    over = until_refused(lambda: add(limited_url, next(ADDRESSES), shopper=shopper))

    assert statuses == [201] * 6
    assert over.json()["outcome"] == "not_applied"
    assert over.headers["RateLimit-Policy"].startswith('"cart-writes"')


def test_new_carts_of_one_address_are_limited_and_its_existing_cart_is_not(
    limited_url: str, store: Store, address: str
) -> None:
    shoppers: list[Shopper] = []

    def another() -> requests.Response:
        store.calls()
        shoppers.append(Shopper(limited_url))
        return add(limited_url, address, shopper=shoppers[-1])

    refused = exactly(4, another)

    assert refused.json()["code"] == "rate-limited"
    assert store.calls() == []
    shopper = shoppers[0]
    assert add(limited_url, address, shopper=shopper).status_code == 201


def test_a_site_with_a_quota_gets_no_more_carts_than_that(limited_url: str, store: Store) -> None:
    over = exactly(2, lambda: add(limited_url, next(ADDRESSES), OTHER))

    assert over.json()["code"] == "rate-limited"
    assert over.headers["RateLimit-Policy"] == '"origin-creates";q=2;w=60'
    assert add(limited_url, next(ADDRESSES), BLOG).status_code == 201


def test_one_address_can_not_use_up_the_quota_of_a_site(limited_url: str, store: Store) -> None:
    greedy = next(ADDRESSES)

    over = exactly(3, lambda: add(limited_url, greedy, SHARED))

    assert over.headers["RateLimit-Policy"] == '"address-creates";q=3;w=60'
    assert add(limited_url, next(ADDRESSES), SHARED).status_code == 201
    assert add(limited_url, greedy, BLOG).status_code == 201


def test_a_quota_of_a_wildcard_is_one_for_all_sites_below_it(
    limited_url: str, store: Store
) -> None:
    labels = iter(range(1000))

    def another() -> requests.Response:
        return add(limited_url, next(ADDRESSES), f"https://b{next(labels)}.blogs.example")

    over = exactly(3, another)

    assert over.headers["RateLimit-Policy"] == '"origin-creates";q=3;w=60'


def test_a_retry_after_a_refusal_takes_effect_under_its_key(
    limited_url: str, store: Store, address: str
) -> None:
    shoppers: list[Shopper] = []
    key = {"Idempotency-Key": "one", "X-Forwarded-For": address}

    def another() -> requests.Response:
        shoppers.append(Shopper(limited_url))
        return shoppers[-1].call("POST", "/cart/items", {"catalog_id": MUG}, headers=key)

    refused = exactly(4, another)
    shopper = shoppers[-1]

    again = shopper.call(
        "POST",
        "/cart/items",
        {"catalog_id": MUG},
        headers=key | {"X-Forwarded-For": next(ADDRESSES)},
    )

    assert (refused.status_code, again.status_code) == (429, 201)
    assert again.json()["item_count"] == 1


def test_a_flood_of_new_carts_does_not_affect_existing_carts(redis_url: str, store: Store) -> None:
    environment = {
        "CARTPROXY_REDIS_URL": redis_url,
        "CARTPROXY_BREAKER_FAILURES": "1000000",
        "CARTPROXY_CALL_WAIT_SECONDS": "5",
        **store_environment(store.url, CALLS_PER_SECOND="5", CALL_BURST="5", ADDS="direct"),
    }
    with service(environment) as url:
        shopper = Shopper(url)
        shopper.add()
        with ThreadPoolExecutor(40) as flood:
            flooding = [flood.submit(add, url, "127.0.0.1") for _ in range(120)]
            wait_for(lambda: 503 in statuses_of(flooding), "the flood is refused")
            answers = [shopper.call("POST", "/cart/items", {"catalog_id": MUG})]
            while not all(each.done() for each in flooding):
                answers.append(shopper.call("POST", "/cart/items", {"catalog_id": MUG}))

    assert {each.status_code for each in answers} == {201}
    assert statuses_of(flooding) == {201, 503}


def statuses_of(asked: list[Future[requests.Response]]) -> set[int]:
    """The statuses of the answered requests."""
    return {each.result().status_code for each in asked if each.done()}
