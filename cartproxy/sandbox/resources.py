"""The store's plain resources: what there is, by table of fields, and which events there are."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from cartproxy.sandbox import tables
from cartproxy.sandbox.fields import Table

UPDATED = "_updated"  # when a record was last changed; no field of the API


@dataclass(frozen=True)
class Resource:
    """A kind of record. `id` is the field that numbers it, and its envelopes' key.

    `filters` are parameters and the fields they compare; `since` is the prefix of the parameters
    `...start` and `...end` and the date that they bound; `parts` are the lists inside a record that
    have an address of their own; `choices` are the only values that some fields take; `page` is
    the most records of an answer, and how many there are unless `default_page` says less.
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


# No page numbers them. A live client registers 2 for changes of an order's status; the rest is our
# choice (docs/store-api.md).
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
