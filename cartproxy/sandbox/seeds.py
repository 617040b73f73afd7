"""The records of a new store: a customer, an admin, and their group and permissions."""

from __future__ import annotations

from datetime import datetime

from cartproxy.sandbox.fields import Record

_SECTIONS = ("Orders", "Products", "Customers", "Settings")
_ACTIONS = ("view", "edit")


def records() -> dict[str, dict[int, Record]]:
    """New records by resource and id; the products are in the catalogue."""
    started = datetime.now().replace(microsecond=0)
    pairs = [(section, action) for section in _SECTIONS for action in _ACTIONS]
    permissions: dict[int, Record] = {
        number: {"Id": number, "Section": section, "Action": action}
        for number, (section, action) in enumerate(pairs, 1)
    }
    customer = {
        "CustomerID": 1,
        "Email": "ada@shopper.example",
        "BillingFirstName": "Ada",
        "BillingLastName": "Byron",
        "BillingAddress1": "1 Way",
        "BillingCity": "Tamarac",
        "BillingState": "FL",
        "BillingZipCode": "33321",
        "BillingCountry": "US",
        "BillingPhoneNumber": "8008286650",
        "CustomerGroupID": 1,
        "Enabled": True,
    }
    admin = {
        "AdminId": 1,
        "Username": "admin",
        "Email": "admin@sandbox-store.example",
        "Name": "Store admin",
        "Lastlogin": started,
        "AdminPermissionsList": [dict(each) for each in permissions.values()],
    }
    group = {"CustomerGroupID": 1, "Name": "Retail"}
    return {
        "Orders": {},
        "Customers": {1: customer | {"_updated": started}},
        "CustomerGroups": {1: group},
        "Admins": {1: admin},
        "AdminPermissions": permissions,
        "FrontendScripts": {},
        "Webhooks": {},
    }
