"""The store's calls, one by one: what is sent, and what each answer means."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from decimal import Decimal
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

import fakeredis
import pytest

from cartproxy.deadline import Deadline
from cartproxy.errors import Outcome
from cartproxy.model.cart import Addresses, ChosenOption, Currency, NewItem
from cartproxy.store.breaker import Breaker
from cartproxy.store.client import StoreClient
from cartproxy.store.errors import (
    StoreAuth,
    StoreBadResponse,
    StoreBusy,
    StoreError,
    StoreFailed,
    StoreNotFound,
    StoreRejected,
)
from cartproxy.store.guard import GuardedTransport
from cartproxy.store.limits import Allowance, Budget
from cartproxy.store.sessions import new_session
from cartproxy.store.transport import StoreTransport

MUG = NewItem(3829)
SECRETS = {
    "SecureURL": "https://shop.example",
    "PrivateKey": "5ec2e7" * 6,
    "Token": "tk",
    "Authorization": "Bearer " + "acce55" * 6,
}


@dataclass
class Api:
    """A server that gives one answer to everything, and keeps its requests."""

    url: str = ""
    status: int = 200
    body: bytes = b"{}"
    headers: dict[str, str] = field(default_factory=dict)
    calls: list[tuple[str, str, Any]] = field(default_factory=list)
    connections: list[tuple[str, int]] = field(default_factory=list)  # one for each call
    sent_headers: dict[str, str] = field(default_factory=dict)

    def answers(self, body: Any, status: int = 200, **headers: str) -> None:
        self.body = body if isinstance(body, bytes) else json.dumps(body).encode()
        self.status, self.headers = status, headers

    def confirms(self, key: str, value: str, status: int = 200) -> None:
        self.answers([envelope(key, value)], status)


def envelope(
    key: str, value: str = "", status: object = "201", message: str = ""
) -> dict[str, Any]:
    return {"Key": key, "Value": value, "Status": status, "Message": message}


def handler_for(api: Api) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def answer(self) -> None:
            sent = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            api.calls.append((self.command, self.path, json.loads(sent) if sent else None))
            api.connections.append(self.client_address)
            api.sent_headers = dict(self.headers)
            self.send_response(api.status)
            for name, value in api.headers.items():
                self.send_header(name.replace("_", "-"), value)
            self.send_header("Content-Length", str(len(api.body)))
            self.end_headers()
            self.wfile.write(api.body)

        do_GET = do_POST = do_PUT = do_DELETE = answer

        def log_message(self, *_: Any) -> None:
            """Keep quiet."""

    return Handler


class Server(ThreadingHTTPServer):
    """Logs nothing about connections that the client closes."""

    daemon_threads = True

    def handle_error(self, *_: object) -> None:
        """Keep quiet."""


@pytest.fixture
def api() -> Iterator[Api]:
    api = Api()
    with Server(("127.0.0.1", 0), handler_for(api)) as server:
        api.url = f"http://127.0.0.1:{server.server_address[1]}"
        Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        yield api
        server.shutdown()


@pytest.fixture
def client(api: Api) -> Iterator[StoreClient]:
    with new_session(4) as session:
        transport = StoreTransport(
            session,
            base_url=f"{api.url}/v2",
            secret_headers=SECRETS,
            connect_seconds=60,
            call_seconds=60,
        )
        budget = Budget(
            fakeredis.FakeRedis(protocol=2), store_id="demo", rate=1000, burst=99, wait_seconds=60
        )
        yield StoreClient(
            GuardedTransport(
                transport, budget, Breaker(failures=99, open_seconds=9), concurrency=4
            ),
            shop_url="https://shop.example/",
            checkout_hosts=("shop.example", "pay.example:8443", "localhost:8001"),
            currency=Currency("USD"),
        )


@pytest.fixture
def allowance(client: StoreClient) -> Allowance:
    return client.allow(1, Deadline.after(60))


def test_new_cart_is_the_documented_object_of_empty_strings(
    api: Api, client: StoreClient, allowance: Allowance
) -> None:
    api.confirms("OrderKey", "6F027F81ggx48to", 201)

    order_key = client.create_cart(Addresses(billing={"first_name": "Ada"}), allowance)

    ((method, path, sent),) = api.calls
    assert order_key == "6F027F81ggx48to"
    assert (method, path) == ("POST", "/v2/Cart")
    assert len(sent) == 22
    assert {name: text for name, text in sent.items() if text} == {"BillingFirstName": "Ada"}


def test_every_call_carries_the_stores_headers_and_writes_their_type(
    api: Api, client: StoreClient, allowance: Allowance
) -> None:
    api.confirms("CartItemID", "7", 201)

    client.add_item("key", MUG, allowance)

    for name, value in {
        **SECRETS,
        "Accept": "application/json",
        "Accept-Encoding": "identity",
        "Content-Type": "application/json",
    }.items():
        assert api.sent_headers[name] == value


def test_only_changed_address_fields_are_sent(
    api: Api, client: StoreClient, allowance: Allowance
) -> None:
    api.confirms("OrderKey", "key")

    client.update_cart("key", Addresses({"phone": "1"}, {"phone": "2", "zip_code": "3"}), allowance)

    sent = {"BillingPhoneNumber": "1", "ShipmentPhone": "2", "ShipmentZipCode": "3"}
    assert api.calls == [("PUT", "/v2/Cart/key", sent)]


@pytest.mark.parametrize(
    ("item", "sent"),
    [
        (MUG, {"CatalogID": 3829, "ItemQuantity": 1}),
        (NewItem(1, Decimal("2.0")), {"CatalogID": 1, "ItemQuantity": 2}),
        (NewItem(1, Decimal("0.25")), {"CatalogID": 1, "ItemQuantity": 0.25}),
        (NewItem(1, Decimal(1), (ChosenOption(4, 5, "L"), ChosenOption(6, 7))),
         {"CatalogID": 1, "ItemQuantity": 1, "ItemOptions": [
             {"OptionSetID": 4, "OptionID": 5, "OptionValue": "L"},
             {"OptionSetID": 6, "OptionID": 7, "OptionValue": ""}]}),
    ],
    ids=["plain", "whole", "fraction", "options"],
)  # fmt: skip
def test_item_is_sent_exactly(
    api: Api, client: StoreClient, allowance: Allowance, item: NewItem, sent: dict[str, Any]
) -> None:
    api.confirms("CartItemID", "7", 201)

    item_id = client.add_item("key", item, allowance)

    assert item_id == "7"
    assert api.calls == [("POST", "/v2/Cart/key/Item", sent)]


def test_changes_and_removals_are_confirmed_in_either_spelling(
    api: Api, client: StoreClient, allowance: Allowance
) -> None:
    api.confirms("CartItemID", "7")
    client.change_item("key", "7", Decimal("3"), allowance)
    api.confirms("CartItemId", "7")
    client.remove_item("key", "7", allowance)
    api.confirms("OrderKey", "key")
    client.delete_cart("key", allowance)

    assert api.calls == [
        ("PUT", "/v2/Cart/key/Item/7", {"ItemQuantity": 3}),
        ("DELETE", "/v2/Cart/key/Item/7", None),
        ("DELETE", "/v2/Cart/key", None),
    ]


# Fault 43: an answer belongs to its question.
ENVELOPE_CALLS = {
    "update": ("OrderKey", "key", lambda client, may: client.update_cart("key", Addresses(), may)),
    "delete": ("OrderKey", "key", lambda client, may: client.delete_cart("key", may)),
    "change": ("CartItemID", "7", lambda client, may: client.change_item("key", "7", Decimal(2), may)),
    "remove": ("CartItemId", "7", lambda client, may: client.remove_item("key", "7", may)),
}  # fmt: skip
of_each_write = pytest.mark.parametrize(
    ("name", "asked", "call"), ENVELOPE_CALLS.values(), ids=ENVELOPE_CALLS.keys()
)


@of_each_write
def test_write_is_confirmed_by_the_id_that_was_asked_for(
    api: Api, client: StoreClient, allowance: Allowance, name: str, asked: str, call: Any
) -> None:
    value = int(asked) if asked.isdigit() else asked
    api.answers([envelope(name) | {"Value": value}])

    call(client, allowance)
    api.confirms(name, asked)
    call(client, allowance)

    assert len(api.calls) == 2


@of_each_write
@pytest.mark.parametrize("value", ["other", "70", "07", "KEY", ""])
def test_write_that_confirms_another_id_is_unknown_and_closes_the_connection(
    api: Api, client: StoreClient, allowance: Allowance, name: str, asked: str, call: Any, value: str
) -> None:  # fmt: skip
    api.confirms(name, value)
    with pytest.raises(StoreBadResponse) as caught:
        call(client, allowance)
    api.confirms(name, asked)
    call(client, allowance)

    assert caught.value.outcome is Outcome.UNKNOWN
    assert not caught.value.answered  # the answer to this call may still be on its way
    assert len(set(api.connections)) == len(api.calls) == 2


@pytest.mark.parametrize(
    "look",
    [lambda client, may: client.get_cart("key", may), lambda client, may: client.get_product(1, may)],
    ids=["cart", "product"],
)  # fmt: skip
def test_reading_with_another_id_is_a_bad_response_and_closes_the_connection(
    api: Api, client: StoreClient, allowance: Allowance, look: Any
) -> None:
    api.answers([{"OrderKey": "other", "SKUInfo": {"CatalogID": 2}}])
    with pytest.raises(StoreBadResponse) as caught:
        look(client, allowance)
    api.answers([{"OrderKey": "key", "SKUInfo": {"CatalogID": 1, "Price": 1}}])
    look(client, allowance)

    assert caught.value.outcome is Outcome.NOT_APPLIED
    assert len(set(api.connections)) == len(api.calls) == 2


def test_new_carts_key_is_new(api: Api, client: StoreClient, allowance: Allowance) -> None:
    api.confirms("OrderKey", "first", 201)
    client.create_cart(Addresses(), allowance)
    api.confirms("OrderKey", "second")
    client.update_cart("second", Addresses(), allowance)

    for known in ("first", "second"):
        api.confirms("OrderKey", known, 201)
        with pytest.raises(StoreBadResponse):
            client.create_cart(Addresses(), allowance)


def test_line_belongs_to_one_cart_only(api: Api, client: StoreClient, allowance: Allowance) -> None:
    api.confirms("CartItemID", "7", 201)
    added = [client.add_item("key", MUG, allowance)]
    with pytest.raises(StoreBadResponse):
        client.add_item("key", MUG, allowance)
    client.was_seen_to_merge = True
    added += [client.add_item("key", MUG, allowance)]
    api.confirms("CartItemID", "8")
    client.change_item("key", "8", Decimal(2), allowance)

    assert added == ["7", "7"]
    for known in ("7", "8"):
        api.confirms("CartItemID", known, 201)
        with pytest.raises(StoreBadResponse) as caught:
            client.add_item("another", MUG, allowance)
        assert caught.value.outcome is Outcome.UNKNOWN


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (400, [envelope("Error", status="400")]),
        (404, b""),
        (200, [envelope("Error", status="404")]),
    ],
)
def test_connection_is_not_kept_after_an_error(
    api: Api, client: StoreClient, allowance: Allowance, status: int, body: Any
) -> None:
    api.answers(body, status)
    with pytest.raises(StoreError):
        client.get_cart("key", allowance)
    api.answers([{"OrderKey": "key"}])
    client.get_cart("key", allowance)
    api.confirms("OrderKey", "key")
    client.delete_cart("key", allowance)

    first, second, third = api.connections
    assert first != second
    assert second == third


@pytest.mark.parametrize(
    "order_key", ["../Orders", "a/b", "a?b", "a#b", "a b", "a%2fb", "k\n", "\u0663", "x" * 65]
)
def test_order_key_that_would_change_the_path_is_not_used(
    api: Api, client: StoreClient, allowance: Allowance, order_key: str
) -> None:
    api.confirms("OrderKey", order_key, 201)

    with pytest.raises(StoreBadResponse) as caught:
        client.create_cart(Addresses(), allowance)

    assert caught.value.outcome is Outcome.UNKNOWN
    assert order_key not in caught.value.detail


@pytest.mark.parametrize(
    "body",
    [{}, [], [{}], None, "7", [envelope("OrderKey", "7")], [envelope("CartItemID", "")],
     [{"Key": "CartItemID", "Value": None}], [{"Key": "CartItemID", "Value": True}],
     [{"Key": "CartItemID", "Value": {"a": 1}}], [envelope("CartItemID", "7")] * 2],
    ids=repr,
)  # fmt: skip
def test_success_that_confirms_nothing_leaves_the_outcome_unknown(
    api: Api, client: StoreClient, allowance: Allowance, body: Any
) -> None:
    api.answers(body, 201)

    with pytest.raises(StoreBadResponse) as caught:
        client.add_item("key", MUG, allowance)

    assert caught.value.outcome is Outcome.UNKNOWN


@pytest.mark.parametrize(
    ("status", "body", "error", "outcome"),
    [
        (400, [envelope("Error", status="400", message="x")], StoreRejected, Outcome.NOT_APPLIED),
        (422, {"Message": "x"}, StoreRejected, Outcome.NOT_APPLIED),
        (400, b"<html>Bad</html>", StoreRejected, Outcome.NOT_APPLIED),
        (400, b"", StoreRejected, Outcome.NOT_APPLIED),
        (401, [envelope("Error", status="401")], StoreAuth, Outcome.NOT_APPLIED),
        (403, b"", StoreAuth, Outcome.NOT_APPLIED),
        (404, b"<html>", StoreNotFound, Outcome.NOT_APPLIED),
        (200, [envelope("Error", status="404")], StoreNotFound, Outcome.NOT_APPLIED),
        (200, [envelope("Error", status=401)], StoreAuth, Outcome.NOT_APPLIED),
        (200, envelope("Error", status="400", message="x"), StoreRejected, Outcome.NOT_APPLIED),
        (200, {"Message": "x"}, StoreRejected, Outcome.NOT_APPLIED),
        (200, [envelope("Error", status="soon")], StoreRejected, Outcome.NOT_APPLIED),
        (200, [envelope("Error", status="200")], StoreRejected, Outcome.NOT_APPLIED),
        (201, [envelope("error", status=201)], StoreRejected, Outcome.NOT_APPLIED),
        (418, b"", StoreBadResponse, Outcome.UNKNOWN),
        (500, [envelope("Error", status="400")], StoreFailed, Outcome.UNKNOWN),
        (503, b"", StoreFailed, Outcome.UNKNOWN),
        (302, b"", StoreBadResponse, Outcome.UNKNOWN),
    ],
)  # fmt: skip
def test_refusal_is_typed_by_its_status_and_never_by_its_words(
    api: Api,
    client: StoreClient,
    allowance: Allowance,
    status: int,
    body: Any,
    error: type[StoreError],
    outcome: Outcome,
) -> None:
    api.answers(body, status)

    with pytest.raises(StoreError) as caught:
        client.add_item("key", MUG, allowance)

    assert type(caught.value) is error
    assert caught.value.outcome is outcome
    assert len(api.calls) == 1


def test_status_of_thousands_of_digits_is_a_store_error_too(
    api: Api, client: StoreClient, allowance: Allowance
) -> None:
    api.answers([envelope("Error", status="9" * 5000, message="x")], 400)

    with pytest.raises(StoreError):
        client.add_item("key", MUG, allowance)


@pytest.mark.parametrize("status", [200, 400, 405, 410, 422, 451])
def test_read_that_the_store_refuses_is_no_fault_of_the_caller_and_changes_nothing(
    api: Api, client: StoreClient, allowance: Allowance, status: int
) -> None:
    api.answers([envelope("Error", status="400", message="No.")], status)

    for read in (
        lambda: client.get_cart("key", allowance),
        lambda: client.get_product(3829, allowance),
        lambda: client.find_customers("ann@shop.example", allowance),
        lambda: client.get_order(7, allowance),
    ):
        with pytest.raises(StoreBadResponse) as caught:
            read()
        assert caught.value.outcome is Outcome.NOT_APPLIED


def test_reason_is_plain_text_and_short(
    api: Api, client: StoreClient, allowance: Allowance
) -> None:
    message = "<b>Out of\r\nstock</b><script>x</script> " + "y" * 500
    api.answers([envelope("Error", status="400", message=message)], 400)

    with pytest.raises(StoreRejected) as caught:
        client.add_item("key", MUG, allowance)

    assert caught.value.detail.startswith("Out of stock yyy")
    assert len(caught.value.detail) == 200


@pytest.mark.parametrize("name", ["PrivateKey", "Authorization"])
@pytest.mark.parametrize("status", [200, 400])
def test_answer_that_repeats_a_secret_shows_nobody_any_of_it(
    api: Api, client: StoreClient, allowance: Allowance, name: str, status: int
) -> None:
    secret = SECRETS[name].rpartition(" ")[2]
    message = "x" * 180 + f" {name} {secret} may not do this"
    api.answers([envelope("Error", status="400", message=message)], status)

    with pytest.raises(StoreError) as caught:
        client.add_item("key", MUG, allowance)

    assert secret[:4] not in caught.value.detail


def test_address_of_the_store_is_no_secret(
    api: Api, client: StoreClient, allowance: Allowance
) -> None:
    url = f"{SECRETS['SecureURL']}/checkout"
    api.answers({"OrderKey": "key", "CheckoutURL": url})

    assert client.get_cart("key", allowance).checkout_url == url


def test_refusal_of_our_credentials_is_not_shown_to_the_shopper(
    api: Api, client: StoreClient, allowance: Allowance
) -> None:
    api.answers([envelope("Error", status="401", message="Token tk is revoked")], 401)

    with pytest.raises(StoreAuth) as caught:
        client.get_cart("key", allowance)

    assert "tk" not in caught.value.detail


def test_throttling_says_when_to_come_back(
    api: Api, client: StoreClient, allowance: Allowance
) -> None:
    api.answers(b"", 429, Retry_After="17")

    with pytest.raises(StoreBusy) as caught:
        client.get_cart("key", allowance)

    assert caught.value.retry_after == 17
    assert len(api.calls) == 1


@pytest.mark.parametrize(
    ("call", "calls"),
    [
        (lambda client, allowance: client.get_cart("key", allowance), 2),
        (lambda client, allowance: client.change_item("key", "7", Decimal(2), allowance), 2),
        (lambda client, allowance: client.remove_item("key", "7", allowance), 2),
        (lambda client, allowance: client.add_item("key", MUG, allowance), 1),
        (lambda client, allowance: client.create_cart(Addresses(), allowance), 1),
    ],
    ids=["read", "change", "remove", "add", "create"],
)
def test_only_idempotent_calls_are_repeated_once(
    api: Api, client: StoreClient, allowance: Allowance, call: Any, calls: int
) -> None:
    api.answers(b"", 500)

    with pytest.raises(StoreFailed):
        call(client, allowance)

    assert len(api.calls) == calls


@pytest.mark.parametrize(
    "url",
    ["https://shop.example/continue_order.asp?orderkey=k&checkout=1", "https://SHOP.example/",
     "https://pay.example:8443/x", "http://localhost:8001/pay"],
)  # fmt: skip
def test_checkout_on_the_stores_hosts_is_kept_as_it_is(
    api: Api, client: StoreClient, allowance: Allowance, url: str
) -> None:
    api.answers([{"OrderKey": "key", "CartItemList": [], "CheckoutURL": url}])

    assert client.get_cart("key", allowance).checkout_url == url


@pytest.mark.parametrize(
    "url",
    ["http://shop.example/", "https://evil.example/", "https://shop.example.evil.example/",
     "https://shop.example@evil.example/", "https://user@shop.example/", "//shop.example/",
     "https://shop.example:444/", "https://pay.example/", "http://localhost/", "https://[",
     "https:shop.example", "https:\\\\shop.example", "https://shop.example\\@evil.example/",
     "javascript:alert(1)//shop.example", "https://evil.example#shop.example", "/pay", "", None, 7,
     "https://shop.example\u3002evil.example/", "https://evil.example/https://shop.example/"],
)  # fmt: skip
def test_checkout_url_of_another_host_is_dropped(
    api: Api, client: StoreClient, allowance: Allowance, url: object
) -> None:
    api.answers([{"OrderKey": "key", "CartItemList": [], "CheckoutURL": url}])

    assert client.get_cart("key", allowance).checkout_url is None


@pytest.mark.parametrize("char", ["\r\n", "\n", "\x00"], ids=repr)
def test_checkout_url_that_no_header_can_carry_is_dropped(
    api: Api, client: StoreClient, allowance: Allowance, char: str
) -> None:
    url = f"https://shop.example/pay?a=1{char}Set-Cookie: x=1"
    api.answers([{"OrderKey": "key", "CartItemList": [], "CheckoutURL": url}])

    assert client.get_cart("key", allowance).checkout_url is None


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (404, [envelope("Error", status="404")]),
        (200, [envelope("Error", status="404")]),
        (200, [{"SKUInfo": {"CatalogID": 1, "Price": 1}, "Hide": True}]),
        (200, [{"SKUInfo": {"CatalogID": 1, "Price": 1}, "NotForSale": True}]),
    ],
)
def test_product_that_is_not_for_shoppers_is_not_found(
    api: Api, client: StoreClient, allowance: Allowance, status: int, body: Any
) -> None:
    api.answers(body, status)

    assert client.get_product(1, allowance) is None
