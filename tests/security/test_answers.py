"""Headers of every answer, also of the server's own: who may read it, and what browsers may do."""

from __future__ import annotations

import pytest
import requests
from support.raw import CHUNKED, JSON, RawClient
from support.servers import store_environment
from support.shopper import BLOG, Shopper, Store

from cartproxy.app import create_app
from cartproxy.settings_source import load

CART = "/v1/stores/demo/cart"
SAFE = {
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "x-frame-options": "DENY",
    "cache-control": "no-store",
}


def assert_safe(headers: dict[str, str]) -> None:
    for name, value in SAFE.items():
        assert headers[name] == value
    policy = headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "script-src" not in policy
    assert "unsafe" not in policy
    assert "frame-ancestors 'none'" in policy
    assert "server" not in headers


@pytest.mark.parametrize(
    ("request_bytes", "status", "code"),
    [
        (b"nonsense\r\n\r\n", 400, "malformed-request"),
        (b"get /livez HTTP/1.1\r\nHost: x\r\n\r\n", 400, "malformed-request"),
        (b"GET /livez HTTP/2.0\r\nHost: x\r\n\r\n", 400, "malformed-request"),
        (b"GET /livez HTTP/1.1\nHost: x\n\n", 400, "malformed-request"),
        (b"GET /li\x00vez HTTP/1.1\r\nHost: x\r\n\r\n", 400, "malformed-request"),
        (b"GET /li\xe9vez HTTP/1.1\r\nHost: x\r\n\r\n", 400, "malformed-request"),
        (b"GET /livez HTTP/1.1\r\nHost: x\r\nHost: y\r\n\r\n", 400, "malformed-request"),
        (b"GET /livez HTTP/1.1\r\nHost: x\r\nX-A: secret\x00canary\r\n\r\n", 400, "malformed-request"),
        (b"GET /livez HTTP/1.1\r\nHost: x\r\nX-A: secret\rcanary\r\n\r\n", 400, "malformed-request"),
        (b"GET /livez HTTP/1.1\r\nHost: x\r\nX-A : b\r\n\r\n", 400, "malformed-request"),
        (b"GET /livez HTTP/1.1\r\nHost: x\r\nX-A: b\r\n folded\r\n\r\n", 400, "malformed-request"),
        (b"GET /livez HTTP/1.1\r\nHost: x\r\nExpect: wonders\r\n\r\n", 400, "malformed-request"),
        (b"POST /livez HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\n{}", 400, "malformed-request"),
        (b"POST /livez HTTP/1.1\r\nHost: x\r\nContent-Length: -2\r\n\r\n{}", 400, "malformed-request"),
        (b"POST /livez HTTP/1.1\r\nHost: x\r\nContent-Length: +2\r\n\r\n{}", 400, "malformed-request"),
        (b"POST /livez HTTP/1.1\r\nHost: x\r\nContent-Length: \xb2\r\n\r\n{}", 400, "malformed-request"),
        (b"POST /livez HTTP/1.1\r\nHost: x\r\nContent-Length: " + b"9" * 5000 + b"\r\n\r\n{}", 400, "malformed-request"),
        (b"POST /livez HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400, "malformed-request"),
        (b"POST /livez HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: xchunked\r\n\r\n0\r\n\r\n", 400, "malformed-request"),
        (b"GET /" + b"a" * 5000 + b" HTTP/1.1\r\nHost: x\r\n\r\n", 414, "address-too-long"),
        (b"GET /livez HTTP/1.1\r\nHost: x\r\nX-A: " + b"a" * 9000 + b"\r\n\r\n", 431, "headers-too-large"),
        (b"GET /livez HTTP/1.1\r\nHost: x\r\n" + b"X-A: a\r\n" * 64 + b"\r\n", 431, "headers-too-large"),
        (b"GET /livez HTTP/1.1\r\nHost: x\r\n" + (b"X-A: " + b"a" * 8000 + b"\r\n") * 9 + b"\r\n", 431, "headers-too-large"),
        (b"GET /" + b"a" * 70_000, 431, "headers-too-large"),
        (b"GET /livez HTTP/1.1\r\n\r\n", 400, "malformed-request"),
        (b"GET /livez HTTP/1.1\r\nHost: a b\r\n\r\n", 400, "malformed-request"),
        (b"POST /livez HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n", 501, "coding-not-supported"),
        (b"POST /livez HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked, gzip\r\n\r\n0\r\n\r\n", 400, "malformed-request"),
    ],
    ids=lambda value: repr(value)[:60],
)  # fmt: skip
def test_what_the_server_itself_refuses_is_a_problem_like_any_other(
    raw: RawClient, request_bytes: bytes, status: int, code: str
) -> None:
    (answer,) = raw.speak(request_bytes)

    assert (answer.status, answer.code) == (status, code)
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.headers["access-control-allow-origin"] == "*"
    assert "access-control-allow-credentials" not in answer.headers
    assert answer.headers["vary"] == "Origin"
    assert answer.headers["x-request-id"] == answer.json()["request_id"]
    assert b"canary" not in answer.body
    assert_safe(answer.headers)


def test_every_refusal_of_the_application_can_be_read_by_the_listed_page(raw: RawClient) -> None:
    add = f"POST {CART}/items"
    refusals = [
        raw.send(f"GET {CART}", "Content-Length: 2", body=b"{}"),
        raw.send(add, JSON, CHUNKED, body=b"zz\r\n"),
        raw.send(f"GET {CART}", "Authorization: x", leave_out="Authorization"),
        raw.send("GET /v1/stores/nowhere/cart"),
        raw.send(f"GET {CART}/nothing"),
        raw.send(f"PUT {CART}"),
        raw.send("POST /v1/stores/demo/checkout", JSON, "Content-Length: 2", body=b"{}"),
        raw.send(f"PATCH {CART}", JSON, "If-Match: x", "Content-Length: 2", body=b"{}"),
        raw.send(add, JSON, "Content-Length: 70000"),
        raw.send(add, "Content-Type: text/plain", "Content-Length: 2", body=b"{}"),
        raw.send(add, JSON, "Content-Length: 2", body=b"{}"),
    ]

    assert [each.status for each in refusals] == [
        400, 400, 401, 404, 404, 405, 409, 412, 413, 415, 422,
    ]  # fmt: skip
    for answer in refusals:
        assert answer.headers["access-control-allow-origin"] == BLOG
        assert answer.headers["access-control-allow-credentials"] == "true"
        assert "Origin" in answer.headers["vary"]
        assert answer.headers["content-type"] == "application/problem+json"
        assert_safe(answer.headers)


@pytest.mark.parametrize(
    "path", ["/", "/docs", "/problems/not-found", "/openapi.json", "/livez", "/readyz", "/nothing",
             "/problems/nothing", "/metrics", f"{CART}", "/v1/stores/demo/nothing"]
)  # fmt: skip
@pytest.mark.parametrize("accept", ["text/html", "application/json"])
def test_pages_and_answers_carry_the_fixed_headers(proxy_url: str, path: str, accept: str) -> None:
    answer = requests.get(proxy_url + path, headers={"Accept": accept}, timeout=60)

    assert_safe({name.lower(): value for name, value in answer.headers.items()})
    assert "Set-Cookie" not in answer.headers


def test_answers_without_a_body_leave_the_connection_where_it_was(raw: RawClient) -> None:
    usual = "\r\n".join(raw.usual())

    def ask(line: str, *lines: str) -> bytes:
        return "\r\n".join([f"{line} HTTP/1.1", usual, *lines, "", ""]).encode()

    look, *others = raw.speak(
        ask(f"GET {CART}"),
        ask(f"HEAD {CART}"),
        ask(f"OPTIONS {CART}", "Access-Control-Request-Method: POST"),
        ask(f"DELETE {CART}"),
        ask("GET /livez"),
    )
    (unchanged, alive) = raw.speak(
        ask(f"GET {CART}", f"If-None-Match: {look.headers['etag']}"), ask("GET /livez")
    )

    assert [each.status for each in (look, *others)] == [200, 200, 204, 204, 200]
    assert (unchanged.status, alive.status) == (304, 200)
    assert others[0].headers["content-length"] == look.headers["content-length"]
    for each in (*others[1:3], unchanged):
        assert "content-length" not in each.headers
        assert each.headers["date"].endswith(" GMT")
        assert each.headers["connection"] == "keep-alive"


def test_what_may_be_kept_is_for_everybody_and_holds_nothing_of_anybody(shopper: Shopper) -> None:
    product = shopper.call("GET", "/products/3829")

    assert product.headers["Cache-Control"] == "public, max-age=60"
    assert "Origin" in product.headers["Vary"]
    assert product.headers["X-Content-Type-Options"] == "nosniff"


@pytest.mark.parametrize(
    "path", ["/widget/v1/cartproxy.js", "/docs/README.md", "/llms.txt", "/v1/stores/demo/products/3829"]
)  # fmt: skip
@pytest.mark.parametrize(
    "line",
    ['If-Match: "x"', "If-Match: *", 'If-Match: W/"x"', "If-None-Match: *", 'If-None-Match: "x"',
     "If-Unmodified-Since: Thu, 01 Jan 1970 00:00:00 GMT", "Range: bytes=9999999-", "Accept-Encoding: *;q=0",
     "Accept: a/b;q=0", "Origin: https://evil.example", "Origin: null", "Authorization: x", "Prefer: x",
     "Content-Type: a/b", "Content-Encoding: gzip", "Cookie: cartproxy=x", "Cartproxy-Key: x",
     "Cartproxy-Client: x", "Idempotency-Key: a b", "Expect: 100-continue", "X-Http-Method-Override: PUT"],
)  # fmt: skip
@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_no_header_makes_caches_keep_a_refusal_for_everybody(
    raw: RawClient, method: str, path: str, line: str
) -> None:
    answer = raw.send(f"{method} {path}", line, leave_out=line.partition(":")[0])

    assert answer.status in (200, 304) or answer.headers["cache-control"] == "no-store"


def test_metrics_are_closed_without_the_token(proxy_url: str, store: Store) -> None:
    for headers in ({}, {"Authorization": "Bearer "}, {"Authorization": "Bearer metrics-toke"},
                    {"Authorization": "Bearer metrics-token2"}, {"Authorization": "\xe9"}):  # fmt: skip
        answer = requests.get(f"{proxy_url}/metrics", headers=headers, timeout=60)
        assert (answer.status_code, answer.json()["code"]) == (404, "not-found")


@pytest.mark.parametrize(
    ("public_url", "docs", "status"),
    [
        ("https://cart.example", "auto", 404),
        ("https://cart.example", "on", 200),
        ("http://localhost:8000", "auto", 200),
        ("http://localhost:8000", "off", 404),
    ],
)
def test_description_of_the_api_is_closed_in_production_by_default(
    public_url: str, docs: str, status: int
) -> None:
    environment = {
        "CARTPROXY_PUBLIC_URL": public_url,
        "CARTPROXY_DOCS": docs,
        **store_environment("http://127.0.0.1:1"),
    }
    client = create_app(load(environment)).test_client()

    assert [client.get(path).status_code for path in ("/docs", "/openapi.json")] == [status] * 2
    assert client.get("/problems/not-found").status_code == 200
