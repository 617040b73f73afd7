"""The connection to Redis, from its URL: the one place where kinds of storage differ."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any, cast
from urllib.parse import unquote

import hiredis
import redis
import structlog
from redis.backoff import NoBackoff
from redis.cluster import ClusterNode, RedisCluster
from redis.connection import ConnectionPool
from redis.driver_info import DriverInfo
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import RedisClusterException, ResponseError
from redis.retry import Retry
from redis.sentinel import Sentinel, SentinelConnectionPool

from cartproxy.settings import SEVERAL_SERVERS, Settings

log = structlog.get_logger("cartproxy.storage")


def connect(settings: Settings) -> redis.Redis:
    """A client for `settings.redis_url`, with short timeouts and no retries of its own.

    A command that is sent again could take effect twice, so only callers that know theirs may do
    that. Without a URL: a store in this process's memory, and a warning in the log. It connects
    when it is first used.
    """
    url = settings.redis_url.reveal()
    if not url:
        import fakeredis

        log.warning(
            "embedded_storage",
            detail="No redis_url is set: carts are kept in this process and are lost when it ends. "
            "For trying out only.",
        )
        return fakeredis.FakeRedis(protocol=2)
    options: dict[str, Any] = {
        "socket_timeout": settings.redis_timeout_seconds,
        "socket_connect_timeout": settings.redis_timeout_seconds,
        "protocol": 2,
        # Made once: else each new connection looks up redis-py's version on the disk. And not left
        # out: without its replies, a TLS session ticket would pass for data nobody asked for.
        "driver_info": DriverInfo(),
        "max_connections": settings.redis_connections,
    }
    several = SEVERAL_SERVERS.fullmatch(url)
    if several is None:
        pool = _Pool.from_url(url, retry=Retry(NoBackoff(), 0), **options)
        return _Once.from_pool(pool)
    if several["user"]:
        options["username"] = unquote(several["user"])
    if several["password"]:
        options["password"] = unquote(several["password"])
    nodes = [_address(text) for text in several["hosts"].split(",")]
    if several["kind"] == "sentinel":
        return _behind_sentinels(nodes, several["service"] or "mymaster", options)
    return cast(redis.Redis, _LazyCluster(nodes, options))


def _behind_sentinels(
    nodes: list[tuple[str, int]], service: str, options: dict[str, Any]
) -> redis.Redis:
    """The master that the sentinels name at each new connection."""
    timeouts = {name: options[name] for name in ("socket_timeout", "socket_connect_timeout")}
    no_retry = Retry(NoBackoff(), 0)
    watchers = {**timeouts, "protocol": 2, "retry": no_retry}
    sentinel = Sentinel(nodes, sentinel_kwargs=watchers)  # type: ignore[no-untyped-call]
    master: redis.Redis = sentinel.master_for(  # type: ignore[no-untyped-call]
        service,
        redis_class=_Once,
        connection_pool_class=_MasterPool,
        retry=no_retry,
        **options,
    )
    return master


class _Once(redis.Redis):
    """Sends each command once, without redis-py's retries and events."""

    def execute_command(self, *args: Any, **options: Any) -> Any:
        """The answer to a command."""
        connection = self.connection_pool.get_connection()
        try:
            # redis-py itself looks at each argument first: as much work as the rest of sending.
            packed = hiredis.pack_command((*args[0].split(), *args[1:]))
            connection.send_packed_command([packed])  # type: ignore[no-untyped-call]
            return self.parse_response(  # type: ignore[no-untyped-call]
                connection, args[0], **options
            )
        except BaseException as error:
            # The reply may still come, and the next command on this connection would read it. A
            # Sentinel's connections don't disconnect by themselves.
            if not isinstance(error, ResponseError):
                connection.disconnect()  # type: ignore[no-untyped-call]
            raise
        finally:
            self.connection_pool.release(connection)


class _Pool(ConnectionPool):
    """redis-py's pool, with a shortcut for connections that are ready for the next command.

    redis-py's own way takes three locks and counts for metrics that nobody reads, which costs more
    than the command. It is still used for new, ended and foreign connections. The shortcut needs no
    lock, since each step changes a list or a set with one call.
    """

    def get_connection(self, *args: Any, **options: Any) -> Any:
        """A connection that is ready for a command."""
        self._checkpid()
        with suppress(IndexError):
            connection = self._available_connections.pop()
            if _is_ready(connection):
                self._in_use_connections.add(connection)
                return connection
            connection.disconnect()
            self._available_connections.append(connection)
        return super().get_connection(*args, **options)

    def release(self, connection: Any) -> None:
        """Take the connection back."""
        if (
            connection in self._in_use_connections
            and connection.is_connected
            and not connection.should_reconnect()
            and self.owns_connection(connection)
        ):
            self._in_use_connections.remove(connection)
            self._available_connections.append(connection)
        else:
            super().release(connection)


class _MasterPool(_Pool, SentinelConnectionPool):
    """The same for the master that the sentinels report."""


def _is_ready(connection: Any) -> bool:
    """Whether the connection is open, and no data is waiting that no command asked for."""
    try:
        return connection.is_connected and not connection.can_read()
    except RedisConnectionError:
        return False


class _LazyCluster:
    """A cluster client that connects when it is first used, so that a start needs no cluster.

    One repeat after a lost connection, when the client has learned the cluster's new shape: every
    script may be repeated by its owner.
    """

    def __init__(self, nodes: list[tuple[str, int]], options: dict[str, Any]) -> None:
        self._nodes = nodes
        self._options = options
        self._lock = threading.Lock()
        self._cluster: RedisCluster | None = None

    def __getattr__(self, name: str) -> Any:
        with self._lock:
            if self._cluster is None:
                nodes = [ClusterNode(*each) for each in self._nodes]  # type: ignore[no-untyped-call]
                self._cluster = _Cluster(
                    startup_nodes=nodes,
                    retry=Retry(NoBackoff(), 1),
                    require_full_coverage=False,
                    connection_pool_class=_Pool,
                    **self._options,
                )
        return getattr(self._cluster, name)


@contextmanager
def _as_redis_error() -> Iterator[None]:
    """Raise a RedisError for a cluster that can't be reached; redis-py raises another kind."""
    try:
        yield
    except RedisClusterException as error:
        raise RedisConnectionError(str(error)) from error


class _Cluster(RedisCluster):
    """redis-py's cluster client, but it raises what the other clients raise."""

    @_as_redis_error()
    def __init__(self, **options: Any) -> None:
        super().__init__(**options)

    @_as_redis_error()
    def execute_command(self, *args: Any, **options: Any) -> Any:
        """The answer to a command."""
        return super().execute_command(*args, **options)  # type: ignore[no-untyped-call]


def _address(text: str) -> tuple[str, int]:
    host, _, port = text.strip().rpartition(":")
    return (host or port).strip("[]"), int(port) if host else 6379
