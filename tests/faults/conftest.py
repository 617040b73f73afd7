"""A service with short deadlines, so that faults end soon; of its own, so that it may break."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import redis
from conftest import store_environment
from support.faults_settings import QUICK
from support.servers import service
from support.shopper import Shopper, Store


@pytest.fixture(scope="session")
def quick_url(redis_url: str, store_url: str) -> Iterator[str]:
    """The service with two workers, deadlines of 1 s a call, adds settled after 2 s."""
    environment = {"CARTPROXY_REDIS_URL": redis_url, **QUICK, **store_environment(store_url)}
    with service(environment) as url:
        yield url


@pytest.fixture
def quick(quick_url: str, store: Store) -> Shopper:
    """A shopper of the quick service."""
    return Shopper(quick_url)


@pytest.fixture
def client(redis_url: str) -> Iterator[redis.Redis]:
    """The Redis behind the service."""
    with redis.Redis.from_url(redis_url) as client:
        yield client
