"""Whether Redis can be reached and written, and is fast enough. Each server: `redis_node`."""

from __future__ import annotations

import contextlib
import statistics
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from urllib.parse import urlsplit

import redis
from redis.exceptions import (
    AuthenticationError,
    BusyLoadingError,
    InvalidResponse,
    NoPermissionError,
    OutOfMemoryError,
    ReadOnlyError,
    RedisError,
)
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import TimeoutError as RedisTimeoutError
from redis.sentinel import MasterNotFoundError

from cartproxy.doctor.findings import Finding, error, guarded, ok, warning
from cartproxy.doctor.redis_cluster import cluster_findings, primaries
from cartproxy.doctor.redis_node import node_findings
from cartproxy.limits.rate_limiter import UNREADABLE_ADDRESS_KEY
from cartproxy.records.pending import list_key, pending_figures
from cartproxy.records.records import record_key
from cartproxy.settings import SEVERAL_SERVERS, Settings, StoreSettings
from cartproxy.sites import is_local
from cartproxy.storage.connect import connect
from cartproxy.storage.scripts import probe_script

_PINGS = 9
_PROBE_KEY = record_key("doctor")  # under the service's own prefix
# Some reasons have no class of their own in redis-py, only a text; it is compared in lower case.
_REASONS = (
    ("db index is out of range", "redis-database", "has no database of this number",
     "Correct the number at the end of redis_url, or raise `databases` of Redis."),
    ("unknown command 'sentinel'", "redis-no-sentinel", "is there, but no sentinel",
     "Name the sentinels in redis_url (their usual port is 26379), or use redis://."),
    ("cluster mode is not enabled", "redis-no-cluster", "is there, but no cluster",
     "Use redis:// as redis_url, or name servers of the cluster."),
    ("max number of clients", "redis-clients", "accepts no more connections",
     "Raise maxclients, or find out who else is connected: redis-cli client list."),
)  # fmt: skip
# The first that matches.
_FAILURES: tuple[tuple[type[RedisError], str, str, str], ...] = (
    (BusyLoadingError, "redis-loading", "is still reading its data",
     "Wait: it answers once it has read its file."),
    (InvalidResponse, "redis-other-service", "is not what answers there: it is another service",
     "Correct host and port in redis_url."),
    (AuthenticationError, "redis-credentials", "refuses the credentials",
     "Correct user and password in redis_url."),
    (NoPermissionError, "redis-rights", "does not allow what is needed",
     "Let the user of redis_url run scripts, and read and write the keys cp*."),
    (MasterNotFoundError, "redis-no-master", "is not known to any sentinel",
     "Check the sentinels' addresses and the service's name in redis_url."),
    (ReadOnlyError, "redis-read-only", "takes no writes",
     "Point redis_url at the master, or use redis+sentinel:// or redis+cluster://."),
    (OutOfMemoryError, "redis-full", "has no room for writes",
     "Raise maxmemory, or find out what else fills it."),
    (RedisTimeoutError, "redis-timeout", "does not answer within redis_timeout_seconds",
     "Check network and load, and that a rediss:// port speaks TLS; raise it for a distant Redis."),
    (RedisConnectionError, "redis-unreachable", "can't be reached",
     "Start it, or correct redis_url; check the firewall, and TLS if it is rediss://."),
)  # fmt: skip


def storage_findings(settings: Settings) -> Iterator[Finding]:
    """Everything about the Redis that `redis_url` names."""
    url = settings.redis_url.reveal()
    if not url:
        yield _embedded(settings)
        return
    about = f"redis {place(url)}"
    client = connect(settings)
    try:
        failure = _failure(lambda: client.ping())  # a cluster's client connects for `.ping`
        if failure is not None:
            yield replace(failure, about=about)
            return
        yield from guarded("redis-latency", about, partial(_latency, client, settings))
        yield from guarded("redis-scripts", about, partial(_scripts, client))
        yield from guarded("client-addresses", "trusted_hops", partial(_addresses, client))
        for name, store in settings.stores.items():
            pending = partial(_pending, client, name, store)
            yield from guarded("carts-pending", f"store {name}", pending)
        several = SEVERAL_SERVERS.fullmatch(url)
        kind = several["kind"] if several else "single"
        nodes = {about: client}
        if kind == "cluster":
            yield from guarded("redis-cluster", about, partial(cluster_findings, client))
            nodes = {f"redis {name}": node for name, node in primaries(client).items()}
        for name, node in nodes.items():
            yield from guarded("redis-server", name, partial(node_findings, node, settings, kind))
    finally:
        with contextlib.suppress(RedisError):
            client.close()


def place(url: str) -> str:
    """Where `redis_url` leads, without user, password and options."""
    several = SEVERAL_SERVERS.fullmatch(url)
    if several:
        return several["hosts"]
    parts = urlsplit(url)
    return parts.netloc.rpartition("@")[2] or parts.path


def _embedded(settings: Settings) -> Finding:
    report = warning if is_local(settings.public_url) else error
    return report(
        "redis-embedded",
        "No redis_url is set: carts are in one process's memory and are lost when it ends.",
        "This is fine for trying out; for shoppers set redis_url and pepper.",
    )


def _failure(attempt: Callable[[], object]) -> Finding | None:
    """Why the attempt fails, without the server's own text; None when it succeeds."""
    try:
        attempt()
    except RedisError as failure:
        text = str(failure).lower().replace("`", "'")  # before Redis 7
        for reason, code, what, advice in _REASONS:
            if reason in text:
                return error(code, f"Redis {what}.", advice)
        for kind, code, what, advice in _FAILURES:
            if isinstance(failure, kind):
                return error(code, f"Redis {what}.", advice)
        code = str(failure).partition(" ")[0] if str(failure)[:1].isupper() else ""
        return error(
            "redis-error",
            f"Redis refuses ({type(failure).__name__} {code}).".replace(" )", ")"),
            "Look at the log of Redis.",
        )
    return None


def _latency(client: redis.Redis, settings: Settings) -> Iterator[Finding]:
    taken = []
    for _ in range(_PINGS):
        began = time.perf_counter()
        client.ping()
        taken.append(time.perf_counter() - began)
    usual = statistics.median(taken)
    detail = f"A round trip takes {usual * 1000:.1f} ms; a write makes three."
    if usual > settings.redis_timeout_seconds / 5:
        yield warning(
            "redis-slow",
            f"{detail} redis_timeout_seconds is {settings.redis_timeout_seconds:g}.",
            "Put Redis near the service; the timeout leaves too little margin.",
        )
    else:
        yield ok("redis-latency", detail)


def _pending(client: redis.Redis, name: str, store: StoreSettings) -> Iterator[Finding]:
    """How many carts wait for a store, and for how long."""
    count, seconds = pending_figures(client, list_key(name))
    since = f", the oldest for {seconds / 3600:.1f} hours" if count else ""
    detail = f"{count} carts wait for the store{since}; the limit is {store.pending_carts}."
    if count > store.pending_carts * 0.8:
        advice = "Raise pending_carts, if Redis has room: up to 50 kB a cart."
        yield warning("carts-pending", detail, advice)
    else:
        yield ok("carts-pending", detail)


def _scripts(client: redis.Redis) -> Iterator[Finding]:
    failure = _failure(lambda: probe_script(client).script(keys=[_PROBE_KEY]))
    yield failure or ok("redis-scripts", "Scripts run, and can write.")


def _addresses(client: redis.Redis) -> Iterator[Finding]:
    """What the running service has noted about the proxy in front."""
    if client.exists(UNREADABLE_ADDRESS_KEY):
        yield warning(
            "client-address-unreadable",
            "In the last day the proxy in front has sent X-Forwarded-For entries that are not "
            "addresses: all clients with the same entry share their limits.",
            "Make the proxy append the caller's address (haproxy: `option forwardfor`), and set "
            "trusted_hops to the number of such proxies.",
        )
