"""The simulated store's faults: each does what its name says, on the wire and to the cart."""

from __future__ import annotations

import socket
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from urllib.parse import urlsplit

import pytest
import requests
from support.shopper import MUG, Store
from support.waiting import wait_for

from cartproxy import sandbox

KEYS = {
    "SecureURL": sandbox.DEFAULT_SECURE_URL,
    "PrivateKey": sandbox.DEFAULT_PRIVATE_KEY,
    "Token": sandbox.DEFAULT_TOKEN,
}


class Line:
    """A cart at the store, to which an item is added under a fault."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.base = f"{store.url}/3dCartWebAPI/v2/Cart"
        answer = requests.post(self.base, json={}, headers=KEYS, timeout=60)
        self.key = answer.json()[0]["Value"]

    def add(self, fault: str, **more: Any) -> requests.Response:
        entry = {"method": "POST", "path": "/Cart/*/Item", "fault": fault, "times": 1, **more}
        self.store.fail(entry)
        return requests.post(
            f"{self.base}/{self.key}/Item",
            json={"CatalogID": MUG, "ItemQuantity": 1},
            headers=KEYS,
            timeout=60,
            allow_redirects=False,
            stream=True,
        )

    def count(self) -> int:
        return sum(
            len(cart["lines"]) for cart in self.store.carts() if cart["order_key"] == self.key
        )


@pytest.fixture
def line(store: Store) -> Line:
    return Line(store)


@pytest.mark.parametrize(("fault", "applied"), [("drop", 0), ("apply_then_drop", 1), ("reset", 0)])
def test_connection_ends_without_an_answer(line: Line, fault: str, applied: int) -> None:
    with pytest.raises(requests.ConnectionError):
        line.add(fault)

    assert line.count() == applied
    assert requests.get(f"{line.store.url}/_sandbox/calls", timeout=60).json()[-1]["status"] is None


def test_reset_is_a_real_one(line: Line) -> None:
    line.store.fail({"method": "*", "path": "*", "fault": "reset", "times": 1})
    host = urlsplit(line.store.url)
    with socket.create_connection((host.hostname, host.port), timeout=60) as client:
        client.sendall(b"GET /3dCartWebAPI/v2/StoreSettings HTTP/1.1\r\nHost: store\r\n\r\n")

        with pytest.raises(ConnectionResetError):
            client.recv(1)


def test_dropped_call_may_be_applied_later(line: Line) -> None:
    with pytest.raises(requests.ConnectionError):
        line.add("drop_then_apply", ms=None)

    at_once = line.count()
    line.store.fail()
    wait_for(line.count, "the call takes effect")
    assert (at_once, line.count()) == (0, 1)


def test_dropped_call_may_be_applied_after_a_while(line: Line) -> None:
    with pytest.raises(requests.ConnectionError):
        line.add("drop_then_apply", ms=5)

    wait_for(line.count, "the call takes effect")
    assert line.count() == 1


def test_dropped_call_that_would_be_later_than_it_may_is_never_applied(line: Line) -> None:
    with pytest.raises(requests.ConnectionError):
        line.add("drop_then_apply", ms=20, within_ms=10)
    with pytest.raises(requests.ConnectionError):
        line.add("drop_then_apply", ms=40)

    wait_for(line.count, "the later call takes effect")
    assert line.count() == 1


def test_drip_sends_headers_and_body_byte_by_byte(line: Line) -> None:
    began = time.monotonic()

    answer = line.add("drip", ms=2)

    size = sum(len(f"{name}: {value}\r\n") for name, value in answer.headers.items())
    size += len(answer.content)
    assert answer.status_code == 201
    assert len(answer.content) > 50
    assert time.monotonic() - began >= size * 0.002
    assert line.count() == 1


def test_latency_delays_the_normal_answer(line: Line) -> None:
    began = time.monotonic()

    answer = line.add("latency", ms=300)

    assert answer.status_code == 201
    assert time.monotonic() - began >= 0.3


def test_latency_without_a_length_lasts_until_the_script_is_replaced(line: Line) -> None:
    with ThreadPoolExecutor(1) as pool:
        answer = pool.submit(line.add, "latency", ms=None)
        line.store.wait_for_calls(2)
        held = line.count()
        line.store.fail()
        applied = answer.result(60)

    assert applied.status_code == 201
    assert (held, line.count()) == (0, 1)


def test_status_is_answered_and_nothing_applied(line: Line) -> None:
    answer = line.add("status", status=429, retry_after=3)

    assert (answer.status_code, answer.headers["Retry-After"]) == (429, "3")
    assert line.count() == 0


@pytest.mark.parametrize(
    ("fault", "sign"),
    [
        ("html", b"<html>"),
        ("trailing_comma", b",}"),
        ("wrong_shape", b"Nested"),
        ("huge", b"x" * 1_100_000),
    ],
)
def test_answer_of_an_applied_call_is_corrupted(line: Line, fault: str, sign: bytes) -> None:
    answer = line.add(fault)

    assert sign in answer.content
    assert line.count() == 1


def test_gzip_bomb_is_small_on_the_wire(line: Line) -> None:
    answer = line.add("gzip_bomb")

    raw = answer.raw.read(decode_content=False)
    assert answer.headers["Content-Encoding"] == "gzip"
    assert len(raw) < 1024 * 1024


def test_redirect_leads_elsewhere(line: Line) -> None:
    answer = line.add("redirect", to="http://127.0.0.1:9/")

    assert (answer.status_code, answer.headers["Location"]) == (302, "http://127.0.0.1:9/")
    assert line.count() == 0


def test_gone_cart_stays_gone(line: Line) -> None:
    first = line.add("gone")
    again = requests.get(f"{line.base}/{line.key}", headers=KEYS, timeout=60)

    assert (first.status_code, again.status_code) == (404, 404)
    assert [cart["state"] for cart in line.store.carts("gone")] == ["gone"]


def test_script_is_followed_in_order_and_counted_down(line: Line) -> None:
    anything = {"method": "*", "path": "*"}
    line.store.fail(
        {**anything, "fault": "status", "status": 500, "times": 2},
        {
            "method": "POST",
            "path": "/StoreSettings",
            "fault": "status",
            "status": 418,
            "times": None,
        },
    )
    url = f"{line.store.url}/3dCartWebAPI/v1/StoreSettings"

    answers = [requests.get(url, headers=KEYS, timeout=60).status_code for _ in range(3)]
    posted = requests.post(url, headers=KEYS, timeout=60).status_code

    assert answers == [500, 500, 200]
    assert posted == 418
