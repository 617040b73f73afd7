"""The payment gateway sequence: sale, completion, return and refund, and how each can fail."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import parse_qs, urljoin, urlsplit

import pytest
import requests
from support.receiver import Receiver, receiver
from support.service_steps import place_order
from support.shopper import MUG, Store

from cartproxy import sandbox

Api = Callable[..., requests.Response]
SECRET = sandbox.DEFAULT_PRIVATE_KEY


def md5(*parts: Any) -> str:
    return hashlib.md5("".join(map(str, parts)).encode(), usedforsecurity=False).hexdigest()


@pytest.fixture
def gateway() -> Iterator[Receiver]:
    with receiver() as received:
        yield received


@pytest.fixture
def checkout(api: Api) -> str:
    """The checkout address of a cart with two mugs."""
    key = api("POST", "/Cart", {"BillingEmail": "ada@shopper.example"}).json()[0]["Value"]
    api("POST", f"/Cart/{key}/Item", {"CatalogID": MUG, "ItemQuantity": 2})
    return str(api("GET", f"/Cart/{key}").json()[0]["CheckoutURL"])


def sale_answer(body: dict[str, Any], **more: Any) -> dict[str, Any]:
    url = more.get("redirecturl", "http://pay.example/checkout?a=1")
    return {
        "paymenttoken": "abc",
        "redirecturl": url,
        "redirectmethod": "GET",
        "errorcode": "",
        "errormessage": "",
        "randomkey": "999",
        "signature": md5("999", SECRET, "abc", url),
        **more,
    }


def complete(sale: dict[str, Any], **more: Any) -> dict[str, Any]:
    message = {
        "orderid": sale["orderid"],
        "invoice": sale["invoice"],
        "amount": sale["amounttotal"],
        "approved": 1,
        "transactionid": "t1",
        "errorcode": "",
        "errormessage": "",
        "randomkey": "777",
        "signature": md5("777", SECRET, sale["orderid"], sale["invoice"], "t1"),
        **more,
    }
    answer = requests.post(sale["notificationurl"], json=message, timeout=60)
    assert answer.status_code == 200
    said: dict[str, Any] = answer.json()
    assert set(said) == {"processed", "errorcode", "errormessage"}
    return said


def states(store: Store) -> list[str]:
    carts = requests.get(f"{store.url}/_sandbox/carts", timeout=60).json()
    return [each["state"] for each in carts]


@pytest.mark.parametrize("outcome", ["Decline", "Cancel", "Time out", "Wrong random key"])
def test_cart_stays_open_unless_the_payment_is_approved(
    api: Api, store: Store, checkout: str, outcome: str
) -> None:
    place_order(checkout, outcome)

    assert states(store) == ["open"]
    assert api("GET", "/Orders").status_code == 404
    place_order(checkout)
    assert states(store) == ["ordered"]
    assert len(api("GET", "/Orders").json()) == 1


def test_gateway_page_has_a_button_for_each_outcome_and_no_script(checkout: str) -> None:
    page = requests.post(checkout, timeout=60)

    assert urlsplit(page.url).path == "/_gateway/pay"
    assert re.findall(r"<button>(.*?)</button>", page.text) == [
        "Approve",
        "Decline",
        "Cancel",
        "Time out",
        "Wrong random key",
    ]
    assert "<script" not in page.text


def test_gateway_gets_the_documented_request_and_completes_the_order(
    api: Api, store: Store, checkout: str, gateway: Receiver
) -> None:
    store.set(gateway_checkout_url=f"{gateway.url}/sale")
    gateway.answer = lambda path, body: (200, sale_answer(body))

    answer = requests.post(checkout, timeout=60, allow_redirects=False)

    ((path, _, sale),) = gateway.posts
    assert path == "/sale"
    assert set(sale) == {
        "type", "orderid", "invoice", "email", "billing", "shipping", "currency", "amounttotal",
        "taxtotal", "shippingtotal", "discount", "items", "username", "password", "cancelurl",
        "errorurl", "notificationurl", "returnurl", "randomkey", "signature",
    }  # fmt: skip
    assert sale["type"] == "sale"
    assert sale["amounttotal"] == 1998
    assert sale["items"] == [
        {"itemid": "MUG", "itemname": "Pint mug", "unitprice": 999, "quantity": 2}
    ]
    assert set(sale["billing"]) == set(sale["shipping"]) == {
        "firstname", "lastname", "company", "address", "address2", "city", "state", "zip",
        "country", "phone",
    }  # fmt: skip
    signed = (sale["randomkey"], SECRET, sale["orderid"], sale["invoice"], sale["amounttotal"])
    assert sale["signature"] == md5(*signed)
    assert answer.status_code == 303
    assert answer.headers["Location"] == "http://pay.example/checkout?a=1&paymenttoken=abc"

    said = [complete(sale), complete(sale)]

    assert [each["processed"] for each in said] == [1, 1]
    (order,) = api("GET", "/Orders").json()
    assert order["OrderID"] == sale["orderid"]
    assert f"{order['InvoiceNumberPrefix']}{order['InvoiceNumber']}" == sale["invoice"]
    assert order["TransactionList"][0]["TransactionID"] == "t1"
    assert "Thank you" in requests.get(sale["returnurl"], timeout=60).text
    rk, k = (parse_qs(urlsplit(sale["returnurl"]).query)[name][0] for name in ("rk", "k"))
    assert k == md5(rk, urlsplit(store.url).hostname, "1", "123")


@pytest.mark.parametrize(
    "wrong",
    [{"approved": 0}, {"signature": "0" * 32}, {"randomkey": "other"}, {"amount": 1},
     {"invoice": "AB-1"}, {"orderid": 1}, {"transactionid": "t2"}],
    ids=str,
)  # fmt: skip
def test_completion_that_is_not_right_places_no_order(
    store: Store, checkout: str, gateway: Receiver, wrong: dict[str, Any]
) -> None:
    store.set(gateway_checkout_url=gateway.url)
    gateway.answer = lambda path, body: (200, sale_answer(body))
    requests.post(checkout, timeout=60, allow_redirects=False)

    said = complete(gateway.posts[0][2], **wrong)

    assert said["processed"] == 0
    assert said["errorcode"]
    assert said["errormessage"]
    assert states(store) == ["open"]


def test_cart_that_changed_meanwhile_is_not_ordered(
    api: Api, store: Store, checkout: str, gateway: Receiver
) -> None:
    store.set(gateway_checkout_url=gateway.url)
    gateway.answer = lambda path, body: (200, sale_answer(body))
    requests.post(checkout, timeout=60, allow_redirects=False)
    (cart,) = store.carts()

    api("POST", f"/Cart/{cart['order_key']}/Item", {"CatalogID": MUG, "ItemQuantity": 1})

    assert complete(gateway.posts[0][2])["processed"] == 0
    assert states(store) == ["open"]


@pytest.mark.parametrize(
    "answer",
    [{"errormessage": "The merchant is unknown."}, {"signature": "0" * 32}, {"randomkey": "1"}],
    ids=str,
)
def test_gateway_that_refuses_or_is_not_signed_leads_nowhere(
    api: Api, store: Store, checkout: str, gateway: Receiver, answer: dict[str, Any]
) -> None:
    store.set(gateway_checkout_url=gateway.url)
    gateway.answer = lambda path, body: (200, sale_answer(body, **answer))

    page = requests.post(checkout, timeout=60, allow_redirects=False)

    assert page.status_code == 502
    assert "your cart is still there" in page.text
    assert "unknown" not in page.text
    store.set(gateway_checkout_url=None)
    place_order(checkout)
    (order,) = api("GET", "/Orders").json()
    assert order["InternalComments"]


def test_gateway_that_is_not_there_leads_nowhere(store: Store, checkout: str) -> None:
    store.set(gateway_checkout_url="http://127.0.0.1:1/")

    assert requests.post(checkout, timeout=60).status_code == 502
    assert states(store) == ["open"]


def test_gateway_may_want_a_post(store: Store, checkout: str, gateway: Receiver) -> None:
    store.set(gateway_checkout_url=gateway.url)
    gateway.answer = lambda path, body: (200, sale_answer(body, redirectmethod="POST"))

    page = requests.post(checkout, timeout=60).text

    assert '<form method="post" action="http://pay.example/checkout?a=1">' in page
    assert '<input type="hidden" name="paymenttoken" value="abc">' in page


def test_refund_is_asked_for_and_written_down(api: Api, store: Store, checkout: str) -> None:
    place_order(checkout)
    (order,) = api("GET", "/Orders").json()
    url = f"{store.url}/_sandbox/orders/{order['OrderID']}/refund"

    answer = requests.post(url, json={"amount": "5.00"}, timeout=60)

    said = answer.json()
    assert set(said) == {"approved", "transactionid", "errorcode", "errormessage", "randomkey",
                         "signature"}  # fmt: skip
    assert said["approved"] == 1
    (order,) = api("GET", f"/Orders/{order['OrderID']}").json()
    assert [each["TransactionAmount"] for each in order["TransactionList"]] == [19.98, -5.0]
    assert requests.post(urljoin(url, "/_sandbox/orders/1/refund"), timeout=60).status_code == 404


def test_refund_goes_to_the_post_order_url_as_documented(
    api: Api, store: Store, checkout: str, gateway: Receiver
) -> None:
    place_order(checkout)
    (order,) = api("GET", "/Orders").json()
    store.set(gateway_post_order_url=f"{gateway.url}/post-order")
    invoice = f"{order['InvoiceNumberPrefix']}{order['InvoiceNumber']}"
    refused = {"approved": 0, "transactionid": "", "errorcode": "9", "errormessage": "Too late",
               "randomkey": "5", "signature": md5("5", SECRET, order["OrderID"], invoice, "")}  # fmt: skip
    gateway.answer = lambda path, body: (200, refused)

    url = f"{store.url}/_sandbox/orders/{order['OrderID']}/refund"
    said = requests.post(url, timeout=60).json()

    ((path, _, asked),) = gateway.posts
    paid = order["TransactionList"][0]["TransactionID"]
    assert path == "/post-order"
    assert set(asked) == {
        "type", "orderid", "invoice", "transactionid", "username", "password", "currency",
        "amounttotal", "is_full_refund", "randomkey", "signature",
    }  # fmt: skip
    assert (asked["type"], asked["amounttotal"], asked["is_full_refund"]) == ("void", 1998, True)
    assert asked["transactionid"] == paid
    assert asked["signature"] == md5(asked["randomkey"], SECRET, order["OrderID"], invoice, paid)
    assert said == refused
    (order,) = api("GET", "/Orders").json()
    assert len(order["TransactionList"]) == 1
