"""Whatever the store, even a hijacked one, answers: a usable result or a typed error."""

from __future__ import annotations

import dataclasses
import gzip
import io
import json
import sys
import tracemalloc
from collections.abc import Iterator
from contextlib import contextmanager
from decimal import Decimal
from typing import Any

import pytest
import requests
from hypothesis import example, given, settings
from hypothesis import strategies as st
from requests.adapters import HTTPAdapter

from cartproxy.deadline import Deadline
from cartproxy.model.cart import Addresses, Currency, NewItem
from cartproxy.store.client import StoreClient
from cartproxy.store.errors import StoreBadResponse, StoreError, StoreUnreachable
from cartproxy.store.exchange import Exchange
from cartproxy.store.text import plain_text
from cartproxy.store.transport import MAX_ANSWER_BYTES, Answer, StoreTransport

SHOP = "https://shop.example"
# On a busy machine the time of an example says nothing.
many = settings(deadline=None, max_examples=500)


class Wire(HTTPAdapter):
    """Its connections answer every call with the same bytes."""

    answer = b""
    early = False

    def pool(self, *_: object) -> Wire:
        return self

    @contextmanager
    def exchange(self, request: bytes, _: float, ends: float) -> Iterator[Exchange]:
        peer = Peer(self.answer)
        peer.asked = self.early
        yield Exchange(peer, request, ends)  # type: ignore[arg-type]


class Peer(io.BytesIO):
    """The part of a socket that is used: answers a request, then hangs up."""

    asked = False

    def recv(self, size: int) -> bytes:
        if not self.asked:
            raise BlockingIOError
        return self.read(size)

    def send(self, request: bytes) -> int:
        self.asked = True
        return len(request)

    def settimeout(self, seconds: float) -> None:
        """Never late."""


class Ungoverned:
    """The transport without its budget and breaker."""

    def __init__(self, transport: StoreTransport) -> None:
        self._transport = transport

    def call(self, method: str, path: str, _: Any, body: object = None, **more: Any) -> Answer:
        return self._transport.call(method, path, Deadline.after(60), body, **more)


WIRE = Wire()
_session = requests.Session()
_session.mount(SHOP, WIRE)
CLIENT = StoreClient(
    Ungoverned(  # type: ignore[arg-type]
        StoreTransport(
            _session, base_url=SHOP, secret_headers={}, connect_seconds=60, call_seconds=60
        )
    ),
    shop_url=SHOP,
    checkout_hosts=["shop.example"],
    currency=Currency("USD"),
)
NO_ALLOWANCE: Any = None
EMAIL = "ann@shop.example"
CALLS = {
    "create_cart": lambda: CLIENT.create_cart(Addresses(), NO_ALLOWANCE),
    "get_cart": lambda: CLIENT.get_cart("k", NO_ALLOWANCE),
    "delete_cart": lambda: CLIENT.delete_cart("k", NO_ALLOWANCE),
    "add_item": lambda: CLIENT.add_item("k", NewItem(1), NO_ALLOWANCE),
    "change_item": lambda: CLIENT.change_item("k", "1", Decimal(2), NO_ALLOWANCE),
    "remove_item": lambda: CLIENT.remove_item("k", "1", NO_ALLOWANCE),
    "get_product": lambda: CLIENT.get_product(1, NO_ALLOWANCE),
    "get_order": lambda: CLIENT.get_order(1, NO_ALLOWANCE),
    "find_customers": lambda: CLIENT.find_customers(EMAIL, NO_ALLOWANCE),
    "create_customer": lambda: CLIENT.create_customer(EMAIL, NO_ALLOWANCE),
}


def give(body: object, status: int = 200, *, length: bool = True, **headers: str) -> None:
    """Prepare this answer; without a length, it ends with the connection."""
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    if length:
        headers["Content-Length"] = str(len(content))
    head = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    WIRE.answer = f"HTTP/1.1 {status} \r\n{head}\r\n".encode() + content


def texts(value: object) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for each in value.values():
            yield from texts(each)
    elif isinstance(value, (list, tuple)):
        for each in value:
            yield from texts(each)


def assert_usable_or_typed(call: str) -> None:
    """What comes out can be answered as JSON and put into a header, or it is a StoreError."""
    try:
        result = CALLS[call]()
    except StoreError as error:
        result = error.detail
    found = dataclasses.asdict(result) if dataclasses.is_dataclass(result) else result  # type: ignore[call-overload]
    for text in texts(found):
        text.encode()
        assert not any(ord(letter) < 32 or 127 <= ord(letter) < 160 for letter in text), repr(text)


NAMES = [
    "OrderKey", "CheckoutURL", "CartItemList", "CatalogID", "CartItemID", "ItemID", "ItemQuantity",
    "ItemDescription", "ItemUnitPrice", "ItemOptionPrice", "ItemImage1", "Key", "Value", "Status",
    "Message", "SKUInfo", "SKU", "Name", "Price", "Stock", "OnSale", "SalePrice", "MainImageFile",
    "ProductLink", "OptionSetList", "OptionSetID", "OptionSetName", "OptionType", "OptionList",
    "OptionID", "OptionName", "OptionValue", "OptionImagePath", "OptionSorting",
    "AdvancedOptionList", "AdvancedOptionStock", "InventoryControl", "MinimumQuantity", "Hide",
    "BillingFirstName", "AdvancedOptionCode", "AdvancedOptionPrice", "AdvancedOptionSufix",
    "OptionSizeLimit", "QuantityOptions", "AllowOnlyMultiples", "AllowFractionalQuantity",
    "OrderID", "OrderStatusID", "ContinueURL", "OrderItemList", "ItemIndexID", "CustomerID", "Enabled",
]  # fmt: skip
LEAVES = (
    st.none()
    | st.booleans()
    | st.integers(-(10**40), 10**40)
    | st.floats()
    | st.text(max_size=12)
    | st.text(alphabet=st.characters(min_codepoint=0xD7FF, max_codepoint=0xE001), max_size=3)
    | st.sampled_from(
        ["1", "1e400", "-0", "NaN", "sNaN", "\u0663", "1_0", "OrderKey", "CartItemID", "Error",
         "https://shop.example/x", "https://shop.example/\r\nSet-Cookie: a=b", "//[", "http://[::1",
         "1,234.50", "4-5", "2,4,8", "Text", "Checkbox", "javascript:alert(1)", "<![", "<b>Size:</b>&nbsp;M", "&#99999999;", "../..", "a" * 300]
    )
)  # fmt: skip
SHAPES = st.recursive(
    LEAVES,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(NAMES) | st.text(max_size=4), inner, max_size=7)
    ),
    max_leaves=25,
)
LINE = {"CatalogID": 1, "CartItemID": 2, "ItemQuantity": 1, "ItemUnitPrice": 1}
CART = {"OrderKey": "k", "CartItemList": [LINE]}


@many
@given(st.sampled_from(list(CALLS)), st.binary(max_size=200), st.integers(200, 599))
@example("get_cart", b"", 200)
@example("get_cart", b"\xef\xbb\xbf{}", 200)
@example("get_cart", b'{"a":' * 5000, 200)
@example("get_cart", b"9" * 5000, 200)
@example(
    "get_cart", b'[{"OrderKey":"k","CartItemList":[{"ItemQuantity":1e999999999999999999}]}]', 200
)
def test_any_bytes_under_any_status(call: str, body: bytes, status: int) -> None:
    give(body, status)

    assert_usable_or_typed(call)


@many
@given(st.sampled_from(list(CALLS)), SHAPES)
@example("add_item", {"Key": "CartItemID", "Value": "\ud800"})
@example("add_item", {"Key": "CartItemID", "Value": "7/../../Cart"})
@example("create_cart", {"Key": "OrderKey", "Value": "k\r\nX: y"})
@example("get_cart", {"OrderKey": "k", "CartItemList": [LINE | {"ItemImage1": "\ud800.png"}]})
@example("get_cart", {"OrderKey": "k", "CartItemList": [LINE | {"ItemImage1": "a\x01\x7fb"}]})
@example("get_cart", {"OrderKey": "k", "CheckoutURL": "https://shop.example/\r\nSet-Cookie: a=b"})
@example(
    "get_cart",
    {"OrderKey": "k", "CartItemList": [LINE | {"ItemDescription": "&#" + "9" * 5000 + ";"}]},
)
@example("get_cart", {"OrderKey": "k", "CartItemList": [LINE | {"CartItemID": "9" * 30}]})
@example("get_order", {"OrderID": 1, "ContinueURL": "https://shop.example/?orderkey=\ud800"})
@example("create_customer", {"Key": "CustomerID", "Value": "one"})
@example("create_customer", {"Key": "CustomerID", "Value": "9" * 60})
def test_any_json(call: str, body: object) -> None:
    give(body)

    assert_usable_or_typed(call)


@many
@given(st.dictionaries(st.sampled_from(NAMES), SHAPES, max_size=12))
def test_any_line_in_a_cart_and_any_member_of_a_product_order_or_customer(
    members: dict[str, object],
) -> None:
    give({"OrderKey": "k", "CartItemList": [LINE | members]})
    assert_usable_or_typed("get_cart")

    give(
        {
            "SKUInfo": {"CatalogID": 1, "Price": 1} | members,
            "OptionSetList": [{"OptionSetID": 1} | members],
        }
    )
    assert_usable_or_typed("get_product")

    give({"OrderID": 1, "OrderItemList": [LINE | members]} | members)
    assert_usable_or_typed("get_order")

    give([{"CustomerID": 1, "Email": EMAIL} | members])
    assert_usable_or_typed("find_customers")


@pytest.mark.parametrize("field", ["ItemDescription", "ItemID", "CartItemID", "ItemImage1"])
def test_text_of_another_type_is_a_bad_answer_at_any_depth(field: str) -> None:
    for depth in (1, *range(800, 1000, 3)):
        nested: Any = f'{{"OrderKey":"k","CartItemList":[{{"CatalogID":1,"CartItemID":2,"{field}":'
        give((nested + "[" * depth + "]" * depth + "}]}").encode())

        with pytest.raises(StoreBadResponse):
            CALLS["get_cart"]()


def test_answer_before_its_request_is_not_trusted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(WIRE, "early", True)
    give([{"Key": "CartItemID", "Value": "7"}], 201)

    with pytest.raises(StoreUnreachable):
        CALLS["add_item"]()


MARKUP = ["<!--", "<![CDATA[", "<a ", "</", "<!", "<?", "&a", "<a b='", '<a b="', "<", "<b>", "<div>",
          "<p>x", "<b></p>", "<table><tr><td>", "<svg>", "<!DOCTYPE", "&#x41;", "<li>x<br>"]  # fmt: skip


def lines_read(value: str) -> int:
    """The lines of Python that run while a cart is read whose every line has this description."""
    line = LINE | {"ItemDescription": value}
    cart = {"OrderKey": "k", "CartItemList": [line | {"CartItemID": at} for at in range(90)]}
    give(json.dumps(cart).encode())
    counted = 0

    def count(frame: Any, event: str, _: Any) -> Any:
        nonlocal counted
        counted += event == "line"
        return count

    sys.settrace(count)
    try:
        snapshot = CLIENT.get_cart("k", NO_ALLOWANCE)
    finally:
        sys.settrace(None)
    assert len(snapshot.items) == 90
    assert all(each.name for each in snapshot.items)
    return counted


@pytest.mark.parametrize("part", MARKUP)
def test_descriptions_made_to_take_long_cost_one_budget_of_all_lines_together(part: str) -> None:
    short = lines_read(part * (900 // len(part)))
    long = lines_read(part * (9_000 // len(part)))

    assert long < 3 * short + 10_000


@pytest.mark.parametrize("part", MARKUP)
def test_nothing_is_read_of_a_text_behind_its_first_eight_thousand_characters(part: str) -> None:
    first = plain_text((part * 10_000)[:8_000])

    assert plain_text(part * 100_000) == first
    assert plain_text("a" * 8_000 + part * 100_000) == "a" * 8_000


@pytest.mark.parametrize("empty", ["{}", '{"a":{}}', '[{"b":[{}]}]'])
def test_answer_of_too_many_objects_is_refused_before_it_is_read(empty: str) -> None:
    give(f'{{"OrderKey":"k","CartItemList":[{",".join([empty] * 6_000)}]}}'.encode())

    with pytest.raises(StoreBadResponse, match="objects"):
        CALLS["get_cart"]()


@pytest.mark.parametrize("length", [True, False])
def test_answer_over_a_mebibyte_is_refused_with_bounded_memory(length: bool) -> None:
    give(b'{"OrderKey":"k","x":"' + b"x" * (64 * MAX_ANSWER_BYTES) + b'"}', length=length)
    tracemalloc.start()
    try:
        with pytest.raises(StoreBadResponse, match="1 MiB"):
            CALLS["get_cart"]()
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()

    assert peak < 8 * MAX_ANSWER_BYTES


@pytest.mark.parametrize("encoding", ["gzip", "GZIP", "deflate", "br", "x-gzip", "identity, gzip"])
@pytest.mark.parametrize("status", [200, 404])
def test_gzip_bomb_is_never_unpacked(encoding: str, status: int) -> None:
    give(gzip.compress(b" " * 100 * MAX_ANSWER_BYTES), status, **{"Content-Encoding": encoding})
    tracemalloc.start()
    try:
        with pytest.raises(StoreError):
            CALLS["get_cart"]()
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()

    assert peak < 8 * MAX_ANSWER_BYTES
