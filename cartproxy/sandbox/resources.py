"""The store's resources except carts, each with its table of fields; and its events."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from cartproxy.sandbox import tables
from cartproxy.sandbox.fields import Table

UPDATED = "_updated"  # when a record was last changed; not a field of the API


@dataclass(frozen=True)
class Resource:
    """A kind of record. `id` is the field with its id, and the key of its envelopes.

    `filters` are parameters and the fields that they compare; `since` has the prefix of parameters
    `...start` and `...end`, and the date field that they limit; `parts` are the lists in a record
    that have their own address; `choices` are the only values that some fields accept; `page` is
    the maximum number of records in an answer, and the usual one without `default_page`.
    """

    name: str
    table: Table
    id: str
    methods: tuple[str, ...] = ("GET", "POST", "PUT", "DELETE")
    required: tuple[str, ...] = ()
    secret: tuple[str, ...] = ()
    filters: Mapping[str, str] = field(default_factory=dict)
    since: Mapping[str, str] = field(default_factory=lambda: {"lastupdate": UPDATED})
    parts: Mapping[str, str] = field(default_factory=dict)
    choices: Mapping[str, tuple[Any, ...]] = field(default_factory=dict)
    page: int = 500
    default_page: int | None = None


# The numbers are not documented. A live client registers 2 for changes of an order's status; the
# others are our choice (docs/store-api.md).
EVENTS = {
    1: "Order New",
    2: "Order Status Changed",
    3: "Customer New",
    4: "Product New",
    5: "Product Changed",
    6: "Product Deleted",
    7: "Product Stock Changed",
}
_PEOPLE = {
    "email": "Email",
    "firstname": "BillingFirstName",
    "lastname": "BillingLastName",
    "country": "BillingCountry",
    "state": "BillingState",
    "city": "BillingCity",
    "phone": "BillingPhoneNumber",
}

RESOURCES = {
    each.name.lower(): each
    for each in (
        Resource(
            "Products",
            tables.PRODUCT,
            "CatalogID",
            required=("SKUInfo.SKU", "SKUInfo.Name"),
            filters={
                "sku": "SKUInfo.SKU",
                "name": "SKUInfo.Name",
                "catalogid": "SKUInfo.CatalogID",
                "onsale": "SKUInfo.OnSale",
                "hide": "Hide",
                "notforsale": "NotForSale",
                "mfgid": "MFGID",
            },
            parts={
                "Options": "OptionSetList",
                "AdvancedOptions": "AdvancedOptionList",
                "Images": "ImageGalleryList",
                "Categories": "CategoryList",
            },
            page=200,
        ),
        Resource(
            "Orders",
            tables.ORDER,
            "OrderID",
            methods=("GET", "POST", "PUT"),
            required=("CustomerID", "BillingPaymentMethodID", "OrderItemList.CatalogID"),
            filters={
                "orderstatus": "OrderStatusID",
                "invoicenumber": "InvoiceNumber",
                "customerid": "CustomerID",
                "email": "BillingEmail",
                "lastname": "BillingLastName",
            },
            since={"lastupdate": UPDATED, "date": "OrderDate"},
            parts={"Items": "OrderItemList", "Shipments": "ShipmentList"},
            page=300,
        ),
        Resource(
            "Customers",
            tables.CUSTOMER,
            "CustomerID",
            required=("Email",),
            filters=_PEOPLE,
        ),
        Resource("CustomerGroups", tables.CUSTOMER_GROUP, "CustomerGroupID", required=("Name",)),
        Resource(
            "Admins",
            tables.ADMIN,
            "AdminId",
            required=("Username",),
            secret=("Password",),
            filters={"name": "Name", "username": "Username", "external_id": "ExternalId"},
        ),
        Resource(
            "AdminPermissions",
            tables.ADMIN_PERMISSION,
            "Id",
            methods=("GET",),
            filters={"section": "Section", "action": "Action"},
        ),
        Resource(
            "FrontendScripts",
            tables.FRONTEND_SCRIPT,
            "FrontendScriptID",
            required=("Placement", "Code"),
            choices={"Placement": ("HEAD", "BODY")},
            default_page=10,
        ),
        Resource(
            "Webhooks",
            tables.WEBHOOK,
            "Id",
            required=("Name", "Url", "EventType"),
            choices={"EventType": tuple(EVENTS), "Format": ("JSON",)},
        ),
    )
}
