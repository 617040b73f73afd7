"""The transport to a store, from its settings: the one place where they become headers."""

from __future__ import annotations

import requests

from cartproxy.settings import Settings, StoreSettings
from cartproxy.store.transport import StoreTransport


def store_transport(
    name: str, store: StoreSettings, settings: Settings, session: requests.Session
) -> StoreTransport:
    """The bare transport to one configured store: without turns, breaker and retries."""
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
