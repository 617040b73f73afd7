"""Header and path oddities: no header changes who asks for what, and no path is another one."""

from __future__ import annotations

import socket

import pytest
import requests
from support.raw import JSON, RawClient
from support.shopper import BLOG, Shopper, credential

CART = "/v1/stores/demo/cart"
ADD = f"POST {CART}/items"
EMPTY = "Content-Length: 2"


@pytest.mark.parametrize(
    "line",
    ["SCRIPT_NAME: /v1", "SCRIPT_NAME: /x", "PATH_INFO: /livez", "REMOTE_USER: admin",
     "X-Forwarded-Proto: https", "X-Forwarded-Ssl: off", "X-Forwarded-For: 127.0.0.1",
     "X-Forwarded-Host: evil.example", "X-Forwarded-Prefix: /x", "X-Original-URL: /metrics",
     "X-Rewrite-URL: /metrics", "Forwarded: for=1.1.1.1;host=evil.example;proto=https",
     "X-HTTP-Method-Override: DELETE", "X-Method-Override: DELETE", "Upgrade: h2c"],
)  # fmt: skip
def test_no_header_of_a_client_changes_what_is_asked_for(raw: RawClient, line: str) -> None:
    raw.send(f"POST {CART}", JSON, EMPTY, body=b"{}")

    plain = raw.send(f"GET {CART}")
    forged = raw.send(f"GET {CART}", line, *(["X-Forwarded-Proto: http"] if "Ssl" in line else []))
    posted = raw.send(f"POST {CART}", line, JSON, EMPTY, body=b"{}")

    assert (plain.status, forged.status, posted.status) == (200, 200, 200)
    assert forged.body == plain.body
    assert len(raw.store.carts()) == 1


def test_header_with_an_underscore_is_ignored(raw: RawClient) -> None:
    answer = raw.send(
        ADD, JSON, EMPTY, "Cartproxy_Client: x/1", body=b"{}", leave_out="Cartproxy-Client"
    )

    assert (answer.status, answer.code) == (400, "client-header-missing")


@pytest.mark.parametrize(
    ("left_out", "lines", "status", "code"),
    [
        ("Origin", [f"Origin: {BLOG}", "Origin: https://evil.example"], 403, "origin-refused"),
        ("Origin", [f"Origin: {BLOG}", f"Origin: {BLOG}"], 403, "origin-refused"),
        ("Origin", [f"Origin: {BLOG} https://evil.example"], 403, "origin-refused"),
        ("", [f"Authorization: Bearer {credential()}"], 401, "credential-malformed"),
        ("", ["Cartproxy-Client: tests/2"], 400, "client-header-missing"),
        ("Cartproxy-Client", ["Cartproxy-Client: a b/1"], 400, "client-header-missing"),
        ("Cartproxy-Client", ["Cartproxy-Client: \xe9/1"], 400, "client-header-missing"),
        ("Cartproxy-Client", ["Cartproxy-Client: " + "a" * 65 + "/1"], 400, "client-header-missing"),
        ("", ["Idempotency-Key: " + "k" * 256], 400, "malformed-request"),
        ("", ["Idempotency-Key: "], 400, "malformed-request"),
        ("", ["Idempotency-Key: a b"], 400, "malformed-request"),
        ("", ["Idempotency-Key: \xe9"], 400, "malformed-request"),
        ("", ["Idempotency-Key: a", "Idempotency-Key: b"], 400, "malformed-request"),
        ("", ["Content-Encoding: gzip"], 415, "unsupported-media-type"),
    ],
)  # fmt: skip
def test_doubled_and_malformed_headers_are_refused(
    raw: RawClient, left_out: str, lines: list[str], status: int, code: str
) -> None:
    body = b'{"catalog_id":3829}'

    answer = raw.send(
        ADD, JSON, f"Content-Length: {len(body)}", *lines, body=body, leave_out=left_out
    )

    assert (answer.status, answer.code) == (status, code)
    raw.assert_store_untouched()


@pytest.mark.parametrize("line", ["Content-Type: text/plain", JSON, "Content-Length: 2", "Host: x"])
def test_headers_that_decide_how_a_request_is_read_may_not_be_repeated(
    raw: RawClient, line: str
) -> None:
    answer = raw.send(ADD, JSON, EMPTY, line, body=b"{}")

    assert answer.status == 400
    raw.assert_store_untouched()


@pytest.mark.parametrize(
    "authorization",
    ["", "Bearer", "Bearer ", "bearer", "Basic cpt1_" + "a" * 43, "Bearer cpt1_" + "a" * 42,
     "Bearer cpt1_" + "a" * 44, "Bearer cpt1_" + "a" * 42 + "=", "Bearer cpt1_" + "a" * 42 + "\xe9",
     "Bearer CPT1_" + "a" * 43, "Bearer  cpt1_" + "a" * 43, "Bearer\tcpt1_" + "a" * 43,
     "Bearer cpt1_" + "a" * 43 + ",x", "Bearer " + "a" * 8000, "cpt1_" + "a" * 43],
)  # fmt: skip
def test_malformed_bearer_is_401_and_is_not_repeated(raw: RawClient, authorization: str) -> None:
    answer = raw.send(f"GET {CART}", f"Authorization: {authorization}", leave_out="Authorization")

    assert (answer.status, answer.code) == (401, "credential-malformed")
    assert answer.headers["www-authenticate"] == "Bearer"
    assert b"cpt1_a" not in answer.body
    raw.assert_store_untouched()


@pytest.mark.parametrize(
    "cookie",
    ["cartproxy", "cartproxy=", "=", ";;;", "cartproxy=x", "cartproxy=cpt1_" + "a" * 44, "\xff=\xfe",
     'cartproxy="cpt1_' + "a" * 43, "__Host-cartproxy=cpt1_" + "a" * 43, "CARTPROXY=cpt1_" + "a" * 43,
     "a" * 8000, "; ".join(f"c{n}=1" for n in range(800))],
)  # fmt: skip
def test_odd_cookies_are_no_credential_and_no_error(raw: RawClient, cookie: str) -> None:
    answer = raw.send(f"GET {CART}", f"Cookie: {cookie}", leave_out="Authorization")

    assert answer.status == 200
    assert answer.json()["items"] == []
    assert "set-cookie" not in answer.headers


def test_cookie_that_came_twice_opens_at_most_one_cart_and_bearer_wins(
    raw: RawClient, shopper: Shopper
) -> None:
    shopper.add()
    mine = f"cartproxy={shopper.bearer}"

    doubled = raw.send(
        f"GET {CART}", f"Cookie: {mine}; cartproxy={credential()}", leave_out="Authorization"
    )
    beside_bearer = raw.send(f"GET {CART}", f"Cookie: {mine}")

    assert doubled.json()["item_count"] in (0, 1)
    assert beside_bearer.json()["items"] == []


@pytest.mark.parametrize(
    "path", ["/widget/v1/cartproxy.js", "/docs/README.md", "/llms.txt", "/static/pages.css", CART]
)
@pytest.mark.parametrize("date", ["1 Jan 99999999999999999999 00:00:00", "soon", "\xff", ""])
def test_condition_on_a_date_is_ignored(raw: RawClient, path: str, date: str) -> None:
    dated = [f"{name}: {date}" for name in ("If-Modified-Since", "If-Range", "If-Unmodified-Since")]

    for lines in ([dated[0]], [dated[1], "Range: bytes=0-3"], dated):
        assert raw.send(f"GET {path}", *lines).status == 200


@pytest.mark.parametrize(
    "target",
    ["/v1/stores/demo/../demo/cart", "/v1/stores/demo/%2e%2e/demo/cart", "/v1/stores/demo/./cart",
     "//v1/stores/demo/cart", "/v1//stores/demo/cart", "/v1/stores/demo/cart/", "/V1/stores/demo/cart",
     "/v1/stores/DEMO/cart", "/v1/stores/demo%00/cart", "/v1/stores/demo/cart%00",
     "/v1/stores/demo/cart;x=1", "/v1/stores/demo/cart%3Fx", "/v1/stores/demo/cart%0d%0aX:y",
     "/v1/stores/%64emo%2fcart%2f..%2fcart/cart", "/v1/stores/demo/%ff", "/v1/stores/demo/%",
     "/v1/stores/demo/cart%c0%af", "/v1/stores/demo\\cart", "/v1/stores//cart", "/v1/stores/",
     "/static/../bodies.py", "/static/%2e%2e/bodies.py", "/static/..%2fbodies.py",
     "/static/%2fetc/passwd", "/static//etc/passwd", "/problems/../metrics", "//metrics", "//livez", "/problems/%3Cscript%3E",
     "/%72eadyz", "/read%79z", "/readyz%2f", "/%2freadyz", "/livez%00", "/v1/stores/demo%2fcart",
     "/v1/stores/%64emo/cart", "/v1/stores/demo/%63art", "/v1/stores/demo/cart%2Fitems",
     "/v1/stores/demo/products/%33829", "/problems/not%2dfound", "/static/pages%2ecss",
     "/%77idget/v1/cartproxy.js", "/livez#x", "/readyz#", "/livez%", "http:///livez", "///livez"],
)  # fmt: skip
def test_address_that_is_not_written_as_it_should_be_is_404(raw: RawClient, target: str) -> None:
    read = raw.send(f"GET {target}")
    written = raw.send(f"DELETE {target}", JSON, EMPTY, body=b"{}")

    assert read.status == 404
    assert written.status == 404 or (written.status == 405 and "/v1" not in target)
    assert read.code in ("not-found", "store-not-found")
    assert b"<script" not in read.body
    raw.assert_store_untouched()


@pytest.mark.parametrize(
    "item_id",
    ["..%2f", "%2e%2e%2f%2e%2e", "1e3", "%D9%A3", "1%00", "1%2f2", "+1", "-1", "1" * 19, "%20"],
)
@pytest.mark.parametrize("method", ["PATCH", "DELETE"])
def test_invalid_item_ids_never_reach_the_store(raw: RawClient, method: str, item_id: str) -> None:
    body = b'{"quantity":1}' if method == "PATCH" else b"{}"

    answer = raw.send(
        f"{method} {CART}/items/{item_id}", JSON, f"Content-Length: {len(body)}", body=body
    )

    assert answer.status == 404
    assert answer.code in ("not-found", "item-not-found")
    raw.assert_store_untouched()


@pytest.mark.parametrize("method", ["TRACE", "PUT", "FOO", "CONNECT", "PROPFIND", "X" * 20])
def test_invalid_methods_are_405_and_not_counted_by_name(
    raw: RawClient, proxy_url: str, method: str
) -> None:
    answer = raw.send(f"{method} {CART}")

    metrics = requests.get(
        f"{proxy_url}/metrics", headers={"Authorization": "Bearer metrics-token"}, timeout=60
    ).text
    assert (answer.status, answer.code) == (405, "method-not-allowed")
    assert "GET" in answer.headers["allow"]
    # A client that could choose labels could fill the disk with them.
    assert f'method="{method}"' not in metrics or method == "PUT"


@pytest.mark.parametrize(
    "target", ["http://evil.example", "http://evil.example/", "http://evil.example/livez", "HTTPS://evil.example?a",
               "http://evil.example/problems/not-found", "http:///livez", "//evil.example/livez", "//livez",
               "/livez#a", "/%6civez"],
)  # fmt: skip
@pytest.mark.parametrize("method", ["GET", "POST", "OPTIONS"])
def test_address_of_another_host_leads_nowhere(raw: RawClient, method: str, target: str) -> None:
    (answer,) = raw.speak(f"{method} {target} HTTP/1.1\r\nHost: evil.example\r\n\r\n".encode())

    assert (answer.status, answer.code) == (404, "not-found")
    assert "location" not in answer.headers
    assert b"evil" not in answer.body


def test_address_in_absolute_form_of_our_own_origin_is_ours(raw: RawClient, proxy_url: str) -> None:
    one, other = (
        raw.speak(f"GET {target} HTTP/1.1\r\nHost: x\r\n\r\n".encode())[0]
        for target in (f"{proxy_url.upper()}/livez", f"{proxy_url}1/livez")
    )

    assert (one.status, other.status) == (200, 404)


@pytest.mark.parametrize(
    ("version", "connection", "closes"),
    [("1.1", "keep-alive", False), ("1.1", "close, keep-alive", True), ("1.2", "x", False), ("1.0", "x", True),
     ("1.0", "keep-alive", False)],
)  # fmt: skip
def test_answer_is_of_http_1_1_and_the_connection_stays_as_asked(
    raw: RawClient, version: str, connection: str, *, closes: bool
) -> None:
    request = f"GET /livez HTTP/{version}\r\nHost: x\r\nConnection: {connection}\r\n\r\n".encode()

    with socket.create_connection((raw.host, raw.port), timeout=60) as client:
        client.sendall(request)
        said = client.recv(4096)
        client.sendall(request)
        again = client.recv(4096)

    assert said.startswith(b"HTTP/1.1 200 OK\r\n")
    assert b"Connection: close" in said if closes else b"Connection: keep-alive" in said
    assert (again == b"") == closes


@pytest.mark.parametrize(
    "head", ["get /livez HTTP/1.1\r\nHost: x", "GET /livez HTTP/1.1", "GET /livez HTTP/1.1\r\nHost: a b",
             "GET /livez HTTP/1.1\r\nHost: x\r\nExpect: wonders", "GET /livez HTTP/1.1\nHost: x"],
)  # fmt: skip
def test_refusal_of_a_head_says_where_to_look_and_not_that_it_says_so(
    raw: RawClient, head: str
) -> None:
    (answer,) = raw.speak(f"{head}\r\n\r\n".encode())

    assert (answer.status, answer.code) == (400, "malformed-request")
    assert "first line" in answer.json()["detail"]
    assert "`detail`" not in answer.json()["detail"]


def test_host_is_never_used(raw: RawClient) -> None:
    head = f"GET {CART}/nothing HTTP/1.1\r\nHost: evil.example\r\n\r\n".encode()
    absolute = [
        f"GET http://evil.example{path} HTTP/1.1\r\nHost: evil.example\r\n\r\n".encode()
        for path in ("", "/", "/livez", "/problems/x", CART, "?x")
    ]

    for answer in (raw.speak(each)[0] for each in (head, *absolute)):
        assert (answer.status, answer.code) == (404, "not-found")
        assert b"evil" not in answer.body
        assert "evil" not in str(answer.headers)
