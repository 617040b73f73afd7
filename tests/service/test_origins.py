"""Which sites may call, over real HTTP; and the CORS headers."""

from __future__ import annotations

import pytest
import requests
from support.shopper import BLOG, MUG, Shopper, Store

REFUSED = [
    None,
    "null",
    "https://blog.example.evil.com",
    "https://blog.example:8443",
    "http://blog.example",
]


@pytest.mark.parametrize("origin", REFUSED)
def test_write_of_an_unlisted_site_is_refused_before_the_store(
    proxy_url: str, store: Store, origin: str | None
) -> None:
    stranger = Shopper(proxy_url, origin=origin)

    refused = stranger.call("POST", "/cart/items", {"catalog_id": MUG})

    assert (refused.status_code, refused.json()["code"]) == (403, "origin-refused")
    assert "Access-Control-Allow-Origin" not in refused.headers
    assert "Origin" in refused.headers["Vary"]
    assert store.calls() == []


def test_wildcard_matches_one_label(proxy_url: str, store: Store) -> None:
    one = Shopper(proxy_url, origin="https://anna.blogs.example").call("GET", "/cart")
    two = Shopper(proxy_url, origin="https://a.b.blogs.example").call("GET", "/cart")

    assert (one.status_code, two.status_code) == (200, 403)
    assert one.headers["Access-Control-Allow-Origin"] == "https://anna.blogs.example"


def test_errors_have_cors_headers_too(shopper: Shopper, proxy_url: str) -> None:
    answers = {
        404: shopper.call("GET", "/nothing/here"),
        405: shopper.call("PUT", "/cart", {}),
        415: shopper.call("POST", "/cart/items", headers={"Content-Type": "text/plain"}),
        422: shopper.call("POST", "/cart/items", {}),
        413: shopper.call("POST", "/cart/items", {"items": ["x" * 70_000]}),
    }
    unknown_store = Shopper(proxy_url, store="nowhere").call("GET", "/cart")

    for status, answer in answers.items():
        assert answer.status_code == status, answer.text
    for answer in (*answers.values(), unknown_store):
        assert answer.headers["Access-Control-Allow-Origin"] == BLOG
        assert answer.headers["Access-Control-Allow-Credentials"] == "true"
        assert "Origin" in answer.headers["Vary"]
        assert answer.headers["Content-Type"] == "application/problem+json"
        assert answer.json()["request_id"] == answer.headers["X-Request-Id"]


def test_preflight_of_a_listed_site_lists_what_it_may_send(proxy_url: str) -> None:
    asked = {
        "Origin": BLOG,
        "Access-Control-Request-Method": "PATCH",
        "Access-Control-Request-Headers": "authorization,cartproxy-client,content-type,if-match",
    }
    path = f"{proxy_url}/v1/stores/demo/cart/items"
    listed = requests.options(path, headers=asked, timeout=60)
    unlisted = requests.options(path, headers=asked | {"Origin": "https://x.example"}, timeout=60)

    assert listed.status_code == 204
    assert listed.headers["Access-Control-Allow-Origin"] == BLOG
    assert "PATCH" in listed.headers["Access-Control-Allow-Methods"]
    assert int(listed.headers["Access-Control-Max-Age"]) >= 3600
    allowed = {
        name.strip().lower() for name in listed.headers["Access-Control-Allow-Headers"].split(",")
    }
    assert set(asked["Access-Control-Request-Headers"].split(",")) | {"idempotency-key"} <= allowed
    assert unlisted.status_code == 403
    assert "Access-Control-Allow-Origin" not in unlisted.headers


def test_what_a_pages_tools_add_to_each_request_is_allowed_and_ignored(proxy_url: str) -> None:
    path = f"{proxy_url}/v1/stores/demo/cart/items"
    added = "sentry-trace, baggage,traceparent , X-Datadog-Origin,newrelic"
    asked = {"Origin": BLOG, "Access-Control-Request-Method": "POST"}
    junk = "cartproxy-key,x-forwarded-for,a b," + ",".join(f"x{n}" for n in range(500))

    answer = requests.options(
        path, headers=asked | {"Access-Control-Request-Headers": added}, timeout=60
    )
    other = requests.options(
        path, headers=asked | {"Access-Control-Request-Headers": junk}, timeout=60
    )

    def allowed(answer: requests.Response) -> set[str]:
        names = answer.headers["Access-Control-Allow-Headers"].split(",")
        return {name.strip().lower() for name in names}

    assert {"sentry-trace", "baggage", "traceparent", "x-datadog-origin", "newrelic"} <= allowed(
        answer
    )
    assert allowed(other).isdisjoint({"cartproxy-key", "x-forwarded-for", "a b"})
    assert len(allowed(other)) < 60


def test_script_must_name_itself(shopper: Shopper, store: Store) -> None:
    refused = shopper.call(
        "POST", "/cart/items", {"catalog_id": MUG}, headers={"Cartproxy-Client": ""}
    )

    assert (refused.status_code, refused.json()["code"]) == (400, "client-header-missing")
    assert store.calls() == []


def test_credential_stolen_and_used_from_another_site_finds_nothing(
    shopper: Shopper, proxy_url: str, store: Store
) -> None:
    shopper.add(MUG)
    thief = Shopper(proxy_url, origin="https://other.example", bearer=shopper.bearer)

    seen = thief.cart()
    thief.add(MUG, quantity=9)

    assert seen["items"] == []
    assert shopper.cart()["item_count"] == 1
    assert len(store.carts()) == 2


@pytest.mark.parametrize("bearer", ["cpt1_short", "x" * 48, "cpt1_" + "a" * 44, "cpt2_" + "a" * 43])
def test_malformed_credential_is_401_and_an_unused_one_is_not(proxy_url: str, bearer: str) -> None:
    refused = Shopper(proxy_url, bearer=bearer).call("GET", "/cart")

    assert (refused.status_code, refused.json()["code"]) == (401, "credential-malformed")
    assert bearer not in refused.text
