"""The attacker's client: a raw socket to the running service."""

from __future__ import annotations

import pytest
from support.raw import RawClient
from support.shopper import Store


@pytest.fixture
def raw(proxy_url: str, store: Store) -> RawClient:
    return RawClient(proxy_url, store)
