"""What Redis can fail us with, and the one table from redis-py's errors to ours."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager

import structlog
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import OutOfMemoryError, RedisError
from redis.exceptions import TimeoutError as RedisTimeoutError

from cartproxy.errors import CartProxyError
from cartproxy.metrics import count_redis, count_redis_error
from cartproxy.storage import patience

log = structlog.get_logger("cartproxy.storage")

_LOG_EVERY_SECONDS = 1.0
_logged_at: dict[tuple[str, str], float] = {}


class StorageError(CartProxyError):
    """Redis did not do what was asked of it."""


class StorageUnavailable(StorageError):
    """Redis is away, too slow, or refuses us."""

    code = "storage-unavailable"
    retryable = True
    usual_retry_after = 2


class ReplyLost(StorageUnavailable):
    """The command may have run, and only its reply may be lost."""


class StorageFull(StorageError):
    """Redis has no memory left for writes."""

    code = "storage-full"
    retryable = True
    usual_retry_after = 30


class StorageNewer(StorageError):
    """Redis holds the value in a format that this release does not know; so it lets it be."""

    code = "storage-newer"
    retryable = True
    usual_retry_after = 30


@contextmanager
def typed_errors(operation: str, *, insist: bool = False) -> Iterator[None]:
    """Raise StorageFull or StorageUnavailable in place of what redis-py raises, and time it.

    A request that has waited for two replies in vain asks no more, but to `insist`.
    """
    if patience.is_used_up() and not insist:
        raise StorageUnavailable("The cart storage does not answer.")
    began = time.monotonic()
    try:
        yield
    except OutOfMemoryError:
        _note("OutOfMemoryError")
        raise StorageFull("The cart storage is full.") from None
    except (RedisConnectionError, RedisTimeoutError) as error:
        _note(type(error).__name__)
        patience.count_lost()
        raise ReplyLost("The cart storage does not answer.") from None
    except RedisError as error:
        _note(type(error).__name__)
        raise StorageUnavailable("The cart storage does not answer.") from None
    finally:
        count_redis(operation, time.monotonic() - began)


def _note(kind: str) -> None:
    count_redis_error(kind)
    log_seldom("storage_error", error=kind)


def log_seldom(event: str, **fields: str) -> None:
    """Log an error, at most once a second for each first field: every request may meet it."""
    about = (event, next(iter(fields.values())))
    now = time.monotonic()
    if now - _logged_at.get(about, -_LOG_EVERY_SECONDS) >= _LOG_EVERY_SECONDS:
        _logged_at[about] = now
        log.error(event, **fields)
