"""The books in Redis, without the orders of earlier tests."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import redis

from support.shopper import BLOG


@contextmanager
def empty_books(redis_url: str) -> Iterator[redis.Redis]:
    """Redis without any orders."""
    with redis.Redis.from_url(redis_url) as client:
        for key in client.scan_iter("cpo:*"):
            client.delete(key)
        yield client


def booked_in_redis(client: redis.Redis, store: str, name: str) -> int:
    """A figure of the blog's, of all days: at midnight a test has two."""
    days = client.keys(f"cpo:{{{store}}}:d:*")
    return sum(int(client.hget(day, f"{name} {BLOG}") or 0) for day in days)
