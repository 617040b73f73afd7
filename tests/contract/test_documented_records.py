"""Each documented call of products, orders, customers, admins and scripts, in both versions."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
import requests
from support.service_steps import place_order
from support.shopper import KEYS, MUG, SHIRT, Store

Api = Callable[..., requests.Response]
US_DATE = re.compile(r"\d\d/\d\d/\d{4} \d\d:\d\d")


def option_set(name: str, place: float, *options: str) -> dict[str, Any]:
    return {
        "OptionSetName": name,
        "OptionSorting": place,
        "OptionRequired": False,
        "OptionType": "Dropdown",
        "OptionSizeLimit": 0,
        "OptionList": [
            {"OptionName": each, "OptionValue": 0.0, "OptionSorting": 1.0} for each in options
        ],
    }


PRODUCT = {
    "SKUInfo": {
        "SKU": "APITEST01",
        "Name": "Testing the API",
        "Cost": 1.0,
        "Price": 2.0,
        "Currency": "",
        "RetailPrice": 2.5,
        "SalePrice": 0.0,
        "OnSale": False,
        "Stock": 100.0,
    },
    "OptionSetList": [
        option_set("Color", 1.0, "Red", "Black"),
        option_set("Size", 2.0, "Small", "Medium"),
    ],
}
# With the comments and the commas that the documented samples have.
ORDER = """{
  "InvoiceNumberPrefix": "ABC-",
  "InvoiceNumber": 123456,
  "CustomerID": 1,
  "OrderDate": "05/01/2019 09:49",
  "OrderStatusID": 4, // most likely the shipped one // "x": 1,
  "BillingEmail": "ada@shopper.example",
  "BillingAddress": "http://not-a-comment/",
  "BillingPaymentMethodID": "123",
  "ShipmentList": [
    {"ShipmentBoxes": 1, "ShipmentCost": 10.00, "ShipmentTrackingCode": "ABC", "ShipmentNumber": 1,},
    {"ShipmentBoxes": 1, "ShipmentCost": 10.00, "ShipmentTrackingCode": "XYZ", "ShipmentNumber": 2,}
  ],
  "OrderItemList": [
    {"CatalogID": 3829, "ItemID": "SKU-SAMPLE", "ItemQuantity": 1, "ItemUnitPrice": 9.99,}
    {"CatalogID": 3829, "ItemID": "SKU-SAMPLE", "ItemQuantity": 1, "ItemUnitPrice": 9.99,}
  ],
  "SalesTax": 0.60,
  "OrderAmount": 31.18,
}"""


def made(answer: requests.Response, key: str) -> str:
    """The id of a new record, whose envelope is as documented."""
    (envelope,) = answer.json()
    assert answer.status_code == 201, answer.text
    assert envelope == {
        "Key": key,
        "Value": envelope["Value"],
        "Status": "201",
        "Message": "Created successfully",
    }
    assert envelope["Value"].isdigit()
    return str(envelope["Value"])


def updated(answer: requests.Response, key: str, *values: str, word: str = "updated") -> bool:
    envelopes = [
        {"Key": key, "Value": value, "Status": "200", "Message": f"{word} successfully"}
        for value in values
    ]
    return answer.status_code == 200 and answer.json() == envelopes


def is_error(answer: requests.Response, status: int) -> bool:
    (envelope,) = answer.json()
    return (answer.status_code, envelope["Key"], envelope["Status"]) == (
        status,
        "Error",
        str(status),
    )


def one(answer: requests.Response) -> dict[str, Any]:
    assert answer.status_code == 200, answer.text
    (record,) = answer.json()
    assert isinstance(record, dict)
    return record


def stock(api: Api, catalog_id: int = MUG) -> float:
    return float(one(api("GET", f"/Products/{catalog_id}"))["SKUInfo"]["Stock"])


def test_product_is_made_with_options_and_then_gets_its_variants(api: Api) -> None:
    catalog_id = made(api("POST", "/Products", PRODUCT), "CatalogID")
    product = one(api("GET", f"/Products/{catalog_id}"))
    (red, black), (small, _) = (
        [option["OptionID"] for option in each["OptionList"]] for each in product["OptionSetList"]
    )
    variants = [
        {"AdvancedOptionCode": f"{each}-{small}", "AdvancedOptionStock": 5,
         "AdvancedOptionCost": 0, "AdvancedOptionWeight": 1.5} for each in (red, black)
    ]  # fmt: skip

    sent = {"SKUInfo": {"CatalogID": int(catalog_id)}, "AdvancedOptionList": variants}
    answer = api("PUT", f"/Products/{catalog_id}", sent)

    assert updated(answer, "CatalogID", catalog_id)
    after = one(api("GET", f"/Products/{catalog_id}"))
    assert [each["AdvancedOptionCode"] for each in after["AdvancedOptionList"]] == [
        f"{red}-{small}",
        f"{black}-{small}",
    ]
    assert after["OptionSetList"] == product["OptionSetList"]
    assert after["SKUInfo"] == PRODUCT["SKUInfo"] | {"CatalogID": int(catalog_id)}  # type: ignore[operator]
    assert (
        api("GET", f"/Products/{catalog_id}/AdvancedOptions").json() == after["AdvancedOptionList"]
    )


def test_numbers_are_written_as_the_pages_write_them(api: Api) -> None:
    text = api("GET", f"/Products/{SHIRT}").text

    for whole in ("AdvancedOptionStock", "AdvancedOptionCost", "AdvancedOptionWeight",
                  "OptionSizeLimit", "OptionSetID", "OptionBundleQuantity", "InventoryControl",
                  "RewardPoints", "CatalogID"):  # fmt: skip
        assert re.search(rf'"{whole}":-?\d+[,}}]', text), whole
    for decimal in ("Stock", "SalePrice", "OptionValue", "MinimumQuantity"):
        assert re.search(rf'"{decimal}":\d+\.\d', text), decimal


def test_versions_differ_in_how_they_sort_options(store: Store) -> None:
    """Version 2 is documented with a point; version 1 was recorded without one."""
    for version, written in (("v1", "1,"), ("v2", "1.0,")):
        url = f"{store.url}/3dCartWebAPI/{version}/Products/{SHIRT}"
        text = requests.get(url, headers=KEYS, timeout=60).text
        assert f'"OptionSorting":{written}' in text


def test_put_of_a_variant_leaves_the_others(api: Api) -> None:
    change = {"AdvancedOptionList": [{"AdvancedOptionCode": "12396", "AdvancedOptionStock": 7}]}

    api("PUT", f"/Products/{SHIRT}", change)

    variants = api("GET", f"/Products/{SHIRT}/AdvancedOptions").json()
    assert [each["AdvancedOptionStock"] for each in variants] == [7, 50, 0, 20]
    assert variants[0]["AdvancedOptionSufix"] == "-SM"


def test_products_are_changed_as_a_list_and_found_by_sku(api: Api) -> None:
    changes = [{"SKUInfo": {"CatalogID": MUG, "Price": 5.5}}, {"SKUInfo": {"CatalogID": SHIRT}}]

    assert updated(api("PUT", "/Products", changes), "CatalogID", str(MUG), str(SHIRT))
    assert one(api("GET", "/Products?sku=mug"))["SKUInfo"]["Price"] == 5.5
    assert is_error(api("GET", "/Products?sku=none"), 404)
    assert is_error(api("POST", "/Products", {"SKUInfo": {"Name": "No SKU"}}), 400)


def test_order_is_imported_and_its_items_go_to_shipments(api: Api) -> None:
    answer = api("POST", "/Orders?bypassorderprocessing=&bypassorderemail=", data=ORDER)
    order_id = made(answer, "OrderID")
    order = one(api("GET", f"/Orders/{order_id}"))
    shipments = [each["ShipmentID"] for each in order["ShipmentList"]]
    items = [each["ItemIndexID"] for each in order["OrderItemList"]]

    moved = [{"ItemIndexID": items[1], "ItemShipmentID": shipments[1]}]
    assert updated(api("PUT", f"/Orders/{order_id}/Items", moved), "ItemIndexID", str(items[1]))

    tracking = [
        {"ShipmentID": each, "ShipmentTrackingCode": f"new{place}"}
        for place, each in enumerate(shipments)
    ]
    sent = api("PUT", f"/Orders/{order_id}/Shipments", tracking)
    assert updated(sent, "ShipmentID", *map(str, shipments))
    single = f"/Orders/{order_id}/Shipments/{shipments[0]}"
    assert updated(
        api("PUT", single, tracking[1] | {"ShipmentID": None}), "ShipmentID", str(shipments[0])
    )

    after = one(api("GET", f"/Orders/{order_id}"))
    assert order["OrderDate"] == "2019-05-01T09:49:00"
    assert (order["InvoiceNumberPrefix"], order["InvoiceNumber"]) == ("ABC-", 123456)
    assert order["BillingAddress"] == "http://not-a-comment/"
    assert order["OrderAmount"] == 31.18
    assert [each["ItemShipmentID"] for each in after["OrderItemList"]] == shipments
    assert [each["ShipmentTrackingCode"] for each in after["ShipmentList"]] == ["new1", "new1"]
    assert [each["ShipmentCost"] for each in after["ShipmentList"]] == [10.0, 10.0]
    assert api("GET", f"/Orders/{order_id}/Shipments").json() == after["ShipmentList"]
    assert api("GET", f"/Orders/{order_id}/Items?limit=1").json() == after["OrderItemList"][:1]


@pytest.mark.parametrize("missing", ["CustomerID", "BillingPaymentMethodID", "CatalogID"])
def test_order_without_what_it_must_have_is_refused(api: Api, missing: str) -> None:
    assert is_error(api("POST", "/Orders", data=ORDER.replace(f'"{missing}"', '"Other"')), 400)
    assert is_error(api("GET", "/Orders"), 404)


@pytest.mark.parametrize(("bypass", "taken", "mails"), [("1", 0, 0), ("", 2, 1), ("0", 2, 1)])
def test_import_may_skip_stock_and_mails(
    api: Api, store: Store, bypass: str, taken: int, mails: int
) -> None:
    before = stock(api)

    api("POST", f"/Orders?bypassorderprocessing={bypass}&bypassorderemail={bypass}", data=ORDER)

    assert before - stock(api) == taken
    assert len(requests.get(f"{store.url}/_sandbox/emails", timeout=60).json()) == mails


def test_orders_are_filtered_by_date_and_status(api: Api) -> None:
    old = made(api("POST", "/Orders", data=ORDER), "OrderID")
    new = made(
        api(
            "POST", "/Orders", {"CustomerID": 1, "BillingPaymentMethodID": "1", "OrderItemList": []}
        ),
        "OrderID",
    )

    def found(query: str) -> list[str]:
        answer = api("GET", f"/Orders?{query}")
        return [str(each["OrderID"]) for each in answer.json()] if answer.ok else []

    assert found("limit=&offset=") == [old, new]
    assert found("orderstatus=4") == [old]
    assert found("datestart=01%2F01%2F2020") == [new]
    assert found("dateend=5/1/2019 9:49:00 AM") == [old]
    assert found("lastupdateend=01/01/2020 10:00:00") == []
    assert found("invoicenumber=123456&limit=5&offset=1") == [old]
    assert is_error(api("GET", "/Orders?datestart=yesterday"), 400)
    assert is_error(api("GET", "/Orders?limit=-1"), 400)
    assert api("GET", "/Orders?countonly=1&orderstatus=4").json() == {"TotalCount": 1}
    assert api("GET", "/Orders?countonly=1&orderstatus=9").json() == {"TotalCount": 0}


def test_order_of_a_cart_knows_the_cart_and_its_lines(api: Api, store: Store) -> None:
    key = api("POST", "/Cart", {"BillingEmail": "ada@shopper.example"}).json()[0]["Value"]
    item = {"CatalogID": MUG, "ItemQuantity": 2}
    item_id = api("POST", f"/Cart/{key}/Item", item).json()[0]["Value"]
    before = stock(api)

    place_order(api("GET", f"/Cart/{key}").json()[0]["CheckoutURL"])

    order = one(api("GET", "/Orders"))
    (line,) = order["OrderItemList"]
    (paid,) = order["TransactionList"]
    assert f"orderkey={key}" in order["ContinueURL"]
    assert (str(line["ItemIndexID"]), line["ItemQuantity"]) == (item_id, 2.0)
    assert (order["OrderStatusID"], order["OrderAmount"]) == (1, 19.98)
    assert order["BillingEmail"] == "ada@shopper.example"
    assert (paid["TransactionType"], paid["TransactionAmount"]) == ("Sale", 19.98)
    assert before - stock(api) == 2


CUSTOMER = {
    "CustomerID": 96318450,
    "Email": "new@shopper.example",
    "Password": "",
    "BillingFirstName": "Grace",
    "BillingCity": "Bonn",
    "BillingPhoneNumber": "0228",
    "ShippingAddressType": -4,
    "CustomerGroupID": 1,
    "Enabled": True,
    "TotalStoreCredit": -15431326.976344898,
    "ResetPassword": True,
}


def test_customer_is_made_read_changed_and_deleted(api: Api) -> None:
    customer_id = made(api("POST", "/Customers", CUSTOMER), "CustomerID")
    path = f"/Customers/{customer_id}"

    changed = api("PUT", path, {"BillingCity": "Köln", "BillingFirstName": None, "Email": None})
    customer = one(api("GET", path))
    deleted = api("DELETE", path)

    assert updated(changed, "CustomerID", customer_id)
    assert {name: customer[name] for name in CUSTOMER} == CUSTOMER | {
        "CustomerID": int(customer_id),
        "BillingCity": "Köln",
    }
    assert updated(deleted, "CustomerID", customer_id, word="Deleted")
    for answer in (api("GET", path), api("PUT", path, {}), api("DELETE", path)):
        assert is_error(answer, 404)


def test_lists_of_customers_are_written_completely_or_not_at_all(api: Api) -> None:
    answer = api("POST", "/Customers", [CUSTOMER, CUSTOMER])
    ids = [each["Value"] for each in answer.json()]
    changes = [{"CustomerID": each, "BillingCity": "Mainz"} for each in ids]

    changed = api("PUT", "/Customers", changes)
    failed = api("PUT", "/Customers", [changes[0] | {"BillingCity": "Ulm"}, {"CustomerID": 7}])

    assert len(set(ids)) == 2
    assert updated(changed, "CustomerID", *ids)
    assert is_error(failed, 404)
    assert {each["BillingCity"] for each in api("GET", "/Customers?city=mainz").json()} == {"Mainz"}


def test_customers_are_filtered_paged_and_counted_also_in_a_group(api: Api) -> None:
    api("POST", "/Customers", CUSTOMER)
    api("POST", "/Customers", {"Email": "other@shopper.example", "CustomerGroupID": 2})

    def emails(path: str) -> list[str]:
        return [each["Email"] for each in api("GET", path).json()]

    everyone = ["ada@shopper.example", "new@shopper.example", "other@shopper.example"]
    assert emails("/Customers?limit=&offset=&email=&countonly=") == everyone
    assert emails("/Customers?limit=1&offset=2") == everyone[1:2]
    assert emails("/Customers?email=NEW@shopper.example") == everyone[1:2]
    assert emails("/Customers?firstname=Grace&city=Bonn&phone=0228") == everyone[1:2]
    assert emails("/CustomerGroups/1/Customers") == everyone[:2]
    assert emails("/CustomerGroups/1/Customers?firstname=ada") == everyone[:1]
    assert api("GET", "/CustomerGroups/1/Customers?countonly=1").json() == {"TotalCount": 2}
    for path in ("/CustomerGroups/9/Customers", "/CustomerGroups/1/Customers?city=Ulm",
                 "/Customers?lastupdateend=01/01/2020", "/Customers/x"):  # fmt: skip
        assert is_error(api("GET", path), 404)
    assert is_error(api("POST", "/Customers", {"BillingCity": "Ulm"}), 400)
    assert is_error(api("POST", "/Customers", {"Email": "x" * 101}), 400)


def test_admin_is_made_read_changed_and_deleted(api: Api) -> None:
    sent = {"Username": "eve", "Email": "eve@store.example", "Name": "Eve", "Password": "secret",
            "AdminId": -85, "ExternalId": "x1", "AdminPermissionsList": [{"Id": 2}]}  # fmt: skip
    admin_id = made(api("POST", "/Admins", sent), "AdminId")

    changed = api("PUT", f"/Admins/{admin_id}", {"Name": "Eva", "AdminPermissionsList": []})
    admin = one(api("GET", "/Admins?external_id=x1"))

    assert updated(changed, "AdminId", admin_id)
    assert list(admin) == ["AdminId", "Username", "Email", "Name", "ExternalId", "Lastlogin",
                           "AdminPermissionsList"]  # fmt: skip
    assert (admin["Name"], admin["Username"], admin["AdminPermissionsList"]) == ("Eva", "eve", [])
    assert updated(api("DELETE", f"/Admins/{admin_id}"), "AdminId", admin_id, word="Deleted")
    assert is_error(api("GET", f"/Admins/{admin_id}"), 404)
    assert is_error(api("GET", "/Admins?username=eve"), 404)
    assert US_DATE.fullmatch(one(api("GET", "/Admins?name=Store admin"))["Lastlogin"])


def test_permissions_and_login_tokens(api: Api) -> None:
    permission = one(api("GET", "/AdminPermissions?section=Orders&action=view"))
    token = api("GET", "/Admins/1/LoginToken?targetpage=orders.asp").json()

    assert permission == one(api("GET", f"/AdminPermissions/{permission['Id']}"))
    assert set(permission) == {"Id", "Section", "Action"}
    assert is_error(api("GET", "/AdminPermissions?section=None"), 404)
    assert is_error(api("POST", "/AdminPermissions", permission), 405)
    assert set(token) == {"Token", "Loginurl", "Expiration"}
    assert "targetpage=orders.asp" in token["Loginurl"]
    assert requests.get(token["Loginurl"], timeout=60).status_code == 200
    assert US_DATE.fullmatch(token["Expiration"])
    assert is_error(api("GET", "/Admins/99/LoginToken"), 404)


def test_frontend_script_is_on_every_page_of_the_store(api: Api, store: Store) -> None:
    code = '<script src="https://www.example.com/script.js"></script>'
    sent = {"Placement": "HEAD", "Code": code, "DateCreated": "05/02/2019 13:23"}
    script_id = made(api("POST", "/FrontendScripts", sent), "FrontendScriptID")

    page = requests.get(store.url, timeout=60).text
    api("PUT", f"/FrontendScripts/{script_id}", {"Placement": "BODY"})
    moved = requests.get(store.url, timeout=60).text

    script = one(api("GET", f"/FrontendScripts/{script_id}"))
    assert page.index(code) < page.index("<main>")
    assert moved.index(code) > moved.index("</main>")
    assert (script["DateCreated"], script["Code"]) == ("05/02/2019 13:23", code)
    assert is_error(api("POST", "/FrontendScripts", sent | {"Placement": "FOOT"}), 400)
    api("DELETE", f"/FrontendScripts/{script_id}")
    assert code not in requests.get(store.url, timeout=60).text


def test_catalogue_is_replaced_by_products_as_the_api_gives_them(api: Api, store: Store) -> None:
    shirt = one(api("GET", f"/Products/{SHIRT}"))

    sent = requests.put(f"{store.url}/_sandbox/products", json=[shirt], timeout=60)
    refused = requests.put(f"{store.url}/_sandbox/products", json=[{"Hide": True}], timeout=60)

    assert (sent.status_code, refused.status_code) == (204, 400)
    assert one(api("GET", "/Products")) == shirt
    key = api("POST", "/Cart", {}).json()[0]["Value"]
    size = {"OptionSetID": 1882, "OptionID": 12399, "OptionValue": "X-Large"}
    item = {"CatalogID": SHIRT, "ItemQuantity": 1, "ItemOptions": [size]}
    assert api("POST", f"/Cart/{key}/Item", item).status_code == 201
    (line,) = one(api("GET", f"/Cart/{key}"))["CartItemList"]
    assert (line["ItemOptionPrice"], line["ItemID"]) == (2.0, "TSHIRT-X-")


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("POST", "/Customers", b"[" * 100_000),
        ("POST", "/Customers", b"[]"),
        ("POST", "/Customers", b"[1]"),
        ("POST", "/Customers", b"\xff"),
        ("POST", "/Customers", b'{"Email": {"a": 1}}'),
        ("PUT", "/Customers/1", b'{"Enabled": "perhaps"}'),
        ("PUT", "/Customers/1", b'{"CustomerGroupID": 1.5}'),
        ("PUT", "/Customers/1", b"no JSON"),
        ("POST", f"/Products/{SHIRT}/AdvancedOptions", b'{"AdvancedOptionStock": 1}'),
        ("PUT", f"/Products/{SHIRT}/AdvancedOptions/12396", b"[{},{}]"),
        ("PUT", f"/Products/{MUG}", b'{"OptionSetList": {}}'),
        ("POST", "/Orders", b'{"CustomerID":1,"BillingPaymentMethodID":"1","OrderDate":"soon"}'),
    ],
    ids=lambda value: str(value)[:40],
)
def test_what_cannot_be_read_is_refused(api: Api, method: str, path: str, body: bytes) -> None:
    assert is_error(api(method, path, data=body), 400)


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("DELETE", "/Customers", 405),
        ("POST", "/Customers/1", 405),
        ("DELETE", "/Orders/1", 405),
        ("POST", "/Admins/1/LoginToken", 405),
        ("DELETE", f"/Products/{SHIRT}/Options/1882", 405),
        ("GET", f"/Products/{SHIRT}/Options/7", 404),
        ("GET", f"/Products/{SHIRT}/Unicorns", 404),
        ("GET", "/Customers/1/2/3/4", 404),
        ("GET", "/Customers/99999999999999999999999", 404),
    ],
)
def test_what_is_not_there_is_said(api: Api, method: str, path: str, status: int) -> None:
    assert is_error(api(method, path), status)


def test_product_of_bare_options_can_be_bought(api: Api) -> None:
    sets = [{"OptionList": [{"OptionValue": 1.5}]}]
    sent = {"SKUInfo": {"SKU": "A", "Name": "A", "Stock": 5}, "OptionSetList": sets,
            "AdvancedOptionList": [{"AdvancedOptionName": "none"}]}  # fmt: skip
    catalog_id = made(api("POST", "/Products", sent), "CatalogID")
    (option_set,) = one(api("GET", f"/Products/{catalog_id}"))["OptionSetList"]
    chosen = {"OptionSetID": option_set["OptionSetID"],
              "OptionID": option_set["OptionList"][0]["OptionID"]}  # fmt: skip
    key = api("POST", "/Cart", {}).json()[0]["Value"]

    item = {"CatalogID": int(catalog_id), "ItemOptions": [chosen]}
    assert api("POST", f"/Cart/{key}/Item", item).status_code == 201

    api("DELETE", f"/Products/{catalog_id}")
    (line,) = one(api("GET", f"/Cart/{key}"))["CartItemList"]
    path = f"/Cart/{key}/Item/{line['CartItemID']}"
    assert is_error(api("PUT", path, {"ItemQuantity": 2}), 400)
    assert line["ItemOptionPrice"] == 1.5


def test_page_says_what_the_store_speaks(store: Store) -> None:
    page = requests.get(f"{store.url}/docs", timeout=60).text

    for said in ("/CustomerGroups/{id}/Customers", "/Admins/{id}/LoginToken", "bypassorderemail",
                 "AdvancedOptionSufix", "Order Status Changed", "gateway_checkout_url",
                 "Products", "Wrong random key", "alters_quantity"):  # fmt: skip
        assert said in page
