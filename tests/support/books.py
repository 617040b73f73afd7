"""Redis without the orders of earlier tests."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import redis


@contextmanager
def empty_books(redis_url: str) -> Iterator[redis.Redis]:
    """Redis without any orders."""
    with redis.Redis.from_url(redis_url) as client:
        for key in client.scan_iter("cpo:*"):
            client.delete(key)
        yield client
