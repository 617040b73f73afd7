"""Whether a Redis cluster serves all carts, and would still do so without one of its servers."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, cast

import redis
from redis.cluster import ClusterNode, RedisCluster

from cartproxy.doctor.findings import Finding, error, ok, warning

_SLOTS = 16384


def primaries(client: redis.Redis) -> dict[str, redis.Redis]:
    """A client for each primary, by its address."""
    cluster = cast(RedisCluster, client)
    nodes: list[ClusterNode] = cluster.get_primaries()  # type: ignore[no-untyped-call]
    return {f"{node.host}:{node.port}": cluster.get_redis_connection(node) for node in nodes}


def cluster_findings(client: redis.Redis) -> Iterator[Finding]:
    """What a primary knows about the whole cluster."""
    asked = next(iter(primaries(client).values()))
    state: dict[str, Any] = asked.cluster("INFO")
    nodes: dict[str, dict[str, Any]] = asked.cluster("NODES")
    assigned = int(state["cluster_slots_assigned"])
    failing = {name for name, node in nodes.items() if "fail" in node["flags"].split(",")}
    if state["cluster_state"] != "ok" or assigned < _SLOTS:
        yield error(
            "cluster-broken",
            f"The cluster's state is {state['cluster_state']}, and {assigned} of {_SLOTS} slots "
            "are served: some carts can't be reached.",
            "Bring its servers back, or assign the slots: redis-cli --cluster fix.",
        )
    elif failing:
        yield warning(
            "cluster-server-lost",
            f"Serving all slots, but without {', '.join(sorted(failing))}.",
            "Bring the server back, or forget it: redis-cli --cluster forget.",
        )
    else:
        yield ok("cluster", f"All {_SLOTS} slots are served by {len(nodes)} servers.")
    followed = {node["master_id"] for name, node in nodes.items() if name not in failing}
    unsafe = sorted(
        name
        for name, node in nodes.items()
        if "master" in node["flags"] and node["slots"] and node["node_id"] not in followed
    )
    if unsafe:
        yield warning(
            "cluster-no-replica",
            f"Without a replica: {', '.join(unsafe)}. If it is lost, its carts can't be reached.",
            "Give every primary a replica.",
        )
