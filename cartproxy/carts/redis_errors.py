"""The one table from redis-py's errors to the product's."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from redis.exceptions import OutOfMemoryError, RedisError

from cartproxy.carts.errors import StorageFull, StorageUnavailable


@contextmanager
def typed_errors() -> Iterator[None]:
    """Raise StorageFull or StorageUnavailable in place of what redis-py raises."""
    try:
        yield
    except OutOfMemoryError:
        raise StorageFull("The cart storage is full.") from None
    except RedisError:
        raise StorageUnavailable("The cart storage does not answer.") from None
