"""Well-formed credentials that open nothing: of another store, or expired."""

from __future__ import annotations

import time

from support.servers import service, store_environment
from support.shopper import MUG, Shopper, Store


def test_credential_of_another_store_opens_nothing_there(
    shopper: Shopper, proxy_url: str, store: Store
) -> None:
    shopper.add(MUG)
    store.calls()
    elsewhere = Shopper(proxy_url, bearer=shopper.bearer, store="second")

    seen = elsewhere.cart()
    emptied = elsewhere.call("DELETE", "/cart")

    assert seen["items"] == []
    assert emptied.status_code == 204
    assert store.calls() == []
    assert shopper.cart()["item_count"] == 1


def test_credential_of_an_expired_cart_is_an_empty_cart_without_a_store_call(
    redis_url: str, store: Store
) -> None:
    lives = {"CARTPROXY_IDLE_SECONDS": "1", "CARTPROXY_ABSOLUTE_SECONDS": "2"}
    with service(
        {"CARTPROXY_REDIS_URL": redis_url, **lives, **store_environment(store.url)}
    ) as url:
        shopper = Shopper(url)
        shopper.add(MUG)
        store.calls()
        time.sleep(1.5)

        seen = shopper.cart()

    assert seen["items"] == []
    assert store.calls() == []
