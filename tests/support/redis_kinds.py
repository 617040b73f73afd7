"""Every kind of Redis that the service can be pointed at, started for real."""

from __future__ import annotations

import contextlib
import ssl
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import redis
import trustme

from support.servers import free_port, process, redis_binary
from support.tcp_proxy import tcp_proxy
from support.waiting import wait_for

KINDS = ("embedded", "single", "unix", "tls", "sentinel", "cluster")


def nothing() -> None:
    """No disturbance."""


@dataclass
class Kind:
    """A running storage: its URL, and a disturbance that its data must survive.

    When the disturbance returns, all servers agree on who took over.
    """

    url: str
    disturb: Callable[[], None] = nothing


@contextlib.contextmanager
def server(port: int, *options: str) -> Iterator[redis.Redis]:
    client = redis.Redis(port=port, socket_timeout=20)

    def ready() -> bool:
        with contextlib.suppress(redis.RedisError):
            return bool(client.ping())
        return False

    command = [redis_binary(), "--port", str(port), "--bind", "127.0.0.1", "--save", ""]
    # By default a primary waits five seconds for more replicas before it copies.
    command += ["--repl-diskless-sync-delay", "0", *options]
    with process(command, ready), client:
        yield client


@contextlib.contextmanager
def start(kind: str, folder: Path, monkeypatch_env: Callable[[str, str], None]) -> Iterator[Kind]:
    with contextlib.ExitStack() as stack:
        if kind == "embedded":
            yield Kind("")
        elif kind == "unix":
            path = folder / "redis.sock"
            port = free_port()
            stack.enter_context(server(port, "--unixsocket", str(path)))
            yield Kind(f"unix://{path}")
        elif kind == "tls":
            yield _tls(stack, folder, monkeypatch_env)
        elif kind == "sentinel":
            yield _sentinel(stack, folder)
        elif kind == "cluster":
            yield _cluster(stack, folder)
        else:
            port = free_port()
            stack.enter_context(server(port))
            yield Kind(f"redis://127.0.0.1:{port}/0")


def _tls(stack: contextlib.ExitStack, folder: Path, set_env: Callable[[str, str], None]) -> Kind:
    """A server behind a real TLS handshake, with a certificate of an authority of our own."""
    authority = trustme.CA()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("localhost").configure_cert(context)
    authority.cert_pem.write_to_path(str(folder / "ca.pem"))
    set_env("SSL_CERT_FILE", str(folder / "ca.pem"))
    port = free_port()
    stack.enter_context(server(port))
    proxy = stack.enter_context(tcp_proxy(port, context))
    return Kind(f"rediss://localhost:{proxy.port}/0?ssl_ca_certs={folder / 'ca.pem'}")


def _sentinel(stack: contextlib.ExitStack, folder: Path) -> Kind:
    """A master, a replica and three sentinels; the disturbance is the master's death.

    Not a failover on demand, after which the old master remains one for some ten seconds.
    """
    master, replica = free_port(), free_port()
    first = stack.enter_context(server(master))
    second = stack.enter_context(server(replica, "--replicaof", "127.0.0.1", str(master)))
    until(lambda: second.info("replication")["master_link_status"] == "up")
    ports = [free_port() for _ in range(3)]
    watchers = [stack.enter_context(sentinel(folder, port, master)) for port in ports]
    for each in watchers:
        until(lambda each=each: each.sentinel_master("shop")["num-other-sentinels"] == 2)
        until(lambda each=each: each.sentinel_master("shop")["num-slaves"] == 1)

    def failover() -> None:
        _copied(first)
        with contextlib.suppress(redis.ConnectionError):
            first.shutdown(nosave=True)
        until(lambda: second.info("replication")["role"] == "master")
        for each in watchers:
            until(lambda each=each: each.sentinel_master("shop")["port"] == replica)

    hosts = ",".join(f"127.0.0.1:{port}" for port in ports)
    return Kind(f"redis+sentinel://{hosts}/shop", failover)


@contextlib.contextmanager
def sentinel(
    folder: Path, port: int, master: int, *, quorum: int = 2, down_after_ms: int = 2000
) -> Iterator[redis.Redis]:
    """A sentinel of the master at that port, whose name is "shop"."""
    config = folder / f"sentinel-{port}.conf"
    config.write_text(
        f"port {port}\nbind 127.0.0.1\nsentinel monitor shop 127.0.0.1 {master} {quorum}\n"
        f"sentinel down-after-milliseconds shop {down_after_ms}\n"
        "sentinel failover-timeout shop 5000\n"
    )
    client = redis.Redis(port=port, socket_timeout=20)

    def ready() -> bool:
        with contextlib.suppress(redis.RedisError):
            return bool(client.ping())
        return False

    with process([redis_binary(), config, "--sentinel"], ready), client:
        yield client


def _cluster(stack: contextlib.ExitStack, folder: Path) -> Kind:
    """Three primaries with a replica each; the disturbance kills all primaries but one in turn."""
    ports = [free_port() for _ in range(6)]
    nodes: list[redis.Redis] = []
    stops: list[Callable[[], None]] = []
    for port in ports:
        own = stack.enter_context(contextlib.ExitStack())
        home = folder / str(port)
        home.mkdir()
        options = ("--cluster-enabled", "yes", "--cluster-node-timeout", "2000", "--dir", str(home))
        nodes.append(own.enter_context(server(port, *options, "--cluster-port", str(free_port()))))
        stops.append(own.close)
    _form(nodes, ports)

    def kill_one() -> None:
        _copied(nodes[0])
        stops[0]()
        until(lambda: nodes[3].info("replication")["role"] == "master")
        for node in nodes[1:]:
            until(lambda node=node: _primary_of_slot_0(node) == ports[3])
            until(lambda node=node: node.cluster("info")["cluster_state"] == "ok")

    hosts = ",".join(f"127.0.0.1:{port}" for port in ports)
    return Kind(f"redis+cluster://{hosts}", kill_one)


def _form(nodes: list[redis.Redis], ports: list[int]) -> None:
    first, last = 0, 0
    for index, node in enumerate(nodes[:3]):
        last = 16383 if index == 2 else first + 5460
        node.execute_command("CLUSTER ADDSLOTSRANGE", first, last)
        node.execute_command("CLUSTER SET-CONFIG-EPOCH", index + 1)
        first = last + 1
    for node, port in zip(nodes[1:], ports[1:], strict=True):
        bus = node.config_get("cluster-port")["cluster-port"]
        nodes[0].execute_command("CLUSTER MEET", "127.0.0.1", port, bus)
    for node in nodes:
        until(lambda node=node: int(node.cluster("info")["cluster_known_nodes"]) == 6)
    for primary, replica in zip(nodes[:3], nodes[3:], strict=True):
        name = primary.execute_command("CLUSTER MYID").decode()
        until(lambda replica=replica, name=name: follows(replica, name))
    for node in nodes:
        until(lambda node=node: node.cluster("info")["cluster_state"] == "ok")
    for replica in nodes[3:]:
        until(lambda replica=replica: replica.info("replication")["master_link_status"] == "up")


def _primary_of_slot_0(node: redis.Redis) -> int:
    """The port of slot 0's primary, as the node sees it."""
    return next(int(primary[1]) for first, _, primary, *_ in node.cluster("slots") if first == 0)


def follows(replica: redis.Redis, primary: str) -> bool:
    """Whether the replica accepted the primary of this id."""
    with contextlib.suppress(redis.RedisError):
        replica.execute_command("CLUSTER REPLICATE", primary)
        return True
    return False


def until(condition: Callable[[], bool]) -> None:
    """Wait for the condition, over errors of Redis too."""

    def holds() -> bool:
        with contextlib.suppress(redis.RedisError):
            return condition()
        return False

    wait_for(holds, "the servers come together")


def _copied(primary: redis.Redis) -> None:
    """Wait until the replica has everything that the primary has."""
    taken = primary.info("replication")["master_repl_offset"]
    until(lambda: primary.info("replication")["slave0"]["offset"] >= taken)
