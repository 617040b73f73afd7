"""Errors of Redis, and the one place where redis-py's errors become ours."""

from __future__ import annotations

import time

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
    """Redis did not execute a command."""


class StorageUnavailable(StorageError):
    """Redis can't be reached, is too slow, or refuses the connection."""

    code = "storage-unavailable"
    retryable = True
    usual_retry_after = 2


class ReplyLost(StorageUnavailable):
    """The command may have been executed, and only its reply lost."""


class StorageFull(StorageError):
    """Redis has no memory for writes."""

    code = "storage-full"
    retryable = True
    usual_retry_after = 30


class StorageNewer(StorageError):
    """Redis has the value in a format that this release does not know, so it is not changed."""

    code = "storage-newer"
    retryable = True
    usual_retry_after = 30


class typed_errors:
    """Turn redis-py's errors into StorageFull or StorageUnavailable, and measure the time.

    A request that has lost two replies sends no more commands, except with `insist`. This is a
    class because every command uses it, and a generator would take twice the time.
    """

    def __init__(self, operation: str, *, insist: bool = False) -> None:
        self._operation = operation
        self._insist = insist

    def __enter__(self) -> None:
        if patience.is_used_up() and not self._insist:
            raise StorageUnavailable("The cart storage does not answer.")
        self._began = time.monotonic()

    def __exit__(self, _: object, error: BaseException | None, __: object) -> None:
        count_redis(self._operation, time.monotonic() - self._began)
        if not isinstance(error, RedisError):
            return
        note(type(error).__name__)
        if isinstance(error, OutOfMemoryError):
            raise StorageFull("The cart storage is full.") from None
        if isinstance(error, (RedisConnectionError, RedisTimeoutError)):
            patience.count_lost()
            raise ReplyLost("The cart storage does not answer.") from None
        raise StorageUnavailable("The cart storage does not answer.") from None


def note(kind: str) -> None:
    """Count an error of the storage, and log it from time to time."""
    count_redis_error(kind)
    log_seldom("storage_error", error=kind)


def log_seldom(event: str, **fields: str) -> None:
    """Log an error at most once a second for each first field: every request may cause it."""
    about = (event, next(iter(fields.values())))
    now = time.monotonic()
    if now - _logged_at.get(about, -_LOG_EVERY_SECONDS) >= _LOG_EVERY_SECONDS:
        _logged_at[about] = now
        log.error(event, **fields)
