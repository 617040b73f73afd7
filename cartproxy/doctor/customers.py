"""May the service look for the store's customers? One GET, where a key may name them at all."""

from __future__ import annotations

from collections.abc import Iterator

from cartproxy.deadline import Deadline
from cartproxy.doctor.findings import Finding, ok, warning
from cartproxy.settings import Settings, StoreSettings
from cartproxy.store import webhooks
from cartproxy.store.errors import StoreAuth, StoreError
from cartproxy.store.sessions import new_session
from cartproxy.upstream import store_transport


def customer_findings(name: str, store: StoreSettings, settings: Settings) -> Iterator[Finding]:
    """What is missing for carts of one configured store to be linked to customers."""
    if not any(each.endswith(":customers") for each in store.api_keys):
        return
    about = f"store {name}"
    with new_session(1) as session:
        transport = store_transport(name, store, settings, session)
        deadline = Deadline.after(settings.store_call_seconds)
        try:
            webhooks.good(
                transport.call("GET", "/Customers?countonly=1", deadline, operation="doctor")
            )
        except StoreAuth:
            yield warning(
                "store-customer-rights",
                about,
                "The application may not read customers, so no cart can be linked to one.",
                "Give it the rights to read and write Customers in the developer portal.",
            )
            return
        except StoreError:
            return  # it has none yet; whether it is there at all, another check says
    yield ok(
        "customers",
        about,
        "Customers may be read. Whether they may be made shows with the first new one.",
    )
