"""Without JavaScript: plain forms, a cookie, and 303 to the store."""

from __future__ import annotations

import requests
from support.shopper import MUG, SHIRT, Shopper, Store


def browser(proxy_url: str, **more: str) -> Shopper:
    return Shopper(proxy_url, bearer=None, **more)


def test_buy_form_makes_a_cart_adds_and_leads_to_the_checkout(proxy_url: str, store: Store) -> None:
    shopper = browser(proxy_url)

    answer = shopper.post_form("/buy", {"catalog_id": str(MUG), "quantity": "2"})

    assert answer.status_code == 303
    assert requests.get(answer.headers["Location"], timeout=60).status_code == 200
    (cart,) = store.carts()
    assert [(line["catalog_id"], line["quantity"]) for line in cart["lines"]] == [(MUG, 2)]
    assert store.kinds() == ["POST Cart", "POST Item", "GET Cart"]


def test_buy_form_takes_options(proxy_url: str, store: Store) -> None:
    answer = browser(proxy_url).post_form(
        "/buy", {"catalog_id": str(SHIRT), "quantity": "1", "option-1882": "12396:Small"}
    )

    assert answer.status_code == 303
    page = requests.get(answer.headers["Location"], timeout=60).text
    assert "Small" in page


def test_second_form_finds_the_same_cart_by_its_cookie(proxy_url: str, store: Store) -> None:
    shopper = browser(proxy_url)

    first = shopper.post_form("/buy", {"catalog_id": str(MUG)})
    second = shopper.post_form("/buy", {"catalog_id": str(MUG)})

    assert (first.status_code, second.status_code) == (303, 303)
    (cart,) = store.carts()
    assert sum(line["quantity"] for line in cart["lines"]) == 2


def test_cookie_also_serves_scripts_and_bearer_wins(proxy_url: str, store: Store) -> None:
    shopper = browser(proxy_url)
    shopper.add(MUG)

    by_cookie = shopper.cart()
    shopper.bearer = Shopper(proxy_url).bearer
    by_bearer = shopper.cart()

    assert by_cookie["item_count"] == 1
    assert by_bearer["items"] == []


def test_cookie_is_set_by_the_first_write_alone(proxy_url: str) -> None:
    shopper = browser(proxy_url)

    read = shopper.call("GET", "/cart")
    written = shopper.call("POST", "/cart/items", {"catalog_id": MUG})

    assert "Set-Cookie" not in read.headers
    cookie = written.headers["Set-Cookie"]
    assert cookie.startswith("cartproxy=cpt1_")
    assert "HttpOnly" in cookie
    assert "Path=/" in cookie


def test_bearer_gets_no_cookie(shopper: Shopper) -> None:
    written = shopper.call("POST", "/cart/items", {"catalog_id": MUG})

    assert "Set-Cookie" not in written.headers


def test_checkout_form_is_sent_to_the_store(proxy_url: str, store: Store) -> None:
    shopper = browser(proxy_url)
    shopper.add(MUG)

    answer = shopper.post_form("/checkout", {})

    assert answer.status_code == 303
    assert answer.headers["Location"].startswith(f"{store.url}/continue_order.asp")
    assert answer.headers["Referrer-Policy"] == "no-referrer"
    assert answer.headers["Cache-Control"] == "no-store"


def test_refused_form_gets_a_page_for_a_person(proxy_url: str, store: Store) -> None:
    refused = browser(proxy_url, origin="https://evil.example").post_form(
        "/buy", {"catalog_id": str(MUG)}
    )
    wrong = browser(proxy_url).post_form("/buy", {"catalog_id": "<script>", "Price": "0"})

    assert (refused.status_code, wrong.status_code) == (403, 422)
    for answer in (refused, wrong):
        assert answer.headers["Content-Type"].startswith("text/html")
        assert "<h1>" in answer.text
    assert "<script>" not in wrong.text
    assert store.calls() == []


def test_form_routes_take_no_json_without_the_client_header(proxy_url: str) -> None:
    answer = browser(proxy_url).call("POST", "/checkout", {}, headers={"Cartproxy-Client": ""})

    assert answer.json()["code"] == "client-header-missing"
