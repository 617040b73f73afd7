"""What an application key may do beyond carts and products, where the settings ask for it."""

from __future__ import annotations

from collections.abc import Iterator

from cartproxy.doctor.findings import Finding, ok, warning
from cartproxy.settings import Settings, StoreSettings
from cartproxy.store import webhooks
from cartproxy.store.errors import StoreAuth, StoreError
from cartproxy.upstream import store_calls
from cartproxy.web.api_keys import ApiKeys


def customer_findings(name: str, store: StoreSettings, settings: Settings) -> Iterator[Finding]:
    """Whether carts can be linked to customers: one GET, if an API key may name customers."""
    if not ApiKeys(store.api_keys).may_name_customers:
        return
    with store_calls(name, store, settings, "doctor") as call:
        if _may_read(call, "/Customers"):
            yield ok(
                "customers",
                "Customers can be read. Whether they can be created shows with the first new one.",
            )
        else:
            yield warning(
                "store-customer-rights",
                "The application may not read customers, so no cart can be linked to one.",
                "Give it the rights to read and write Customers in the developer portal.",
            )


def order_findings(name: str, store: StoreSettings, settings: Settings) -> Iterator[Finding]:
    """Whether the store reports its orders to this service: two GETs, if that is switched on."""
    if not store.hook_secret:
        detail = "No hook_secret is set: the store's orders are not reported, no sales are counted."
        yield ok("orders-off", detail)
        return
    with store_calls(name, store, settings, "doctor") as call:
        if not _may_read(call, "/Orders"):
            yield warning(
                "store-order-rights",
                "The application may not read orders, so they can't be counted.",
                "Give it the right to read Orders in the developer portal.",
            )
            return
        try:
            url = settings.hook_url(name) + store.hook_secret.reveal()
            registered = webhooks.is_registered(call, url)
        except StoreError:
            yield ok("orders", "Orders can be read. The store does not list its webhooks.")
            return
    if registered:
        yield ok("orders", "Orders can be read, and the store posts new ones to this service.")
    else:
        yield warning(
            "webhook-missing",
            "The store has no webhook that posts new orders to this service.",
            f"Run: cartproxy webhook register --store {name}",
        )


def _may_read(call: webhooks.Call, path: str) -> bool:
    """Whether the key has the right; an error that says nothing about rights counts as yes."""
    try:
        webhooks.require_success(call("GET", f"{path}?countonly=1"))
    except StoreAuth:
        return False
    except StoreError:
        pass  # the store has none yet; `store_findings` says whether it can be reached
    return True
