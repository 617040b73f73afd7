"""The cookie's attributes, over https and over http on localhost."""

from __future__ import annotations

from support.edge import ORIGIN, settings

from cartproxy.app import create_app
from cartproxy.settings_source import load


def cookie_of(public_url: str) -> str:
    client = create_app(load(settings(CARTPROXY_PUBLIC_URL=public_url))).test_client()
    answer = client.post(
        "/v1/stores/demo/buy", data={"catalog_id": "1"}, headers={"Origin": ORIGIN}
    )
    assert answer.status_code == 503
    return answer.headers["Set-Cookie"]


def test_https_cookie_is_bound_to_the_host_and_partitioned() -> None:
    cookie = cookie_of("https://cart.example.com")

    assert cookie.startswith("__Host-cartproxy=cpt1_")
    for attribute in ("Secure", "HttpOnly", "SameSite=None", "Partitioned", "Path=/"):
        assert attribute in cookie
    assert "Max-Age=1209600" in cookie
    assert "Domain" not in cookie


def test_http_cookie_leaves_out_what_needs_tls() -> None:
    cookie = cookie_of("http://localhost:8000")

    assert cookie.startswith("cartproxy=cpt1_")
    for attribute in ("Secure", "Partitioned", "SameSite=None"):
        assert attribute not in cookie
    assert "HttpOnly" in cookie


def test_malformed_cookie_is_ignored() -> None:
    client = create_app(load(settings())).test_client()
    client.set_cookie("cartproxy", "cpt1_short")

    answer = client.get("/v1/stores/demo/cart")

    assert answer.status_code == 200
    assert answer.get_json()["items"] == []


def test_strict_transport_security_is_only_on_https() -> None:
    secure = create_app(load(settings(CARTPROXY_PUBLIC_URL="https://c.example"))).test_client()
    plain = create_app(load(settings())).test_client()

    assert "Strict-Transport-Security" in secure.get("/livez").headers
    assert "Strict-Transport-Security" not in plain.get("/livez").headers
