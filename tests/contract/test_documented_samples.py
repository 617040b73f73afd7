"""Each documented sample request of the Cart API, sent through the proxy's client, is accepted."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal

import fakeredis
import pytest
from support.shopper import KEYS, SHIRT, Store

from cartproxy.deadline import Deadline
from cartproxy.model.cart import Addresses, ChosenOption, Currency, NewItem
from cartproxy.store.breaker import Breaker
from cartproxy.store.client import StoreClient
from cartproxy.store.guard import GuardedTransport
from cartproxy.store.limits import Allowance, Budget
from cartproxy.store.sessions import new_session
from cartproxy.store.transport import StoreTransport

PERSON = {
    "first_name": "Ada",
    "last_name": "Byron",
    "company": "",
    "address": "1 Way",
    "address2": "",
    "city": "Tamarac",
    "state": "FL",
    "zip_code": "33321",
    "country": "US",
    "phone": "8008282650",
    "email": "ada@shopper.example",
}
ADDRESSES = Addresses(billing=PERSON, shipping=PERSON)
SMALL = ChosenOption(1882, 12396, "Small")


@pytest.fixture(params=[1, 2])
def client(request: pytest.FixtureRequest, store: Store) -> Iterator[StoreClient]:
    """The service's client, for both versions of the API."""
    session = new_session(4)
    transport = StoreTransport(
        session,
        base_url=f"{store.url}/3dCartWebAPI/v{request.param}",
        secret_headers=KEYS,
        connect_seconds=60,
        call_seconds=60,
    )
    redis = fakeredis.FakeRedis(protocol=2)
    budget = Budget(redis, store_id="samples", rate=1000, burst=100, wait_seconds=60)
    breaker = Breaker(failures=5, open_seconds=5)
    yield StoreClient(
        GuardedTransport(transport, budget, breaker, concurrency=8),
        shop_url=f"{store.url}/",
        checkout_hosts=[store.url.removeprefix("http://")],
        currency=Currency("USD"),
    )
    session.close()


@pytest.fixture
def allowance(client: StoreClient) -> Allowance:
    return client.allow(10, Deadline.after(60))


def test_create_with_the_empty_and_with_the_full_body(
    client: StoreClient, allowance: Allowance
) -> None:
    empty, full = (client.create_cart(each, allowance) for each in (Addresses(), ADDRESSES))

    assert empty
    assert full
    assert empty != full


def test_retrieve_update_and_delete(
    client: StoreClient, allowance: Allowance, store: Store
) -> None:
    key = client.create_cart(Addresses(), allowance)

    client.update_cart(key, ADDRESSES, allowance)
    snapshot = client.get_cart(key, allowance)
    client.delete_cart(key, allowance)

    assert snapshot.items == ()
    assert snapshot.checkout_url is not None
    assert store.carts("gone")[0]["order_key"] == key


def test_add_change_and_remove_an_item(client: StoreClient, allowance: Allowance) -> None:
    key = client.create_cart(Addresses(), allowance)

    item_id = client.add_item(key, NewItem(SHIRT, Decimal(1), (SMALL,)), allowance)
    added = client.get_cart(key, allowance)
    client.change_item(key, item_id, Decimal(2), allowance)
    changed = client.get_cart(key, allowance)
    client.remove_item(key, item_id, allowance)
    removed = client.get_cart(key, allowance)

    assert [line.item_id for line in added.items] == [item_id]
    assert [line.quantity for line in changed.items] == [2]
    assert removed.items == ()


def test_add_with_the_sample_quantity_of_one_and_a_tenth(
    client: StoreClient, allowance: Allowance
) -> None:
    key = client.create_cart(Addresses(), allowance)

    client.add_item(key, NewItem(3834, Decimal("1.1")), allowance)

    (line,) = client.get_cart(key, allowance).items
    assert line.quantity == Decimal("1.1")


def test_product_is_read_whole_and_without_what_is_secret(
    client: StoreClient, allowance: Allowance
) -> None:
    shirt, sale, hidden, absent = (
        client.get_product(catalog_id, allowance) for catalog_id in (SHIRT, 3831, 3835, 1)
    )

    assert shirt is not None
    assert [each.name for each in shirt.option_sets] == ["Size", "Colour"]
    assert "Doll" not in [each.name for each in shirt.option_sets[0].options]
    assert sale is not None
    assert (sale.price, sale.list_price) == (Decimal("29.90"), Decimal("40.00"))
    assert (hidden, absent) == (None, None)
