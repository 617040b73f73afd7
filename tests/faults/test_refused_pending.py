"""Fault 54: a refused deferred first add leaves no pending cart."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import redis
from support.servers import service, store_environment
from support.shopper import MUG, Shopper, Store


@pytest.fixture(scope="module")
def deferred_url(redis_url: str, store_url: str) -> Iterator[str]:
    environment = {
        "CARTPROXY_REDIS_URL": redis_url,
        "CARTPROXY_WORKERS": "1",
        **store_environment(store_url, ADDS="deferred", PENDING_CARTS="3"),
    }
    with service(environment) as url:
        yield url


def test_refused_deferred_add_leaves_no_pending_cart(
    deferred_url: str, redis_url: str, store: Store
) -> None:
    with redis.Redis.from_url(redis_url) as client:
        client.flushdb()
        for _ in range(3):
            refused = Shopper(deferred_url).call("POST", "/cart/items", {"catalog_id": 3833})
            assert refused.status_code == 422

        assert client.zrange("cpw:{demo}", 0, -1) == []
    # Each refusal took one of the three places for 14 days, so this add was 503.
    Shopper(deferred_url).add(MUG, status=202)
