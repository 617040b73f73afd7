"""What other people's clients send and expect, as their HTTP libraries do it."""

from __future__ import annotations

import json
import socket
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import urlsplit

import pytest
import requests
from support.shopper import MUG, SHIRT, Store

Api = Callable[..., requests.Response]
ITEM = {"CatalogID": MUG, "ItemQuantity": 2, "ItemOptions": None}


def new_cart(api: Api) -> str:
    return str(api("POST", "/Cart", {"BillingCity": "Bonn"}).json()[0]["Value"])


@pytest.mark.parametrize("spell", [str.lower, str.upper, str.title])
def test_headers_come_in_any_case(api: Api, spell: Callable[[str], str]) -> None:
    names = ("SecureURL", "PrivateKey", "Token")
    values = ("sandbox-store.example", "0" * 32, "1" * 32)
    headers = {spell(name): value for name, value in zip(names, values, strict=True)}

    answer = api("GET", "/StoreSettings", headers=dict.fromkeys(names) | headers)

    assert answer.status_code == 200


def test_null_is_not_sent(api: Api) -> None:
    key = new_cart(api)

    api("PUT", f"/Cart/{key}", {"BillingCity": None, "CustomerId": None, "ShipmentCity": "Ulm"})
    added = api("POST", f"/Cart/{key}/Item", ITEM | {"ItemQuantity": None})
    path = f"/Cart/{key}/Item/{added.json()[0]['Value']}"
    changes = [api("PUT", path, body) for body in ({"ItemQuantity": None}, {})]

    (cart,) = api("GET", f"/Cart/{key}").json()
    (line,) = cart["CartItemList"]
    assert (cart["BillingCity"], cart["ShipmentCity"]) == ("Bonn", "Ulm")
    assert [each.status_code for each in (added, *changes)] == [201, 200, 200]
    assert line["ItemQuantity"] == 1


def test_null_option_is_not_sent(api: Api) -> None:
    options = [{"OptionSetID": 1890, "OptionID": None, "OptionValue": "For Ada"}]
    item = {"CatalogID": 3839, "ItemQuantity": 1, "ItemOptions": options}

    assert api("POST", f"/Cart/{new_cart(api)}/Item", item).status_code == 201


def test_whole_product_of_nulls_changes_nothing(api: Api) -> None:
    (before,) = api("GET", f"/Products/{SHIRT}").json()
    nulls = dict.fromkeys(before) | {"SKUInfo": dict.fromkeys(before["SKUInfo"])}

    answer = api("PUT", f"/Products/{SHIRT}", nulls)

    (after,) = api("GET", f"/Products/{SHIRT}").json()
    assert answer.status_code == 200
    assert after | {"LastUpdate": ""} == before | {"LastUpdate": ""}


def test_record_goes_back_as_it_came(api: Api) -> None:
    """As a client does that reads a record, changes a field and writes all of it."""
    for path in (f"/Products/{SHIRT}", "/Customers/1", "/Admins/1"):
        (before,) = api("GET", path).json()

        assert api("PUT", path, before).status_code == 200

        (after,) = api("GET", path).json()
        assert after | {"LastUpdate": ""} == before | {"LastUpdate": ""}


def test_envelope_can_be_cut_out_of_its_list(api: Api) -> None:
    answers = [
        api("POST", "/Cart", {}),
        api("POST", "/Customers", {"Email": "a@shopper.example"}),
        api("PUT", f"/Products/{MUG}", {"Hide": False}),
        api("GET", "/Customers?email=nobody@shopper.example"),
        api("POST", "/Cart", data=b"{"),
    ]

    for answer in answers:
        assert set(json.loads(answer.text[1:-1])) == {"Key", "Value", "Status", "Message"}


def test_body_comes_in_chunks(api: Api) -> None:
    def chunks() -> Iterator[bytes]:
        yield b'{"BillingCity":'
        yield b'"Bonn"}'

    answer = api("POST", "/Cart", data=chunks(), headers={"Content-Type": "application/json"})

    assert answer.status_code == 201


def test_body_comes_after_100_continue(store: Store, api: Api) -> None:
    body = json.dumps({"BillingCity": "Bonn"}).encode()
    url = urlsplit(store.url)
    lines = [
        "POST /3dCartWebAPI/v1/Cart HTTP/1.1",
        f"Host: {url.netloc}",
        "secureUrl: sandbox-store.example",
        f"privatekey: {'0' * 32}",
        f"token: {'1' * 32}",
        "Content-Type: application/json; charset=utf-8",
        f"Content-Length: {len(body)}",
        "Expect: 100-continue",
        "Connection: close",
    ]
    with socket.create_connection((str(url.hostname), int(url.port or 0)), 60) as line:
        line.sendall("\r\n".join([*lines, "", ""]).encode())
        first = line.recv(25)
        line.sendall(body)
        rest = b"".join(iter(lambda: line.recv(4096), b""))

    assert first.startswith(b"HTTP/1.1 100")
    assert b"HTTP/1.1 201" in first + rest


@pytest.mark.parametrize(
    ("rights", "allowed", "denied"),
    [
        (["Cart"], [("POST", "/Cart")], [("GET", "/Products"), ("GET", "/Orders")]),
        (["cart:read", "Products:read"], [("GET", "/Products")],
         [("POST", "/Cart"), ("PUT", f"/Products/{MUG}")]),
        (["Customers:read"], [("GET", "/Customers"), ("GET", "/CustomerGroups/1/Customers")],
         [("GET", "/CustomerGroups"), ("DELETE", "/Customers/1")]),
        (["Admins:write"], [("PUT", "/Admins/1")], [("GET", "/Admins/1/LoginToken")]),
        ([], [], [("GET", "/StoreSettings"), ("GET", "/Nothing")]),
        (None, [("GET", "/StoreSettings"), ("GET", "/Webhooks?countonly=1")], []),
    ],
)  # fmt: skip
def test_call_without_its_right_is_401(
    api: Api,
    store: Store,
    rights: list[str] | None,
    allowed: list[tuple[str, str]],
    denied: list[tuple[str, str]],
) -> None:
    store.set(rights=rights)

    def status(method: str, path: str) -> int:
        return api(method, path, {} if method != "GET" else None).status_code

    assert [status(*call) < 300 for call in allowed] == [True] * len(allowed)
    assert [status(*call) for call in denied] == [401] * len(denied)


@pytest.mark.parametrize(
    "settings",
    [{"rights": ["Carts"]}, {"rights": "Cart"}, {"rights": ["Cart:all"]}, {"webhook_url": "x"},
     {"gateway_checkout_url": 1}, {"checkout_url_template": "{base}/{cart}"}],
    ids=str,
)  # fmt: skip
def test_settings_that_mean_nothing_are_refused(store: Store, settings: dict[str, Any]) -> None:
    answer = requests.put(f"{store.url}/_sandbox/settings", json=settings, timeout=60)

    assert answer.status_code == 400
