"""Webhooks: for each event an HTTP POST with an array of one record.

It is not known whether the real store retries, and which headers it sends. This one tries three
times, and names the event in `X-Sandbox-Event`.
"""

from __future__ import annotations

import threading
import time
from typing import Any

import requests

from cartproxy.sandbox.fields import Record
from cartproxy.sandbox.records import Change, shown
from cartproxy.sandbox.resources import EVENTS, Resource
from cartproxy.sandbox.state import State

_PAUSES_SECONDS = (0, 1, 5)
_TIMEOUT_SECONDS = 10


def fire(state: State, change: Change) -> None:
    """Send the events of this change to all who registered for them."""
    for event in events(change):
        send(state, event, change.resource, change.record)


def send(state: State, event: str, resource: Resource, record: Record) -> None:
    """Send an event to the settings' `webhook_url` and to the webhooks registered for it."""
    document = [shown(state, resource, record)]
    targets = [state.switches.webhook_url] if state.switches.webhook_url else []
    for webhook in state.records["Webhooks"].values():
        if webhook["Enabled"] and EVENTS[webhook["EventType"]] == event:
            targets.append(webhook["Url"])
    for url in targets:
        threading.Thread(target=_deliver, args=(state, event, url, document), daemon=True).start()


def events(change: Change) -> list[str]:
    """The names of the documented events of a change."""
    name, before, after = change.resource.name, change.before, change.after
    if name not in ("Orders", "Customers", "Products"):
        return []
    if before is None:
        return [f"{name.removesuffix('s')} New"]
    if name == "Products":
        if after is None:
            return ["Product Deleted"]
        stock = ["Product Stock Changed"] if _stock(before) != _stock(after) else []
        return ["Product Changed", *stock]
    status = "OrderStatusID"
    if name == "Orders" and after and before.get(status) != after.get(status):
        return ["Order Status Changed"]
    return []


def _stock(product: Record) -> tuple[Any, ...]:
    variants = product.get("AdvancedOptionList", ())
    return (
        product.get("SKUInfo", {}).get("Stock"),
        [each.get("AdvancedOptionStock") for each in variants],
    )


def _deliver(state: State, event: str, url: str, document: list[Record]) -> None:
    session = requests.Session()
    session.trust_env = False
    for pause in _PAUSES_SECONDS:
        time.sleep(pause)
        try:
            answer = session.post(
                url,
                json=document,
                headers={"X-Sandbox-Event": event},
                timeout=_TIMEOUT_SECONDS,
                allow_redirects=False,
            )
            status: int | None = answer.status_code
        except requests.RequestException:
            status = None
        state.deliveries.append({"event": event, "url": url, "status": status})
        if status is not None and status < 400:
            return
