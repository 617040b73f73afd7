"""The simulated store against docs/store-api.md: each endpoint, status and body shape, over raw HTTP."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
import requests
from support.service_steps import place_order
from support.shopper import MUG, SHIRT, Store
from support.waiting import wait_for

from cartproxy.sandbox.catalogue import Product
from cartproxy.sandbox.describe import describe

Api = Callable[..., requests.Response]
# The documented "empty" body and sample requests (docs/store-api.md, Cart endpoints).
EMPTY_CART = dict.fromkeys(
    ("BillingFirstName", "BillingLastName", "BillingCompany", "ShipmentCity", "ShipmentEmail"), ""
)
SAMPLE_ITEM = {
    "CatalogID": SHIRT,
    "ItemQuantity": 1.0,
    "ItemOptions": [{"OptionSetID": 1882, "OptionID": 12396, "OptionValue": "Small"}],
}


def new_cart(api: Api) -> str:
    key = api("POST", "/Cart", EMPTY_CART).json()[0]["Value"]
    assert isinstance(key, str)
    return key


def new_item(api: Api, key: str, catalog_id: int = MUG, **more: Any) -> str:
    answer = api("POST", f"/Cart/{key}/Item", {"CatalogID": catalog_id, "ItemQuantity": 1, **more})
    assert answer.status_code == 201, answer.text
    item_id = answer.json()[0]["Value"]
    assert isinstance(item_id, str)
    return item_id


def is_error(answer: requests.Response, status: int) -> bool:
    (envelope,) = answer.json()
    shape = {"Key": "Error", "Value": "", "Status": str(status)}
    return answer.status_code == status and envelope == shape | {"Message": envelope["Message"]}


def test_create_answers_201_with_an_envelope_of_strings_in_compact_json(api: Api) -> None:
    answer = api("POST", "/Cart", EMPTY_CART)

    (envelope,) = answer.json()
    assert answer.status_code == 201
    assert answer.headers["Content-Type"] == "application/json; charset=utf-8"
    assert answer.headers["Access-Control-Allow-Origin"] == "*"
    assert list(envelope) == ["Key", "Value", "Status", "Message"]
    assert envelope["Key"] == "OrderKey"
    assert re.fullmatch(r"[A-Za-z0-9]{15}", envelope["Value"])
    assert (envelope["Status"], envelope["Message"]) == ("201", "Created successfully")
    assert ": " not in answer.text
    assert ",}" not in answer.text


@pytest.mark.parametrize("body", [b"", b"{}", b'{"Unknown":1,"BillingCity":"Bonn"}'])
def test_create_takes_empty_bodies_and_ignores_unknown_fields(api: Api, body: bytes) -> None:
    assert api("POST", "/Cart", data=body).status_code == 201


def test_create_takes_texts_as_long_as_the_documented_sample(api: Api) -> None:
    lengths = {"ShipmentPhone": 33, "ShipmentLastName": 32, "ShipmentZipCode": 18}
    sample = {name: "x" * length for name, length in lengths.items()} | {"CustomerId": -80365023}

    assert api("POST", "/Cart", sample).status_code == 201


@pytest.mark.parametrize(
    "body", [b"{", b"[]", b'{"BillingZipCode":"' + b"9" * 21 + b'"}', b'{"ShipmentLastName":7}']
)
def test_create_refuses_what_it_cannot_read_or_hold(api: Api, body: bytes) -> None:
    assert is_error(api("POST", "/Cart", data=body), 400)


def test_get_answers_200_with_an_array_of_one_cart(api: Api, store: Store) -> None:
    key = new_cart(api)
    new_item(api, key, SHIRT, ItemOptions=SAMPLE_ITEM["ItemOptions"])

    answer = api("GET", f"/Cart/{key}")

    (cart,) = answer.json()
    (line,) = cart["CartItemList"]
    assert answer.status_code == 200
    assert cart["OrderKey"] == key
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d", cart["OrderDate"])
    assert cart["CheckoutURL"].startswith(f"{store.url}/continue_order.asp?orderkey={key}")
    assert isinstance(line["CartItemID"], int)
    assert line["ItemDescription"] == "Heavy cotton T-shirt<br><b>Size:</b>&nbsp;Small"
    assert line["ItemImage1"].startswith("assets/images/")
    assert '"ItemQuantity":1.0' in answer.text


def test_put_changes_only_what_is_named(api: Api) -> None:
    key = new_cart(api)
    api("PUT", f"/Cart/{key}", {"BillingCity": "Bonn", "ShipmentCity": "Köln"})

    answer = api("PUT", f"/Cart/{key}", {"BillingCity": "Mainz"})

    (cart,) = api("GET", f"/Cart/{key}").json()
    assert answer.status_code == 200
    assert answer.json()[0] == {
        "Key": "OrderKey",
        "Value": key,
        "Status": "200",
        "Message": "Updated successfully",
    }
    assert (cart["BillingCity"], cart["ShipmentCity"]) == ("Mainz", "Köln")


def test_delete_says_200_by_http_and_201_in_the_body_and_then_404(api: Api) -> None:
    key = new_cart(api)

    answer = api("DELETE", f"/Cart/{key}")
    again = api("DELETE", f"/Cart/{key}")

    assert answer.status_code == 200
    assert (answer.json()[0]["Key"], answer.json()[0]["Status"]) == ("OrderKey", "201")
    assert is_error(again, 404)
    assert is_error(api("GET", f"/Cart/{key}"), 404)
    assert is_error(api("PUT", f"/Cart/{key}", {}), 404)


def test_item_is_added_changed_and_removed(api: Api) -> None:
    key = new_cart(api)
    added = api("POST", f"/Cart/{key}/Item", SAMPLE_ITEM)
    item_id = added.json()[0]["Value"]

    changed = api("PUT", f"/Cart/{key}/Item/{item_id}", {"ItemQuantity": 3})
    (cart,) = api("GET", f"/Cart/{key}").json()
    removed = api("DELETE", f"/Cart/{key}/Item/{item_id}")

    assert (added.status_code, changed.status_code, removed.status_code) == (201, 200, 200)
    assert [answer.json()[0]["Key"] for answer in (added, changed, removed)] == [
        "CartItemID",
        "CartItemID",
        "CartItemId",
    ]
    assert [answer.json()[0]["Status"] for answer in (added, changed, removed)] == [
        "201",
        "200",
        "200",
    ]
    assert cart["CartItemList"][0]["ItemQuantity"] == 3
    assert is_error(api("DELETE", f"/Cart/{key}/Item/{item_id}"), 404)
    assert is_error(api("PUT", f"/Cart/{key}/Item/{item_id}", {"ItemQuantity": 1}), 404)


def test_ids_are_taken_as_numeric_strings(api: Api) -> None:
    key = new_cart(api)

    answer = api("POST", f"/Cart/{key}/Item", {"CatalogID": str(MUG), "ItemQuantity": "2"})

    assert answer.status_code == 201


@pytest.mark.parametrize(
    "item",
    [
        {"CatalogID": 1},
        {"CatalogID": "mug"},
        {"CatalogID": MUG, "ItemQuantity": 0},
        {"CatalogID": MUG, "ItemQuantity": -1},
        {"CatalogID": MUG, "ItemQuantity": 1.5},
        {"CatalogID": MUG, "ItemOptions": [{"OptionSetID": 1882, "OptionID": 12396}]},
        {"CatalogID": SHIRT},
        {"CatalogID": SHIRT, "ItemOptions": [{"OptionSetID": 1882, "OptionID": 1}]},
        {"CatalogID": 3832, "ItemQuantity": 3},
        {"CatalogID": 3833},
        {"CatalogID": 3835},
        {"CatalogID": 3836},
        {"CatalogID": 3838, "ItemQuantity": 7},
    ],
    ids=str,
)
def test_item_that_cannot_be_bought_is_refused_with_400(api: Api, item: dict[str, Any]) -> None:
    key = new_cart(api)

    assert is_error(api("POST", f"/Cart/{key}/Item", {"ItemQuantity": 1} | item), 400)


def test_fractional_quantity_sale_price_and_back_order(api: Api) -> None:
    key = new_cart(api)
    new_item(api, key, 3834, ItemQuantity=1.1)
    new_item(api, key, 3831)
    new_item(api, key, 3840, ItemQuantity=4)

    (cart,) = api("GET", f"/Cart/{key}").json()

    assert [(line["ItemQuantity"], line["ItemUnitPrice"]) for line in cart["CartItemList"]] == [
        (1.1, 4.25),
        (1.0, 29.9),
        (4.0, 210.0),
    ]


def test_bundle_adds_further_lines(api: Api) -> None:
    key = new_cart(api)
    new_item(api, key, 3830)

    (cart,) = api("GET", f"/Cart/{key}").json()

    _, *children = cart["CartItemList"]
    assert len(children) == 2
    for child in children:
        assert child["ItemUnitPrice"] == 0
        assert child["ItemDescription"].startswith("Bundle Item: ")
        assert child["ItemDateAdded"] == "0001-01-01T00:00:00"


def test_item_ids_are_the_stores_own_and_those_of_other_carts_are_unknown(api: Api) -> None:
    mine, theirs = new_cart(api), new_cart(api)
    first, second = new_item(api, mine), new_item(api, theirs)

    assert int(second) > int(first)
    assert is_error(api("DELETE", f"/Cart/{mine}/Item/{second}"), 404)


def test_item_id_is_never_reused_even_after_a_reset(api: Api, store: Store) -> None:
    key = new_cart(api)
    before = [new_item(api, key) for _ in range(5)]
    store.reset()

    assert int(new_item(api, new_cart(api))) > int(before[-1])


def test_keys_are_case_sensitive(api: Api) -> None:
    key = new_cart(api)

    assert is_error(api("GET", f"/Cart/{key.swapcase()}"), 404)


@pytest.mark.parametrize("header", ["SecureURL", "PrivateKey", "Token"])
def test_wrong_credentials_are_401(api: Api, header: str) -> None:
    assert is_error(api("POST", "/Cart", {}, headers={header: "wrong"}), 401)


@pytest.mark.parametrize("host", ["sandbox-store.example", "HTTP://WWW.sandbox-store.example/"])
def test_secure_url_is_taken_with_and_without_scheme(api: Api, host: str) -> None:
    assert api("POST", "/Cart", {}, headers={"SecureURL": host}).status_code == 201


def test_paths_ignore_case_and_unknown_ones_are_404(api: Api) -> None:
    assert api("POST", "/cart", {}).status_code == 201
    assert is_error(api("PUT", "/Cart", {}), 405)
    assert is_error(api("GET", "/Unicorns"), 404)


def test_product_is_an_array_of_one_with_options_and_variants(api: Api) -> None:
    (product,) = api("GET", f"/Products/{SHIRT}").json()

    sizes = product["OptionSetList"][0]
    assert product["SKUInfo"]["CatalogID"] == SHIRT
    assert product["SKUInfo"]["Cost"] > 0
    assert (sizes["OptionSetID"], sizes["OptionRequired"], sizes["OptionType"]) == (
        1882,
        True,
        "Dropdown",
    )
    assert any(option["OptionValue"] > 0 for option in sizes["OptionList"])
    assert "AdvancedOptionSufix" in product["AdvancedOptionList"][0]
    assert is_error(api("GET", "/Products/1"), 404)


def test_product_lists_page_from_one_and_count_as_an_object(api: Api) -> None:
    total = api("GET", "/Products?countonly=1").json()["TotalCount"]
    page = api("GET", "/Products?limit=2&offset=2").json()

    assert [product["SKUInfo"]["CatalogID"] for product in page] == [3829, 3830]
    assert is_error(api("GET", f"/Products?offset={total + 1}"), 400)
    assert api("GET", "/StoreSettings").json()["StoreStandards"]["CurrencyCode"] == "USD"


def test_order_is_placed_on_a_plain_page_and_ends_the_cart(api: Api, store: Store) -> None:
    key = new_cart(api)
    new_item(api, key)
    url = api("GET", f"/Cart/{key}").json()[0]["CheckoutURL"]

    before = requests.get(url, timeout=60).text
    place_order(url)
    after = requests.get(url, timeout=60).text

    assert "Pint mug" in before
    assert "Place order" in before
    assert "Thank you" in after
    assert is_error(api("GET", f"/Cart/{key}"), 404)
    assert [cart["state"] for cart in store.carts("ordered")] == ["ordered"]


def test_every_open_point_is_a_switch(api: Api, store: Store) -> None:
    key = new_cart(api)

    def get() -> requests.Response:
        return api("GET", f"/Cart/{key}")

    store.set(get_status=201)
    assert get().status_code == 201
    store.set(get_shape="object")
    assert isinstance(get().json(), dict)
    store.set(empty_list=None)
    assert get().json()["CartItemList"] is None
    store.set(empty_list="absent")
    assert "CartItemList" not in get().json()
    store.set(empty_list=[])
    assert get().json()["CartItemList"] == []
    store.set(status_type="integer")
    assert api("PUT", f"/Cart/{key}", {}).json()[0]["Status"] == 200
    store.set(merge_same_item=True)
    assert new_item(api, key) == new_item(api, key)
    store.set(merge_same_item=False)
    assert new_item(api, key) != new_item(api, key)
    store.set(date_format="us")
    assert re.fullmatch(r"\d\d/\d\d/\d{4} \d\d:\d\d", get().json()["OrderDate"])
    store.set(unknown_cart_on_add=400, status_type="string")
    assert is_error(api("POST", "/Cart/none/Item", SAMPLE_ITEM), 400)
    store.set(unknown_cart_on_add=404)
    assert is_error(api("POST", "/Cart/none/Item", SAMPLE_ITEM), 404)
    store.set(error_status="ok")
    answer = api("GET", "/Cart/none")
    assert (answer.status_code, answer.json()[0]["Status"]) == (200, "404")


def test_ordered_cart_may_stay_readable_by_switch(api: Api, store: Store) -> None:
    store.set(ordered_cart="read_only")
    key = new_cart(api)
    new_item(api, key)
    place_order(api("GET", f"/Cart/{key}").json()[0]["CheckoutURL"])

    assert api("GET", f"/Cart/{key}").status_code == 200
    assert is_error(api("POST", f"/Cart/{key}/Item", SAMPLE_ITEM), 400)


def test_throttling_answers_429_with_retry_after(api: Api, store: Store) -> None:
    store.set(rate_limit=1)
    answers = [api("GET", "/StoreSettings")]

    def is_throttled() -> bool:
        answers.append(api("GET", "/StoreSettings"))
        return answers[-1].status_code == 429

    wait_for(is_throttled, "two calls within a second")

    assert answers[0].status_code != 429
    assert is_error(answers[-1], 429)
    assert answers[-1].headers["Retry-After"]


def test_calls_are_listed_in_order_and_forgotten(api: Api, store: Store) -> None:
    new_cart(api)
    api("GET", "/Cart/none")

    calls = requests.get(f"{store.url}/_sandbox/calls", timeout=60).json()
    assert requests.delete(f"{store.url}/_sandbox/calls", timeout=60).json() == calls

    assert [(call["method"], call["status"]) for call in calls] == [("POST", 201), ("GET", 404)]
    assert set(calls[0]) == {"n", "method", "path", "status", "at"}
    assert calls[0]["n"] < calls[1]["n"]
    assert requests.get(f"{store.url}/_sandbox/calls", timeout=60).json() == []


@pytest.mark.parametrize(
    ("address", "body"),
    [
        ("settings", {"no_such": 1}),
        ("settings", {"get_status": 404}),
        ("settings", {"merge_same_item": 1}),
        ("settings", []),
        ("faults", {"fault": "reset"}),
        ("faults", [{"fault": "unheard-of"}]),
        ("faults", [{"fault": "latency"}]),
        ("faults", [{"fault": "reset", "tims": 1}]),
        ("faults", [{"fault": "alters_quantity"}]),
        ("faults", [{"fault": "alters_quantity", "to": "many"}]),
        ("faults", [{"fault": "alters_quantity", "to": 5, "then": "sleep"}]),
    ],
    ids=str,
)
def test_control_surface_refuses_what_it_cannot_do(store: Store, address: str, body: Any) -> None:
    answer = requests.put(f"{store.url}/_sandbox/{address}", json=body, timeout=60)

    assert answer.status_code == 400
    assert answer.json()["error"]


def test_required_heading_asks_for_nothing() -> None:
    heading = {"OptionSetID": 1, "OptionType": "Title", "OptionRequired": True}

    described = describe(Product({"SKUInfo": {"CatalogID": 1}, "OptionSetList": [heading]}), ())

    assert described.option_price == 0
