"""What Redis can fail us with, and the one table from redis-py's errors to ours."""

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


class typed_errors:
    """Raise StorageFull or StorageUnavailable in place of what redis-py raises, and time it.

    A request that has waited for two replies in vain asks no more, but to `insist`. Every command
    passes here: a class, since a generator takes twice the time.
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
        _note(type(error).__name__)
        if isinstance(error, OutOfMemoryError):
            raise StorageFull("The cart storage is full.") from None
        if isinstance(error, (RedisConnectionError, RedisTimeoutError)):
            patience.count_lost()
            raise ReplyLost("The cart storage does not answer.") from None
        raise StorageUnavailable("The cart storage does not answer.") from None


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
