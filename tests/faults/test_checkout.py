"""Faults 18 and 48: a checkout leads to what was shown, even while the store is away."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import redis
import requests
from support.servers import redis_server, service, store_environment
from support.shopper import MUG, Shopper, Store
from support.waiting import ANSWER_SECONDS, wait_for

SCARF, LAMPS = 3831, 3832
MINIMAL = {"Prefer": "return=minimal"}
FRESH = {"Cache-Control": "no-cache"}


def vanish(shopper: Shopper, store: Store) -> None:
    """Let the cart vanish, and the service notice it."""
    (cart,) = store.carts()
    store.forget_cart(cart["order_key"])
    assert shopper.cart(**FRESH)["stale"] is True


def check_out(shopper: Shopper, tag: str | None = None) -> requests.Response:
    headers = {} if tag is None else {"If-Match": tag}
    return shopper.call("POST", "/checkout", headers=headers)


def with_one_refused(shopper: Shopper, store: Store) -> requests.Response:
    """Checkout of a cart that is restored with two of its three products: 409."""
    for catalog_id in (MUG, LAMPS, SCARF):
        shopper.add(catalog_id)
    vanish(shopper, store)
    store.change_product(LAMPS, stock=0)
    return check_out(shopper)


def test_checkout_of_a_cart_restored_with_less_says_so(quick: Shopper, store: Store) -> None:
    quick.add(MUG)
    item_id = quick.add(LAMPS)["items"][1]["item_id"]
    quick.add(SCARF)
    vanish(quick, store)
    store.change_product(LAMPS, stock=0)

    changed = check_out(quick)

    problem = changed.json()
    (change,) = problem["changes"]
    assert (changed.status_code, problem["code"]) == (409, "cart-changed")
    assert change == {
        "item_id": item_id, "catalog_id": LAMPS, "name": "The last two lamps",
        "change": "refused", "was": 1, "now": 0, "reason": "Not enough items in stock",
    }  # fmt: skip
    assert [line["catalog_id"] for line in problem["cart"]["items"]] == [MUG, SCARF]
    assert problem["cart"]["changes"] == problem["changes"]
    assert changed.headers["ETag"] == quick.call("GET", "/cart").headers["ETag"]
    assert "checkout_url" not in problem


def test_checkout_with_the_tag_of_the_changed_cart_goes_through(
    quick: Shopper, store: Store
) -> None:
    changed = with_one_refused(quick, store)
    tag = changed.headers["ETag"]

    again = check_out(quick)
    other = check_out(quick, '"another"')
    shown = quick.cart()
    agreed, twice = check_out(quick, tag), check_out(quick, tag)
    plain = check_out(quick)

    assert (again.status_code, other.status_code) == (409, 409)
    assert again.json()["changes"] == shown["changes"] == changed.json()["changes"]
    assert (agreed.status_code, twice.status_code, plain.status_code) == (200, 200, 200)
    page = requests.get(agreed.json()["checkout_url"], timeout=ANSWER_SECONDS).text
    assert "Pint mug" in page
    assert "Wool scarf" in page
    assert "lamps" not in page
    assert quick.cart()["changes"] == []


@pytest.mark.parametrize("method", ["add", "change"])
def test_write_with_the_tag_of_the_changed_cart_ends_its_changes(
    quick: Shopper, store: Store, method: str
) -> None:
    changed = with_one_refused(quick, store)
    line = changed.json()["cart"]["items"][0]["item_id"]

    def write(**headers: str) -> requests.Response:
        if method == "add":
            return quick.call("POST", "/cart/items", {"catalog_id": MUG}, headers=headers)
        return quick.call("PATCH", f"/cart/items/{line}", {"quantity": 2}, headers=headers)

    unseen = write()
    seen = write(**{"If-Match": unseen.headers["ETag"]})

    assert unseen.json()["changes"] == changed.json()["changes"]
    assert seen.json()["changes"] == quick.cart()["changes"] == []
    assert check_out(quick).status_code == 200


@pytest.mark.parametrize(("price", "status"), [("12.50", 409), ("9.98", 200)])
def test_checkout_stops_when_a_price_has_risen(
    quick: Shopper, store: Store, price: str, status: int
) -> None:
    quick.add(SCARF)
    quick.add(MUG, quantity=2)
    vanish(quick, store)
    store.change_product(MUG, price=price)

    answer = check_out(quick)

    assert answer.status_code == status
    if status == 409:
        (change,) = answer.json()["changes"]
        assert (change["change"], change["was"], change["now"]) == ("repriced", "9.99", "12.50")
        assert change["catalog_id"] == MUG
        assert change["item_id"] == answer.json()["cart"]["items"][1]["item_id"]


def changed_at_the_store(shopper: Shopper, store: Store, change: str) -> requests.Response:
    """Checkout of a cart that was changed on the store's own pages since it was last shown."""
    line = shopper.add(MUG, quantity=3)["items"][0]["item_id"]
    # The service then has no fresh reading, so it has to read the cart before the checkout.
    shopper.call("POST", "/cart/items", {"catalog_id": SCARF}, headers=MINIMAL)
    if change == "added":
        store.at_the_store("POST", "", {"CatalogID": LAMPS})
    elif change == "gone":
        store.at_the_store("DELETE", line)
    else:
        quantity = 1 if change == "reduced" else 4
        store.at_the_store("PUT", line, {"ItemQuantity": quantity})
    return check_out(shopper)


@pytest.mark.parametrize(("change", "now"), [("reduced", 1), ("increased", 4), ("gone", 0)])
def test_checkout_stops_when_the_cart_is_not_what_was_shown(
    quick: Shopper, store: Store, change: str, now: int
) -> None:
    answer = changed_at_the_store(quick, store, change)

    (told,) = answer.json()["changes"]
    assert answer.status_code == 409
    assert (told["catalog_id"], told["change"], told["was"], told["now"]) == (MUG, change, 3, now)
    assert check_out(quick).status_code == 409
    assert check_out(quick, answer.headers["ETag"]).status_code == 200


def test_add_on_the_stores_own_pages_does_not_stop_the_checkout(
    quick: Shopper, store: Store
) -> None:
    answer = changed_at_the_store(quick, store, "added")

    assert answer.status_code == 200
    assert "lamps" in requests.get(answer.json()["checkout_url"], timeout=ANSWER_SECONDS).text


def test_form_of_a_changed_cart_is_answered_by_a_page(quick_url: str, store: Store) -> None:
    shopper = Shopper(quick_url, bearer=None)

    assert with_one_refused(shopper, store).status_code == 409
    page = shopper.post_form("/checkout", {})

    assert page.status_code == 409
    assert page.headers["Content-Type"].startswith("text/html")
    assert "The cart has changed" in page.text
    # Otherwise browsers would send its form with `Origin: null`.
    assert page.headers["Referrer-Policy"] == "same-origin"


@pytest.fixture
def own_redis() -> Iterator[redis.Redis]:
    """A Redis with nothing in it but the carts of one test."""
    with redis_server() as url, redis.Redis.from_url(url) as client:
        yield client


@pytest.fixture
def fragile_url(own_redis: redis.Redis, store: Store) -> Iterator[str]:
    """A service that stops calling the store for a long time after one failure."""
    port = own_redis.get_connection_kwargs()["port"]
    settings = {
        "CARTPROXY_REDIS_URL": f"redis://127.0.0.1:{port}/0",
        "CARTPROXY_WORKERS": "1",
        "CARTPROXY_BREAKER_FAILURES": "2",
        "CARTPROXY_BREAKER_SECONDS": "60",
        **store_environment(store.url),
    }
    with service(settings) as url:
        yield url


def leave_alone(url: str, store: Store) -> None:
    """Let the store fail until it is not called any more."""
    store.fail({"method": "*", "path": "*", "fault": "status", "status": 500, "times": None})
    other = Shopper(url)
    wait_for(
        lambda: not other.call("POST", "/cart", {}).ok and not store.calls(),
        "the breaker opens",
    )


def record(own_redis: redis.Redis) -> tuple[str, bytes]:
    """The key of the one cart in Redis, and what it holds."""
    (key,) = (key.decode() for key in own_redis.keys("cp:{*}"))
    text = own_redis.get(key)
    assert isinstance(text, bytes)
    return key, text


def test_checkout_while_the_store_is_away_saves_only_that_it_was_handed_out(
    fragile_url: str, store: Store, own_redis: redis.Redis
) -> None:
    shopper = Shopper(fragile_url)
    shopper.add(MUG)
    shopper.call("POST", "/cart/items", {"catalog_id": SCARF}, headers=MINIMAL)
    leave_alone(fragile_url, store)
    key, before = record(own_redis)

    with own_redis.monitor() as monitor:
        answer = check_out(shopper)
        own_redis.echo("the end of the test")
        commands = iter(lambda: monitor.next_command()["command"], "ECHO the end of the test")
        saved = [each for each in commands if each.startswith(f"SET {key}")]

    head, state = record(own_redis)[1].split(b"\n", 1)
    assert answer.status_code == 200
    assert len(saved) == 1
    assert state == before.split(b"\n", 1)[1]
    assert head.split(b" ")[:2] == before.split(b" ")[:2]
    assert store.calls() == []


def test_refused_checkout_while_the_store_is_away_leaves_the_record_as_it_was(
    fragile_url: str, store: Store, own_redis: redis.Redis
) -> None:
    shopper = Shopper(fragile_url)
    shopper.add(MUG)
    vanish(shopper, store)
    leave_alone(fragile_url, store)
    before = record(own_redis)

    answer = check_out(shopper)

    assert (answer.status_code, answer.json()["retryable"]) == (503, True)
    assert record(own_redis) == before
    assert store.calls() == []
