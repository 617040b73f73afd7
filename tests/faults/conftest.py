"""A separate service that settles unknown adds quickly, so that tests may break it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import redis
from support.faults_settings import QUICK
from support.servers import service, store_environment
from support.shopper import Shopper, Store


@pytest.fixture(scope="session")
def quick_url(redis_url: str, store_url: str) -> Iterator[str]:
    """A service with two workers that settles adds after 2 s."""
    with service(settings(redis_url, store_url)) as url:
        yield url


@pytest.fixture(scope="session")
def impatient_url(redis_url: str, store_url: str) -> Iterator[str]:
    """The same for the same carts, but it waits 1 s for a cart's turn, and 2 s for a store call."""
    limits = {"CARTPROXY_LOCK_WAIT_SECONDS": "1", "CARTPROXY_STORE_CALL_SECONDS": "2"}
    with service(settings(redis_url, store_url) | limits) as url:
        yield url


@pytest.fixture(scope="session")
def direct_url(redis_url: str, store_url: str) -> Iterator[str]:
    """The same for the same carts, but with `adds = "direct"`: it keeps nothing as pending."""
    direct = {"CARTPROXY_STORES_DEMO_ADDS": "direct"}
    with service(settings(redis_url, store_url) | direct) as url:
        yield url


def settings(redis_url: str, store_url: str) -> dict[str, str]:
    return {
        "CARTPROXY_REDIS_URL": redis_url,
        "CARTPROXY_PEPPER": "p" * 32,
        **QUICK,
        **store_environment(store_url),
    }


@pytest.fixture
def quick(quick_url: str, store: Store) -> Shopper:
    """A shopper of the quick service."""
    return Shopper(quick_url)


@pytest.fixture
def retrying(shopper: Shopper, quick_url: str) -> Shopper:
    """The same `shopper` at the quick service.

    At the shopper's own service an unknown add stays unknown, however slow the machine.
    """
    return Shopper(quick_url, bearer=shopper.bearer)


@pytest.fixture
def client(redis_url: str) -> Iterator[redis.Redis]:
    """The Redis behind the service."""
    with redis.Redis.from_url(redis_url) as client:
        yield client
