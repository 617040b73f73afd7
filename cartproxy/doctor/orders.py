"""Do the store's orders come back? Two GETs, where they are wanted at all."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from cartproxy.deadline import Deadline
from cartproxy.doctor.findings import Finding, ok, warning
from cartproxy.settings import Settings, StoreSettings
from cartproxy.store import webhooks
from cartproxy.store.errors import StoreAuth, StoreError
from cartproxy.store.sessions import new_session
from cartproxy.upstream import store_transport


def order_findings(name: str, store: StoreSettings, settings: Settings) -> Iterator[Finding]:
    """What is missing for the orders of one configured store to come back."""
    about = f"store {name}"
    if not store.hook_secret:
        yield ok(
            "orders-off",
            about,
            "No hook_secret is set: the store's orders are not reported, and no sales are counted.",
        )
        return
    with new_session(1) as session:
        transport = store_transport(name, store, settings, session)

        def call(method: str, path: str, body: object = None) -> Any:
            deadline = Deadline.after(settings.store_call_seconds)
            return transport.call(method, path, deadline, body, operation="doctor")

        try:
            webhooks.good(call("GET", "/Orders?countonly=1"))
        except StoreAuth:
            yield warning(
                "store-order-rights",
                about,
                "The application may not read orders, so they can't be counted.",
                "Give it the right to read Orders in the developer portal.",
            )
            return
        except StoreError:
            pass  # it has no orders yet; whether it is there at all, another check says
        url = settings.hook_url(name) + store.hook_secret.reveal()
        try:
            registered = webhooks.is_registered(call, url)
        except StoreError:
            yield ok("orders", about, "Orders may be read. The store does not list its webhooks.")
            return
    if registered:
        yield ok("orders", about, "Orders may be read, and the store posts new ones here.")
    else:
        yield warning(
            "webhook-missing",
            about,
            "The store has no webhook that posts its new orders here.",
            f"Run: cartproxy webhook register --store {name}",
        )
