"""Bodies that are broken in transport: a 400 or 413, and never half of one used."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator

import pytest
import requests
from support.raw import CHUNKED, JSON, RawClient
from support.servers import service, store_environment
from support.shopper import MUG, Store
from support.waiting import ANSWER_SECONDS

ADD = "POST /v1/stores/demo/cart/items"
BUY = "POST /v1/stores/demo/buy"
FORM = "Content-Type: application/x-www-form-urlencoded"
ITEM = b'{"catalog_id":%d}' % MUG
LOOK = b"GET /livez HTTP/1.1\r\nHost: x\r\n\r\n"
LIMIT = 65_536


def chunks(*parts: bytes) -> bytes:
    return b"".join(b"%x\r\n%s\r\n" % (len(part), part) for part in parts) + b"0\r\n\r\n"


def padded(size: int) -> bytes:
    """An item of exactly this size, padded with white space."""
    return ITEM + b" " * (size - len(ITEM))


@pytest.mark.parametrize(
    "body",
    [b"zz\r\n{}\r\n0\r\n\r\n", b"-2\r\n{}\r\n0\r\n\r\n", b"2\r\n{}XX0\r\n\r\n", b"+2\r\n{}\r\n0\r\n\r\n",
     b"0x2\r\n{}\r\n0\r\n\r\n", b"2 \n{}\r\n0\r\n\r\n", b"\r\n"],
)  # fmt: skip
def test_malformed_chunks_are_400(raw: RawClient, body: bytes) -> None:
    answer = raw.send(ADD, JSON, CHUNKED, body=body)

    assert (answer.status, answer.code) == (400, "malformed-request")
    raw.assert_store_untouched()


@pytest.mark.parametrize(
    ("framing", "body"),
    [
        ("Content-Length: 200", ITEM),
        (CHUNKED, b"%x\r\n%s" % (len(ITEM), ITEM)),
        (CHUNKED, b"%x\r\n%s\r\n" % (len(ITEM), ITEM)),
        (CHUNKED, b"ffff\r\n" + ITEM),
    ],
)
def test_truncated_body_is_400_even_if_it_parses(raw: RawClient, framing: str, body: bytes) -> None:
    answer = raw.send(ADD, JSON, framing, body=body, hang_up=True)

    assert (answer.status, answer.code) == (400, "malformed-request")
    raw.assert_store_untouched()


def test_truncated_form_buys_nothing(raw: RawClient) -> None:
    whole = b"catalog_id=%d&quantity=12" % MUG

    answer = raw.send(BUY, FORM, f"Content-Length: {len(whole)}", body=whole[:-1], hang_up=True)

    assert (answer.status, answer.code) == (400, "malformed-request")
    raw.assert_store_untouched()


@pytest.mark.parametrize("size", [LIMIT + 1, 3 * LIMIT])
def test_body_over_the_limit_is_413_by_length_and_by_chunks(raw: RawClient, size: int) -> None:
    by_length = raw.send(ADD, JSON, f"Content-Length: {size}", body=padded(size))
    one_chunk = raw.send(ADD, JSON, CHUNKED, body=chunks(padded(size)))
    many = [padded(size)[at : at + 1000] for at in range(0, size, 1000)]
    many_chunks = raw.send(ADD, JSON, CHUNKED, body=chunks(*many))

    for answer in (by_length, one_chunk, many_chunks):
        assert (answer.status, answer.code) == (413, "body-too-large")
        # A proxy would send the next shopper's request on a connection that is said to be kept.
        assert size == LIMIT + 1 or answer.headers["connection"] == "close"
    raw.assert_store_untouched()


@pytest.mark.parametrize("line", ["POST /nowhere", "GET /livez", "GET /v1/stores/demo/cart", ADD])
@pytest.mark.parametrize(
    ("body", "stays"),
    [(chunks(b" " * 1000), True), (chunks(*[b" " * 100] * 300), True), (chunks(b" " * 3 * LIMIT), False),
     (chunks(*[b" "] * 20_000), False), (b"zz\r\n", False),
     (b"0\r\nX-A: b\r\n\r\n", True), (b"0\r\nno field\r\n\r\n", False)],
)  # fmt: skip
def test_answer_to_an_unread_chunked_body_says_whether_the_connection_stays(
    raw: RawClient, line: str, body: bytes, *, stays: bool
) -> None:
    head = "\r\n".join([f"{line} HTTP/1.1", *raw.usual(), "Content-Type: a/b", CHUNKED, "", ""])

    first, *next_ones = raw.speak(head.encode() + body, *[LOOK] * stays)

    # A proxy would send the next shopper's request on a connection that is said to be kept.
    assert first.headers["connection"] == ("keep-alive" if stays else "close")
    assert [each.status for each in next_ones] == [200] * stays


@pytest.mark.parametrize("length", ["99999999", "9" * 18])
def test_announced_size_is_refused_before_it_is_sent(raw: RawClient, length: str) -> None:
    answer = raw.send(ADD, JSON, f"Content-Length: {length}")

    assert (answer.status, answer.code) == (413, "body-too-large")


def test_body_of_exactly_the_limit_is_taken_by_length_and_by_chunks(raw: RawClient) -> None:
    by_length = raw.send(ADD, JSON, f"Content-Length: {LIMIT}", body=padded(LIMIT))
    by_chunks = raw.send(ADD, JSON, CHUNKED, body=chunks(padded(1000), b" " * (LIMIT - 1000)))

    assert (by_length.status, by_chunks.status) == (201, 201)


def test_100_continue_is_sent_only_when_the_body_is_wanted(
    raw: RawClient,
) -> None:
    def said(*lines: str) -> bytes:
        head = "\r\n".join([f"{ADD} HTTP/1.1", *raw.usual(), JSON, *lines, "", ""])
        with socket.create_connection((raw.host, raw.port), timeout=60) as client:
            client.sendall(head.encode())
            first = client.recv(4096)
            if first.startswith(b"HTTP/1.1 100"):
                client.sendall(ITEM)
                first += client.recv(4096)
            return first

    wanted = said("Expect: 100-Continue", f"Content-Length: {len(ITEM)}")
    too_large = said("Expect: 100-continue", f"Content-Length: {LIMIT + 1}")

    assert wanted.startswith(b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 201")
    assert too_large.startswith(b"HTTP/1.1 413")
    assert b"Connection: close" in too_large


@pytest.mark.parametrize("method", ["GET", "HEAD"])
@pytest.mark.parametrize(
    ("framing", "body"), [("Content-Length: 2", b"{}"), (CHUNKED, chunks(b"{}"))]
)
def test_read_with_a_body_is_400(raw: RawClient, method: str, framing: str, body: bytes) -> None:
    answer = raw.send(f"{method} /v1/stores/demo/cart", framing, body=body)

    assert answer.status == 400
    assert method == "HEAD" or answer.code == "malformed-request"


@pytest.mark.parametrize("method", ["GET", "HEAD"])
@pytest.mark.parametrize(
    ("framing", "body"),
    [("Content-Length: 0", b""), (CHUNKED, b"0\r\n\r\n"), (f"{JSON}\r\nContent-Length: 0", b"")],
)
@pytest.mark.parametrize(
    "path", ["/v1/stores/demo/cart", f"/v1/stores/demo/products/{MUG}", "/livez"]
)
def test_read_with_an_empty_body_is_a_read(
    raw: RawClient, method: str, framing: str, body: bytes, path: str
) -> None:
    usual = "\r\n".join(raw.usual())
    request = f"{method} {path} HTTP/1.1\r\n{usual}\r\n{framing}\r\n\r\n".encode() + body

    answers = raw.speak(request, request)

    assert [each.status for each in answers] == [200, 200]


@pytest.mark.parametrize("cut", [b"", b"5\r\n", b"0\r\n"])
def test_read_whose_empty_body_does_not_end_is_400(raw: RawClient, cut: bytes) -> None:
    answer = raw.send("GET /v1/stores/demo/cart", CHUNKED, body=cut, hang_up=True)

    assert answer.status == 400


@pytest.mark.parametrize(
    "head",
    [f"{ADD} HTTP/1.1\r\nContent-Type: text/xml\r\n", "OPTIONS /v1/stores/demo/cart HTTP/1.1\r\n",
     "GET /v1/stores/demo/cart HTTP/1.1\r\n", "GET /livez HTTP/1.1\r\n"],
)  # fmt: skip
def test_unread_body_is_not_taken_for_a_request(raw: RawClient, head: str) -> None:
    usual = "\r\n".join(raw.usual())
    hidden = f"DELETE /v1/stores/demo/cart HTTP/1.1\r\n{usual}\r\n\r\n".encode()
    first = f"{head}{usual}\r\nContent-Length: {len(hidden)}\r\n\r\n".encode() + hidden
    second = b"GET /openapi.json HTTP/1.1\r\nHost: x\r\n\r\n"

    _, answer = raw.speak(first, second)

    assert answer.status == 200
    assert answer.json()["openapi"]


REQUEST_SECONDS = 2


@pytest.fixture(scope="module")
def impatient_url(redis_url: str, store_url: str) -> Iterator[str]:
    """A service that gives a request `REQUEST_SECONDS`."""
    environment = {
        "CARTPROXY_REDIS_URL": redis_url,
        "CARTPROXY_REQUEST_SECONDS": str(REQUEST_SECONDS),
        "CARTPROXY_WORKERS": "1",
        **store_environment(store_url),
    }
    with service(environment) as url:
        yield url


@pytest.mark.parametrize("framing", ["Content-Length: 200", CHUNKED])
def test_body_that_does_not_come_is_waited_for_no_longer_than_the_deadline(
    impatient_url: str, store: Store, framing: str
) -> None:
    raw = RawClient(impatient_url, store)
    began = time.monotonic()

    answer = raw.send(ADD, JSON, framing, body=b"1\r\n{\r\n", seconds=ANSWER_SECONDS)

    assert (answer.status, answer.code) == (400, "malformed-request")
    assert time.monotonic() - began >= REQUEST_SECONDS
    raw.assert_store_untouched()


@pytest.mark.parametrize(
    "head", [b"G", b"GET /livez HTTP/1.1\r\nHo", b"GET /livez HTTP/1.1\r\nHost: x\r\n"]
)
def test_head_that_does_not_come_is_waited_for_no_longer_than_the_deadline(
    impatient_url: str, store: Store, head: bytes
) -> None:
    raw = RawClient(impatient_url, store)
    began = time.monotonic()

    with socket.create_connection((raw.host, raw.port), timeout=ANSWER_SECONDS) as connection:
        connection.sendall(head)
        said = connection.recv(1)

    assert said == b""
    assert time.monotonic() - began >= REQUEST_SECONDS


def test_connection_that_is_kept_is_not_cut_between_requests(
    impatient_url: str, store: Store
) -> None:
    with requests.Session() as browser:
        browser.get(f"{impatient_url}/livez", timeout=60)
        time.sleep(1.75 * REQUEST_SECONDS)
        (kept,) = browser.get_adapter(impatient_url).poolmanager.pools._container.values()  # type: ignore[attr-defined]
        again = browser.get(f"{impatient_url}/livez", timeout=60)

    assert again.status_code == 200
    assert kept.num_connections == 1
