"""A link that sells: a page with one product and a plain form with one button."""

from __future__ import annotations

import re
from collections.abc import Iterator
from html import unescape

import pytest
import redis
import requests
from support.servers import service, store_environment
from support.shopper import BLOG, MUG, SHIRT, Shopper, Store
from support.waiting import ANSWER_SECONDS

TILES = 3838
PHOTO = 3842  # it needs a file, which only the store can take
PAGE = {"Accept": "text/html,application/xhtml+xml,*/*;q=0.8"}


def page_of(url: str, catalog_id: int | str, *, store: str = "demo") -> requests.Response:
    """The page as a browser opens it by a link: no Origin, no cookie."""
    address = f"{url}/v1/stores/{store}/buy/{catalog_id}"
    return requests.get(address, headers=PAGE, timeout=ANSWER_SECONDS)


def on_the_page(url: str, *, store: str = "demo") -> Shopper:
    """A browser that has the page open."""
    return Shopper(url, origin=url, bearer=None, store=store)


@pytest.fixture(scope="module")
def limited_url(redis_url: str, store_url: str) -> Iterator[str]:
    """Stores whose sites may sell some products only, by lists of several kinds."""
    two = f"{BLOG},https://*.blogs.example"
    environment = {
        "CARTPROXY_REDIS_URL": redis_url,
        **store_environment(
            store_url,
            "ALL",
            ORIGINS=two,
            ORIGIN_PRODUCTS=f"{BLOG} {MUG},https://*.blogs.example {TILES}",
        ),
        **store_environment(store_url, "ONE", ORIGINS=two, ORIGIN_PRODUCTS=f"{BLOG} {MUG}"),
        **store_environment(
            store_url,
            "LABEL",
            ORIGINS=two,
            ORIGIN_PRODUCTS=f"{BLOG} {MUG},https://anna.blogs.example {TILES}",
        ),
        **store_environment(store_url, "OFF", BUY_PAGE="off", NAME="Mugs & more"),
        **store_environment(store_url, "NAMED", NAME="Mugs & more"),
    }
    with service(environment) as url:
        yield url


def test_page_shows_the_product_and_one_button(proxy_url: str, store: Store) -> None:
    answer = page_of(proxy_url, SHIRT)

    assert answer.status_code == 200
    assert answer.headers["Content-Type"].startswith("text/html")
    for wanted in ("T-shirt", "19.99 USD", "Small", 'name="quantity"', store.url):
        assert wanted in answer.text
    assert answer.text.count("<button") == 1
    assert "<script" not in answer.text


def test_page_is_kept_out_of_search_engines_and_in_caches(proxy_url: str, store: Store) -> None:
    answer = page_of(proxy_url, MUG)

    assert answer.headers["X-Robots-Tag"] == "noindex"
    assert '<meta name="robots" content="noindex">' in answer.text
    assert answer.headers["Cache-Control"] == "public, max-age=60"
    policy = answer.headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "script-src" not in policy
    assert f"img-src 'self' {store.url};" in policy
    assert "frame-ancestors 'none'" in policy


def test_button_leads_to_the_checkout(proxy_url: str, store: Store) -> None:
    page = page_of(proxy_url, MUG)
    action = re.search(r'action="([^"]+)"', page.text)
    assert action is not None
    assert action[1] == "/v1/stores/demo/buy"

    answer = on_the_page(proxy_url).post_form("/buy", {"catalog_id": str(MUG), "quantity": "2"})

    assert answer.status_code == 303
    (cart,) = store.carts()
    assert [(line["catalog_id"], line["quantity"]) for line in cart["lines"]] == [(MUG, 2)]


def test_long_checkout_continues(proxy_url: str, store: Store) -> None:
    shopper = on_the_page(proxy_url)
    shopper.post_form("/buy", {"catalog_id": str(MUG)})

    answer = shopper.http.get(
        shopper.base + "/checkout",
        params={"site": proxy_url},
        headers=PAGE,
        allow_redirects=False,
        timeout=ANSWER_SECONDS,
    )

    assert answer.status_code == 303


@pytest.mark.parametrize(
    ("product", "asked", "shown"),
    [
        (MUG, "2", "2"), (MUG, "1,5", "1.5"), (MUG, "", "1"), (MUG, "two", "1"), (MUG, "-1", "1"),
        (MUG, "0", "1"), (MUG, '"><script>', "1"), (MUG, "2.", "2"), (MUG, "9" * 4000, "1"),
        (TILES, "12", "12"), (TILES, "1", "6"), (TILES, "600", "60"),
    ],
)  # fmt: skip
def test_quantity_of_the_link_is_filled_in(
    proxy_url: str, store: Store, product: int, asked: str, shown: str
) -> None:
    answer = requests.get(
        f"{proxy_url}/v1/stores/demo/buy/{product}",
        params={"quantity": asked, "utm_source": "mail"},
        headers=PAGE,
        timeout=ANSWER_SECONDS,
    )

    field = re.search(r'name="quantity" value="([^"]*)"', answer.text)
    assert field is not None
    assert field[1] == shown


def test_opening_links_creates_nothing(proxy_url: str, store: Store, redis_url: str) -> None:
    """A mail scanner, a prefetching browser, a crawler: none of them buys."""
    visitors = [
        {"User-Agent": "Mozilla/5.0 (compatible; SafeLinks)", "Accept": "*/*"},
        {**PAGE, "Sec-Purpose": "prefetch;prerender", "Purpose": "prefetch"},
        {"User-Agent": "Googlebot/2.1 (+http://www.google.com/bot.html)", "Accept": "text/html"},
    ]
    with redis.Redis.from_url(redis_url) as client:
        page_of(proxy_url, MUG)
        before = set(client.keys())
        store.calls()

        answers = [
            requests.request(method, address, headers=headers, timeout=ANSWER_SECONDS)
            for headers in visitors
            for method in ("HEAD", "GET")
            for address in (
                f"{proxy_url}/v1/stores/demo/buy/{MUG}",
                f"{proxy_url}/v1/stores/demo/buy/{MUG}?quantity=3",
            )
        ]

        made = {key for key in set(client.keys()) - before if not key.startswith(b"cpp:")}
    assert {answer.status_code for answer in answers} == {200}
    assert not any("Set-Cookie" in answer.headers for answer in answers)
    assert made == set()
    assert store.carts() == []
    assert store.calls() == []


def test_product_that_is_not_there_or_sold_out_has_no_button(proxy_url: str, store: Store) -> None:
    absent, sold_out = page_of(proxy_url, 999_999), page_of(proxy_url, 3833)

    assert absent.status_code == 404
    assert "<h1>" in absent.text
    assert sold_out.status_code == 200
    assert "<form" not in sold_out.text
    assert "Not available" in sold_out.text


def test_page_that_sells_nothing_leads_to_the_store(proxy_url: str, store: Store) -> None:
    pages = [page_of(proxy_url, 999_999), page_of(proxy_url, "abc")]
    refused = on_the_page(proxy_url).post_form("/buy", {"catalog_id": "999999"})

    for page in (*pages, refused):
        assert page.status_code in (404, 422)
        assert f'<a href="{store.url}/">' in page.text


def test_product_without_an_address_of_its_own_leads_to_the_store(
    limited_url: str, store: Store
) -> None:
    elsewhere = {"ProductLink": "https://elsewhere.example/photo"}
    store.api("PUT", f"/Products/{PHOTO}", elsewhere).raise_for_status()

    page = page_of(limited_url, PHOTO, store="named")
    described = on_the_page(limited_url, store="named").call("GET", f"/products/{PHOTO}").json()

    assert f'<a href="{store.url}/">Buy it at the store</a>' in page.text
    assert described["product_url"] == f"{store.url}/"


@pytest.mark.parametrize("catalog_id", ["0", "-1", "1e3", "abc", "9" * 400, "\u0663"])
def test_invalid_catalog_id_is_404(proxy_url: str, store: Store, catalog_id: str) -> None:
    assert page_of(proxy_url, catalog_id).status_code == 404
    assert store.calls() == []


def test_origin_of_the_page_may_do_nothing_else(proxy_url: str, store: Store) -> None:
    page = on_the_page(proxy_url)

    answers = [
        page.call("POST", "/cart/items", {"catalog_id": MUG}),
        page.call("PATCH", "/cart/items/buy", {"quantity": 1}),
        page.call("DELETE", "/cart"),
        page.post_form("/checkout", {}),
    ]

    assert [answer.status_code for answer in answers] == [403] * 4
    assert store.calls() == []


@pytest.mark.parametrize("origin", [None, "null", "https://evil.example"])
def test_form_of_another_page_is_refused_as_before(
    proxy_url: str, store: Store, origin: str | None
) -> None:
    shopper = Shopper(proxy_url, origin=origin, bearer=None)

    assert shopper.post_form("/buy", {"catalog_id": str(MUG)}).status_code == 403
    assert store.calls() == []


@pytest.mark.parametrize(
    ("name", "product", "sold"),
    [
        ("all", MUG, True), ("all", TILES, True), ("all", SHIRT, False),
        ("one", SHIRT, True), ("label", SHIRT, True),
    ],
)  # fmt: skip
def test_page_sells_what_any_site_may_sell(
    limited_url: str, store: Store, name: str, product: int, sold: bool
) -> None:
    size = {"option-1882": "12396:Small"} if product == SHIRT else {}
    many = "6" if product == TILES else "1"

    page = page_of(limited_url, product, store=name)
    bought = on_the_page(limited_url, store=name).post_form(
        "/buy", {"catalog_id": str(product), "quantity": many, **size}
    )

    assert (page.status_code, bought.status_code) == ((200, 303) if sold else (403, 403))


def test_buy_pages_can_be_switched_off(limited_url: str, store: Store) -> None:
    page = page_of(limited_url, MUG, store="off")
    bought = on_the_page(limited_url, store="off").post_form("/buy", {"catalog_id": str(MUG)})

    assert (page.status_code, bought.status_code) == (404, 403)
    assert store.calls() == []


def test_page_shows_the_stores_name(limited_url: str, store: Store) -> None:
    assert "Mugs & more" in unescape(page_of(limited_url, MUG, store="named").text)
