"""Server-side callers: a key instead of an Origin, and what only a key may do."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests
from support.servers import ROOT, service, store_environment
from support.shopper import BLOG, MUG, SHIRT, SMALL, Shopper, Store, credential
from support.waiting import wait_for

from cartproxy.web.api_keys import create

KEY, ENTRY = create("blog")
NARROW = "https://narrow.example"
ANY_BLOG, A_BLOG, WIDE_BLOG = (f"https://{label}.blog.example" for label in ("*", "a", "wide"))
# Long enough not to be part of a port, time or OrderKey by chance.
CUSTOMER_ID = 987654321


@pytest.fixture(scope="module")
def keyed_url(redis_url: str, store_url: str) -> Iterator[str]:
    """A service with one API key, and a site that may sell only the mug."""
    environment = {
        "CARTPROXY_REDIS_URL": redis_url,
        "CARTPROXY_ADDRESS_READS_PER_MINUTE": "5",
        **store_environment(
            store_url,
            API_KEYS=ENTRY,
            ORIGINS=f"{BLOG},{NARROW},{ANY_BLOG}",
            ORIGIN_PRODUCTS=f"{NARROW} {MUG},{ANY_BLOG} {MUG},{WIDE_BLOG} {MUG} {SHIRT}",
        ),
    }
    with service(environment) as url:
        yield url


@pytest.fixture
def server(keyed_url: str, store: Store) -> Shopper:
    """A blog's server: no Origin, but a key."""
    caller = Shopper(keyed_url, origin=None)
    caller.http.headers["Cartproxy-Key"] = KEY
    return caller


def test_a_key_replaces_an_origin(server: Shopper, store: Store) -> None:
    assert server.call("GET", f"/products/{MUG}").json()["name"] == "Pint mug"
    assert server.add()["item_count"] == 1
    assert len(store.carts()) == 1


@pytest.mark.parametrize(
    "key",
    ["", "cpk_" + "A" * 43, KEY[:-1], KEY + "A", KEY.lower(), "cpt1_" + "A" * 43],
    ids=["none", "unknown", "cut short", "too long", "in lower case", "of a cart"],
)
def test_invalid_key_is_refused(keyed_url: str, store: Store, key: str) -> None:
    store.calls()

    answer = Shopper(keyed_url, origin=None).call(
        "POST", "/cart/items", {"catalog_id": MUG}, headers={"Cartproxy-Key": key}
    )

    assert (answer.status_code, answer.json()["code"]) == (401, "key-refused")
    assert KEY not in answer.text
    assert store.calls() == []


def test_a_key_in_a_browser_is_refused_even_where_the_site_is_listed(
    keyed_url: str, store: Store
) -> None:
    page = Shopper(keyed_url)

    answer = page.call("GET", "/cart", headers={"Cartproxy-Key": KEY})
    preflight = page.call(
        "OPTIONS",
        "/cart/items",
        headers={
            "Access-Control-Request-Method": "POST",
            "Access-Control-Request-Headers": "cartproxy-key",
        },
    )

    assert (answer.status_code, answer.json()["code"]) == (401, "key-refused")
    assert "cartproxy-key" not in preflight.headers["Access-Control-Allow-Headers"].lower()


def test_a_key_is_valid_for_one_store_only(redis_url: str, store: Store) -> None:
    environment = {
        "CARTPROXY_REDIS_URL": redis_url,
        **store_environment(store.url, API_KEYS=ENTRY),
        **store_environment(store.url, "SECOND"),
    }
    with service(environment) as url:
        answer = Shopper(url, origin=None, store="second").call(
            "GET", "/cart", headers={"Cartproxy-Key": KEY}
        )

    assert (answer.status_code, answer.json()["code"]) == (401, "key-refused")


def test_a_credential_used_with_a_key_is_another_cart_than_in_the_browser(
    server: Shopper, keyed_url: str, store: Store
) -> None:
    server.add()

    browser = Shopper(keyed_url, bearer=server.bearer)

    assert browser.cart()["items"] == []


def test_customer_id_needs_a_key(server: Shopper, keyed_url: str, store: Store) -> None:
    mine = server.call("POST", "/cart", {"customer_id": CUSTOMER_ID, "billing": {"city": "Ulm"}})
    theirs = Shopper(keyed_url).call("POST", "/cart", {"customer_id": CUSTOMER_ID})

    assert mine.status_code == 201
    assert str(CUSTOMER_ID) not in mine.text
    (cart,) = store.carts()
    assert int(store.fields(cart["order_key"])["CustomerId"]) == CUSTOMER_ID
    assert (theirs.status_code, theirs.json()["code"]) == (422, "invalid-request")
    assert theirs.json()["errors"][0]["pointer"] == "/customer_id"


def test_a_server_may_pass_on_the_shoppers_address(server: Shopper, keyed_url: str) -> None:
    def read(**headers: str) -> int:
        return server.call("GET", "/cart", headers=headers).status_code

    wait_for(lambda: read(**{"Cartproxy-Client-Address": "8.8.0.1"}) == 429, "a refusal")

    assert read(**{"Cartproxy-Client-Address": "8.8.0.2"}) == 200
    assert read() == 200
    assert read(**{"Cartproxy-Client-Address": "not one"}) == 400


def test_a_browser_can_not_choose_its_address(keyed_url: str, store: Store) -> None:
    page = Shopper(keyed_url)

    statuses = {
        page.call("GET", "/cart", headers={"Cartproxy-Client-Address": "8.8.1.1"}).status_code
        for _ in range(12)
    }

    assert statuses == {200}  # counted as a caller on this machine


@pytest.mark.parametrize("site", [NARROW, A_BLOG])
def test_a_site_with_a_list_of_products_sells_only_those(
    keyed_url: str, store: Store, site: str
) -> None:
    narrow = Shopper(keyed_url, origin=site)
    shirt = {"catalog_id": SHIRT, "options": [SMALL]}
    store.calls()

    refused = [
        narrow.call("POST", "/cart/items", shirt),
        narrow.call("POST", "/cart/items", {"items": [{"catalog_id": MUG}, shirt]}),
        narrow.post_form("/buy", {"catalog_id": str(SHIRT), "option-1882": "12396:Small"}),
        narrow.call("GET", f"/products/{SHIRT}"),
    ]

    assert [each.status_code for each in refused] == [403] * 4
    one, several, form, product = refused
    assert [
        [error["pointer"] for error in each.json().get("errors", [])]
        for each in (one, several, product)
    ] == [["/catalog_id"], ["/items/1"], []]
    assert "/catalog_id" in form.text
    assert one.json()["code"] == "product-refused"
    assert store.calls() == []
    assert narrow.add()["item_count"] == 1
    for free in (BLOG, WIDE_BLOG):
        assert Shopper(keyed_url, origin=free).call("POST", "/cart/items", shirt).status_code == 201


def test_keys_create_makes_a_key_that_works(redis_url: str, store: Store) -> None:
    made = subprocess.run(
        [sys.executable, "-m", "cartproxy", "keys", "create", "--name", "shop-blog"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    ).stdout.splitlines()
    entry = made[1].removeprefix('api_keys = ["').removesuffix('"]')
    environment = {
        "CARTPROXY_REDIS_URL": redis_url,
        **store_environment(store.url, API_KEYS=entry),
    }
    with service(environment) as url:
        answer = requests.get(
            f"{url}/v1/stores/demo/cart",
            headers={"Cartproxy-Key": made[0], "Authorization": f"Bearer {credential()}"},
            timeout=60,
        )

    assert answer.status_code == 200
    assert made[0] not in entry


def test_no_part_of_a_key_is_in_the_log(redis_url: str, store: Store, tmp_path: Path) -> None:
    environment = {
        "CARTPROXY_REDIS_URL": redis_url,
        **store_environment(store.url, API_KEYS=ENTRY),
    }
    log = tmp_path / "log"
    with service(environment, log) as url:
        caller = Shopper(url, origin=None)
        caller.http.headers["Cartproxy-Key"] = KEY
        caller.add()
        caller.call("GET", "/cart", headers={"Cartproxy-Key": KEY[:-1] + "!"})

    text = log.read_text()
    assert text.count('"event":"request"') >= 2
    assert KEY[4:-1] not in text
