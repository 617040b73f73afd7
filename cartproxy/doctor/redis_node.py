"""Role, version, memory, persistence and connections of one Redis server."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import redis
from redis.exceptions import NoPermissionError, ResponseError

from cartproxy.doctor.findings import Finding, error, ok, warning
from cartproxy.settings import Settings

_OLDEST = (6, 2)  # tests have run with it; older releases get no fixes any more
_NEARLY_FULL = 0.8


def node_findings(node: redis.Redis, settings: Settings, kind: str) -> Iterator[Finding]:
    """What INFO says about it; `kind` is how redis_url reaches it: single, sentinel or cluster."""
    try:
        known: dict[str, Any] = node.info()
    except NoPermissionError:
        yield warning(
            "redis-info-refused",
            "INFO is not allowed, so role, version, memory and persistence could not be checked.",
            "Allow the user of redis_url INFO, or run the doctor as another user.",
        )
        return
    yield _role(known, kind)
    yield _version(known)
    yield from _memory(known)
    yield from _persistence(known, node)
    yield _connections(known, settings)


def _role(known: Mapping[str, Any], kind: str) -> Finding:
    if known["role"] != "master":
        return error(
            "redis-replica",
            f"This is a replica (of {known.get('master_host')}): it takes no writes.",
            "Point redis_url at the master, or use redis+sentinel://, which finds it.",
        )
    if kind == "single" and known.get("cluster_enabled"):
        return error(
            "redis-is-cluster",
            "This is one server of a cluster: most carts are on others.",
            "Use redis+cluster://host:port,host:port as redis_url.",
        )
    if kind == "sentinel" and not known.get("connected_slaves"):
        return warning(
            "redis-no-replica",
            "The sentinels watch a master, but no replica that could replace it.",
            "Start a replica.",
        )
    return ok("redis-role", "It is a master.")


def _version(known: Mapping[str, Any]) -> Finding:
    name = "Valkey" if "valkey_version" in known else "Redis"
    version = str(known.get("valkey_version", known["redis_version"]))
    detail = f"{name} {version}."
    if name == "Redis" and tuple(int(part) for part in version.split(".")[:2]) < _OLDEST:
        return warning(
            "redis-old",
            detail,
            "Use Redis 6.2 or later, or Valkey; older ones are untested.",
        )
    return ok("redis-version", detail)


def _memory(known: Mapping[str, Any]) -> Iterator[Finding]:
    limit, used = int(known["maxmemory"]), int(known["used_memory"])
    policy = known.get("maxmemory_policy", "unknown")
    if policy != "noeviction":
        yield (error if limit else warning)(
            "redis-eviction",
            f"maxmemory-policy is {policy}: "
            + ("when it is full" if limit else "once maxmemory is set and reached")
            + ", Redis deletes carts without notice.",
            "Set maxmemory-policy noeviction, and do not share this Redis with a cache.",
        )
    if not limit:
        yield warning(
            "redis-maxmemory",
            "maxmemory is not set: when the machine runs out of memory, Redis is killed.",
            "Set maxmemory to what the machine can spare: writes are then refused, but carts stay.",
        )
    elif used > limit * _NEARLY_FULL:
        yield warning(
            "redis-nearly-full",
            f"{used / limit:.0%} of maxmemory is used.",
            "Raise maxmemory, or find out what else fills it.",
        )
    if policy == "noeviction" and 0 < used <= limit * _NEARLY_FULL:
        yield ok("redis-memory", f"{used / limit:.0%} of maxmemory is used; noeviction.")


def _persistence(known: Mapping[str, Any], node: redis.Redis) -> Iterator[Finding]:
    failed = [
        name
        for name in ("rdb_last_bgsave_status", "aof_last_write_status", "aof_last_bgrewrite_status")
        if known.get(name, "ok") != "ok"
    ]
    if failed:
        yield error(
            "redis-saving-fails",
            f"Redis can't save ({', '.join(failed)}), and may refuse writes because of it.",
            "Look in the log of Redis for a full disk or missing permissions.",
        )
    elif known["aof_enabled"]:
        yield ok("redis-persistence", "Carts survive a restart (append-only file).")
    elif _saves(node):
        yield warning(
            "redis-snapshots-only",
            "Redis saves only now and then (RDB): a crash loses all changes since the last save.",
            "Set appendonly yes.",
        )
    else:
        yield warning(
            "redis-no-persistence",
            "No persistence was found: a restart of Redis loses every cart.",
            "Set appendonly yes (appendfsync everysec).",
        )


def _saves(node: redis.Redis) -> bool:
    """Whether Redis makes snapshots; hosted servers do not say."""
    try:
        return bool(node.config_get("save").get("save"))
    except ResponseError:
        return False


def _connections(known: Mapping[str, Any], settings: Settings) -> Finding:
    needed = settings.worker_count * settings.redis_connections
    most = int(known.get("maxclients", 10_000))
    if needed > most:
        return warning(
            "redis-connections",
            f"This instance may open {needed} connections; Redis accepts {most} from all clients.",
            "Raise maxclients, or lower concurrency or workers.",
        )
    return ok("redis-connections", f"This instance may open {needed} of {most} connections.")
