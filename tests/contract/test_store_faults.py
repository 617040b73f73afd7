"""The simulated store's faults: each does what its name says, on the wire and to the cart."""

from __future__ import annotations

import json
import socket
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlsplit

import pytest
import requests
from support.shopper import KEYS, MUG, SHIRT, Store
from support.waiting import ANSWER_SECONDS, wait_for


class Line:
    """A cart at the store, to which an item is added under a fault."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.base = f"{store.url}/3dCartWebAPI/v2/Cart"
        answer = requests.post(self.base, json={}, headers=KEYS, timeout=ANSWER_SECONDS)
        self.key = answer.json()[0]["Value"]

    def add(self, fault: str, **more: Any) -> requests.Response:
        entry = {"method": "POST", "path": "/Cart/*/Item", "fault": fault, "times": 1, **more}
        self.store.fail(entry)
        return requests.post(
            f"{self.base}/{self.key}/Item",
            json={"CatalogID": MUG, "ItemQuantity": 1},
            headers=KEYS,
            timeout=ANSWER_SECONDS,
            allow_redirects=False,
            stream=True,
        )

    def call(self, method: str, path: str, json: Any = None) -> Any:
        answer = requests.request(
            method, f"{self.base}/{self.key}{path}", json=json, headers=KEYS, timeout=ANSWER_SECONDS
        )
        return answer.json()

    def lines(self) -> list[dict[str, Any]]:
        (cart,) = [each for each in self.store.carts() if each["order_key"] == self.key]
        lines: list[dict[str, Any]] = cart["lines"]
        return lines

    def count(self) -> int:
        return len(self.lines())


@pytest.fixture
def line(store: Store) -> Line:
    return Line(store)


@pytest.mark.parametrize(("fault", "applied"), [("drop", 0), ("apply_then_drop", 1), ("reset", 0)])
def test_connection_ends_without_an_answer(line: Line, fault: str, applied: int) -> None:
    with pytest.raises(requests.ConnectionError):
        line.add(fault)

    assert line.count() == applied
    assert (
        requests.get(f"{line.store.url}/_sandbox/calls", timeout=ANSWER_SECONDS).json()[-1][
            "status"
        ]
        is None
    )


def test_reset_is_a_real_one(line: Line) -> None:
    line.store.fail({"method": "*", "path": "*", "fault": "reset", "times": 1})
    host = urlsplit(line.store.url)
    with socket.create_connection((host.hostname, host.port), timeout=ANSWER_SECONDS) as client:
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
    again = requests.get(f"{line.base}/{line.key}", headers=KEYS, timeout=ANSWER_SECONDS)

    assert (first.status_code, again.status_code) == (404, 404)
    assert [cart["state"] for cart in line.store.carts("gone")] == ["gone"]


@pytest.mark.parametrize("fault", ["add", "change"])
def test_quantity_is_altered_and_answered_as_usual(line: Line, fault: str) -> None:
    item_id = line.add("latency", ms=0).json()[0]["Value"]
    line.store.fail({"fault": "alters_quantity", "to": 5, "times": 1})
    path, quantity = ("/Item", {"CatalogID": MUG}) if fault == "add" else (f"/Item/{item_id}", {})
    method = "POST" if fault == "add" else "PUT"

    (envelope,) = line.call(method, path, {**quantity, "ItemQuantity": 2})

    changed = line.lines()[-1]
    assert (envelope["Key"], envelope["Value"]) == ("CartItemID", changed["item_id"])
    assert changed["quantity"] == 5


def test_altered_call_may_lose_its_answer_too(line: Line) -> None:
    with pytest.raises(requests.ConnectionError):
        line.add("alters_quantity", to=5, then="drop")

    assert [each["quantity"] for each in line.lines()] == [5]


def test_invented_id_is_confirmed_and_nothing_added(line: Line) -> None:
    answer = line.add("invents_id")

    (envelope,) = answer.json()
    assert answer.status_code == 201
    assert (envelope["Key"], envelope["Value"]) == ("CartItemID", "999999")
    assert line.count() == 0


@pytest.mark.parametrize("others", [True, False], ids=["another", "none-other"])
def test_another_carts_answer_is_given_to_a_look(store: Store, others: bool) -> None:
    theirs = Line(store) if others else None
    line = Line(store)
    line.add("latency", ms=0)
    line.store.fail({"method": "GET", "fault": "other_cart", "times": 1})

    (cart,), (right,) = line.call("GET", ""), line.call("GET", "")

    assert right["OrderKey"] == line.key
    assert cart["OrderKey"] != line.key
    assert cart["OrderKey"] in cart["CheckoutURL"]
    if theirs:
        assert (cart["OrderKey"], cart["CartItemList"]) == (theirs.key, [])


@pytest.mark.parametrize("others", [True, False], ids=["another", "none-other"])
def test_another_carts_envelope_is_given_to_a_write_that_takes_effect(
    store: Store, others: bool
) -> None:
    theirs = Line(store) if others else None
    their_item = theirs.add("latency", ms=0).json()[0]["Value"] if theirs else None
    line = Line(store)
    store.fail({"fault": "other_cart", "times": None})

    added = line.add("other_cart", times=None).json()[0]
    store.fail({"fault": "other_cart", "times": None})
    item_id = line.lines()[0]["item_id"]
    changed = line.call("PUT", f"/Item/{item_id}", {"ItemQuantity": 3})[0]
    after_change = line.lines()
    addressed = line.call("PUT", "", {"BillingCity": "Bonn"})[0]
    removed = line.call("DELETE", f"/Item/{item_id}")[0]
    after_removal = line.lines()
    deleted = line.call("DELETE", "")[0]
    created = requests.post(line.base, json={}, headers=KEYS, timeout=ANSWER_SECONDS).json()[0]

    assert [each["quantity"] for each in after_change] == [3]
    assert after_removal == []
    assert [cart["order_key"] for cart in store.carts("gone")] == [line.key]
    assert all(each["Value"] != item_id for each in (added, changed, removed))
    assert all(each["Value"] != line.key for each in (addressed, deleted))
    assert created["Value"] not in [cart["order_key"] for cart in store.carts()[-1:]]
    if theirs:
        assert all(each["Value"] == their_item for each in (added, changed, removed))
        assert all(each["Value"] == theirs.key for each in (addressed, deleted, created))


def test_another_products_answer_is_given(store: Store) -> None:
    store.fail({"fault": "other_cart", "times": 1})
    url = f"{store.url}/3dCartWebAPI/v2/Products/{SHIRT}"

    (product,) = requests.get(url, headers=KEYS, timeout=ANSWER_SECONDS).json()

    assert product["SKUInfo"]["CatalogID"] != SHIRT


class Wire:
    """One kept connection to the store, and what comes over it, one answer after the other."""

    def __init__(self, client: socket.socket, line: Line) -> None:
        self._client = client
        self._answers = client.makefile("rb")
        self._line = line

    def ask(self, method: str, path: str, body: Any = None) -> None:
        sent = json.dumps(body).encode() if body is not None else b""
        fields = [*KEYS.items(), ("Host", "store"), ("Content-Length", str(len(sent)))]
        lines = [f"{method} /3dCartWebAPI/v2/Cart/{self._line.key}{path} HTTP/1.1"]
        lines += [f"{name}: {value}" for name, value in fields]
        self._client.sendall("\r\n".join([*lines, "", ""]).encode() + sent)

    def answer(self) -> Any:
        length = 0
        while line := self._answers.readline().strip():
            name, _, value = line.decode().partition(": ")
            length = int(value) if name.lower() == "content-length" else length
        return json.loads(self._answers.read(length))


@contextmanager
def wire(line: Line) -> Iterator[Wire]:
    host = urlsplit(line.store.url)
    with socket.create_connection((host.hostname, host.port), timeout=ANSWER_SECONDS) as client:
        yield Wire(client, line)


def test_answer_comes_twice_over_a_connection_that_is_kept(line: Line) -> None:
    line.store.fail({"method": "GET", "fault": "twice", "ms": 20, "times": 1})
    with wire(line) as connection:
        connection.ask("GET", "")
        first, second = connection.answer(), connection.answer()
        connection.ask("POST", "/Item", {"CatalogID": MUG, "ItemQuantity": 1})
        after = connection.answer()

    assert first[0]["OrderKey"] == line.key
    assert second == first
    assert after[0]["Key"] == "CartItemID"


def test_second_answer_may_wait_for_the_next_call_on_its_connection(line: Line) -> None:
    line.store.fail({"method": "GET", "fault": "twice", "times": 1})
    with wire(line) as connection:
        connection.ask("GET", "")
        first = connection.answer()
        on_another = line.call("DELETE", "/Item/1")
        connection.ask("POST", "/Item", {"CatalogID": MUG, "ItemQuantity": 1})
        stale, answer = connection.answer(), connection.answer()

    assert on_another[0]["Key"] == "Error"
    assert stale == first
    assert answer[0]["Key"] == "CartItemID"
    assert line.count() == 1


def test_second_answer_is_forgotten_with_the_script(line: Line) -> None:
    line.store.fail({"method": "GET", "fault": "twice", "times": 1})
    with wire(line) as connection:
        connection.ask("GET", "")
        connection.answer()
        line.store.fail()
        connection.ask("DELETE", "/Item/1")
        answer = connection.answer()

    assert answer[0]["Key"] == "Error"


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

    answers = [
        requests.get(url, headers=KEYS, timeout=ANSWER_SECONDS).status_code for _ in range(3)
    ]
    posted = requests.post(url, headers=KEYS, timeout=ANSWER_SECONDS).status_code

    assert answers == [500, 500, 200]
    assert posted == 418
