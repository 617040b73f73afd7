"""The embedded storage, for tests of what keeps carts in it."""

from __future__ import annotations

import fakeredis
import pytest


@pytest.fixture
def client() -> fakeredis.FakeRedis:
    """An empty storage."""
    return fakeredis.FakeRedis(protocol=2)
