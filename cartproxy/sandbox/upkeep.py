"""What follows a change of a record: it is completed, saved, and reported to others."""

from __future__ import annotations

from datetime import datetime

from cartproxy.sandbox import orders, records, webhooks
from cartproxy.sandbox.records import Change
from cartproxy.sandbox.resources import RESOURCES
from cartproxy.sandbox.state import State


def complete(state: State, change: Change) -> None:
    """Fill in the fields that the store sets itself. Raises Refusal before anything is saved."""
    record, name = change.after, change.resource.name
    if record is None:
        return
    now = datetime.now().replace(microsecond=0)
    if name in ("Products", "Orders", "FrontendScripts"):
        record["LastUpdate"] = now
    if name == "Admins":
        known = state.records["AdminPermissions"]
        for permission in record.get("AdminPermissionsList", ()):  # perhaps sent only by their ids
            permission |= {**known.get(permission.get("Id"), {}), **permission}
    if change.before is not None:
        return
    if name == "Orders":
        orders.complete(state, record)
    elif name in ("Products", "FrontendScripts"):
        record.setdefault("DateCreated", now)
    elif name == "Webhooks":
        record.setdefault("Format", "JSON")
        record.setdefault("Enabled", True)
    elif name == "Customers":
        record.setdefault("Enabled", True)
        record.setdefault("CustomerGroupID", 0)


def save(state: State, change: Change, *, process: bool = True, mail: bool = True) -> None:
    """Save a new or changed record, and send webhooks and e-mails about the change.

    A new order reduces the stock unless `process` is false (`bypassorderprocessing`), and sends the
    customer an e-mail unless `mail` is false (`bypassorderemail`).
    """
    record, resource = change.after, change.resource
    if record is not None:
        records.touch(record)
        state.records[resource.name][records.id_of(resource, record)] = record
    webhooks.fire(state, change)
    if resource.name != "Orders" or record is None:
        return
    is_reported = change.before is None or "Order Status Changed" in webhooks.events(change)
    if mail and is_reported:
        state.emails.append(
            {
                "to": record.get("BillingEmail", ""),
                "order_id": record["OrderID"],
                "status": record["OrderStatusID"],
            }
        )
    if change.before is None and process:
        for product in orders.take_from_stock(state, record):
            webhooks.send(state, "Product Stock Changed", RESOURCES["products"], product)
