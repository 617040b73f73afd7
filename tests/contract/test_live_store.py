"""The client's walk through one cart: at the simulated store, or with `--live` at a real one.

A real store's keys come from the environment: CARTPROXY_LIVE_SECURE_URL, _PRIVATE_KEY, _TOKEN, and
_PRODUCT, the catalog id of a product without options of which two can be bought; _API_URL where it
is another one. The walk makes one cart, changes it, and deletes it.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from urllib.parse import urlsplit

import fakeredis
import pytest
from support.shopper import KEYS, MUG

from cartproxy.deadline import Deadline
from cartproxy.model.cart import Addresses, Currency, NewItem
from cartproxy.store.breaker import Breaker
from cartproxy.store.client import StoreClient
from cartproxy.store.errors import StoreNotFound
from cartproxy.store.guard import GuardedTransport
from cartproxy.store.limits import Allowance, Budget
from cartproxy.store.sessions import new_session
from cartproxy.store.transport import StoreTransport

_PREFIX = "CARTPROXY_LIVE_"
_NEEDED = ("SECURE_URL", "PRIVATE_KEY", "TOKEN", "PRODUCT")
_API_URL = "https://apirest.3dcart.com/3dCartWebAPI"


@dataclass(frozen=True)
class Target:
    """A store and its keys."""

    api_url: str
    headers: dict[str, str]
    product: int
    checkout_host: str
    calls_per_second: float


@pytest.fixture
def target(request: pytest.FixtureRequest) -> Target:
    if not request.config.getoption("--live", False):
        store_url = request.getfixturevalue("store").url
        host = urlsplit(store_url).netloc
        return Target(f"{store_url}/3dCartWebAPI", KEYS, MUG, host, 1000)
    missing = [_PREFIX + name for name in _NEEDED if not os.environ.get(_PREFIX + name)]
    if missing:
        pytest.skip(f"--live needs {', '.join(missing)} in the environment")
    secure_url, private_key, token, product = (os.environ[_PREFIX + name] for name in _NEEDED)
    headers = {"SecureURL": secure_url, "PrivateKey": private_key, "Token": token}
    host = urlsplit(secure_url if "://" in secure_url else f"https://{secure_url}").netloc
    api_url = os.environ.get(_PREFIX + "API_URL", _API_URL)
    return Target(api_url, headers, int(product), host, 2)


@pytest.fixture(params=[1, 2])
def client(request: pytest.FixtureRequest, target: Target) -> Iterator[StoreClient]:
    """The service's client, for both versions of the API."""
    with new_session(4) as session:
        transport = StoreTransport(
            session,
            base_url=f"{target.api_url}/v{request.param}",
            secret_headers=target.headers,
            connect_seconds=60,
            call_seconds=60,
        )
        budget = Budget(
            fakeredis.FakeRedis(protocol=2),
            store_id="live",
            rate=target.calls_per_second,
            burst=1,
            wait_seconds=60,
        )
        yield StoreClient(
            GuardedTransport(transport, budget, Breaker(failures=5, open_seconds=5), concurrency=1),
            shop_url=f"https://{target.checkout_host}/",
            checkout_hosts=[target.checkout_host],
            currency=Currency("USD"),
        )


@pytest.fixture
def allowance(client: StoreClient) -> Allowance:
    return client.allow(1, Deadline.after(120))


@pytest.fixture
def cart(client: StoreClient, allowance: Allowance) -> Iterator[str]:
    """A new cart, deleted afterwards."""
    key = client.create_cart(Addresses(), allowance)
    yield key
    client.delete_cart(key, allowance)
    with pytest.raises(StoreNotFound):
        client.get_cart(key, allowance)


def test_cart_is_filled_changed_and_emptied(
    client: StoreClient, allowance: Allowance, target: Target, cart: str
) -> None:
    item_id = client.add_item(cart, NewItem(target.product, Decimal(1)), allowance)
    added = client.get_cart(cart, allowance)
    client.change_item(cart, item_id, Decimal(2), allowance)
    changed = client.get_cart(cart, allowance)
    client.remove_item(cart, item_id, allowance)
    removed = client.get_cart(cart, allowance)

    assert [(line.item_id, line.catalog_id) for line in added.items] == [(item_id, target.product)]
    assert added.checkout_url is not None
    assert [line.quantity for line in changed.items] == [2]
    assert removed.items == ()


def test_product_of_the_line_is_described(
    client: StoreClient, allowance: Allowance, target: Target
) -> None:
    product = client.get_product(target.product, allowance)

    assert product is not None
    assert product.name
    assert product.available


def test_addresses_are_taken(client: StoreClient, allowance: Allowance, cart: str) -> None:
    client.update_cart(cart, Addresses(billing={"city": "Tamarac"}), allowance)

    assert client.get_cart(cart, allowance).items == ()
