"""The connection to Redis, from its URL: the one place where kinds of storage differ."""

from __future__ import annotations

import redis
import structlog
from redis.backoff import NoBackoff
from redis.retry import Retry

from cartproxy.settings import Settings

log = structlog.get_logger("cartproxy.storage")


def connect(settings: Settings) -> redis.Redis:
    """A client for `settings.redis_url`, with short timeouts and no retries of its own.

    A repeated command could take effect twice, so repeating is for those who know what they
    repeat. Without a URL: an embedded store in this process's memory, said loudly. Connects lazily.
    """
    if not settings.redis_url:
        import fakeredis

        log.warning(
            "embedded_storage",
            detail="No redis_url is set: carts live in this process alone and end with it. "
            "For trying out only.",
        )
        return fakeredis.FakeRedis(protocol=2)
    return redis.Redis.from_url(
        settings.redis_url.reveal(),
        socket_timeout=settings.redis_timeout_seconds,
        socket_connect_timeout=settings.redis_timeout_seconds,
        retry=Retry(NoBackoff(), 0),
        protocol=2,
        max_connections=settings.threads + 8,
    )
