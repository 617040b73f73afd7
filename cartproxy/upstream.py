"""The transport to a store, from its settings: the one place where they become headers."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import requests

from cartproxy.deadline import Deadline
from cartproxy.settings import Settings, StoreSettings
from cartproxy.store.sessions import new_session
from cartproxy.store.transport import Answer, StoreTransport
from cartproxy.store.webhooks import Call


def store_transport(
    name: str, store: StoreSettings, settings: Settings, session: requests.Session
) -> StoreTransport:
    """The transport to one configured store, without budget, breaker and retries."""
    secret_headers = {
        "SecureURL": store.secure_url,
        "PrivateKey": store.private_key.reveal(),
    }
    if store.token:
        secret_headers["Token"] = store.token.reveal()
    if store.access_token:
        secret_headers["Authorization"] = f"Bearer {store.access_token.reveal()}"
    return StoreTransport(
        session,
        base_url=store.base_url,
        secret_headers=secret_headers,
        connect_seconds=settings.store_connect_seconds,
        call_seconds=settings.store_call_seconds,
        ca_file=store.ca_file or None,
        label=name,
    )


@contextmanager
def store_calls(
    name: str, store: StoreSettings, settings: Settings, operation: str
) -> Iterator[Call]:
    """A function of method, path and body that makes one call to the store, for tools.

    Each call may take `store_call_seconds`. It raises what StoreTransport raises.
    """
    with new_session(1) as session:
        transport = store_transport(name, store, settings, session)

        def call(method: str, path: str, body: object = None) -> Answer:
            deadline = Deadline.after(settings.store_call_seconds)
            return transport.call(method, path, deadline, body, operation=operation)

        yield call
