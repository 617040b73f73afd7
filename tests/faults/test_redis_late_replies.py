"""A reply of Redis is read only by the caller whose command it answers."""

from __future__ import annotations

import contextlib
import os
import signal
import ssl
import subprocess
import sys
import threading
import traceback
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import redis
import trustme
from support.edge import settings
from support.redis_kinds import sentinel, server, until
from support.servers import PATIENT, free_port
from support.tcp_proxy import TcpProxy, tcp_proxy
from support.waiting import wait_for

from cartproxy.settings_source import load
from cartproxy.storage.connect import connect
from cartproxy.storage.errors import StorageUnavailable
from cartproxy.storage.values import Kind, read_value


@dataclass
class Behind:
    """A Redis whose clients come through a proxy, and a client that goes around it."""

    url: str
    proxy: TcpProxy
    direct: redis.Redis

    def client(self, timeout_seconds: int | float = 20) -> Any:
        own = {"CARTPROXY_REDIS_URL": self.url, "CARTPROXY_PEPPER": "p" * 32}
        timeout = {"CARTPROXY_REDIS_TIMEOUT_SECONDS": str(timeout_seconds)}
        return connect(load(settings(**PATIENT | own | timeout)))

    @contextlib.contextmanager
    def when_heard(self, act: Callable[[], object]) -> Iterator[None]:
        """Act as soon as Redis has heard of the block: a GET, or a new connection."""

        def heard() -> int:
            counts = self.direct.info("commandstats")
            names = ("cmdstat_get", "cmdstat_client|setinfo")
            return sum(counts.get(name, {}).get("calls", 0) for name in names)

        def wait() -> None:
            wait_for(lambda: heard() > before, "a command")
            act()

        before = heard()
        with ThreadPoolExecutor(1) as pool:
            pool.submit(wait)
            yield


@pytest.fixture
def behind(started: Behind) -> Iterator[Behind]:
    yield started
    started.proxy.hung = started.proxy.refusing = False


@pytest.fixture(scope="module", params=["single", "tls", "sentinel", "cluster"])
def started(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Behind]:
    kind, folder, port = request.param, tmp_path_factory.mktemp("late"), free_port()
    with contextlib.ExitStack() as stack:
        proxy = stack.enter_context(tcp_proxy(port, _tls(folder) if kind == "tls" else None))
        url = f"redis://127.0.0.1:{proxy.port}"
        options: list[str] = []
        if kind == "cluster":
            options = ["--cluster-enabled", "yes", "--cluster-port", str(free_port())]
            options += ["--cluster-announce-ip", "127.0.0.1", "--dir", str(folder)]
            options += ["--cluster-announce-port", str(proxy.port)]
        direct = stack.enter_context(server(port, *options))
        if kind == "tls":
            url = f"rediss://localhost:{proxy.port}/0?ssl_ca_certs={folder / 'ca.pem'}"
        elif kind == "sentinel":
            watcher = free_port()
            stack.enter_context(
                sentinel(folder, watcher, proxy.port, quorum=1, down_after_ms=300_000)
            )
            url = f"redis+sentinel://127.0.0.1:{watcher}/shop"
        elif kind == "cluster":
            direct.execute_command("CLUSTER ADDSLOTSRANGE", 0, 16383)
            until(lambda: direct.cluster("info")["cluster_state"] == "ok")
            url = f"redis+cluster://127.0.0.1:{proxy.port}"
        yield Behind(url, proxy, direct)


def _tls(folder: Path) -> ssl.SSLContext:
    authority, context = trustme.CA(), ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("localhost").configure_cert(context)
    authority.cert_pem.write_to_path(str(folder / "ca.pem"))
    return context


def in_the_end(ask: Callable[[], object]) -> object:
    """The answer; asked for again if it was late."""

    def answer() -> tuple[object] | None:
        with contextlib.suppress(redis.RedisError):
            return (ask(),)
        return None

    return wait_for(answer, "an answer")[0]


class Interrupted(BaseException):
    """Raised in a greenlet that gevent ends."""


@contextlib.contextmanager
def interrupted(behind: Behind) -> Iterator[None]:
    """Interrupt the block once Redis has its command and the block waits for the reply."""

    def interrupt(*_: object) -> None:
        raise Interrupted

    def waits() -> bool:
        frames = traceback.walk_stack(sys._current_frames()[main])
        return any(frame.f_code.co_name == "read_from_socket" for frame, _ in frames)

    def act() -> None:
        wait_for(waits, "it waits")
        signal.pthread_kill(main, signal.SIGUSR1)

    main = threading.main_thread().ident or 0
    usual = signal.signal(signal.SIGUSR1, interrupt)
    try:
        with pytest.raises(Interrupted), behind.when_heard(act):
            yield
    finally:
        signal.signal(signal.SIGUSR1, usual)


# With Sentinel the connection was kept, and the next shopper could get this one's cart.
@pytest.mark.parametrize("how", ["too late", "interrupted"])
def test_late_reply_is_not_read_by_the_next_command(behind: Behind, how: str) -> None:
    client = behind.client(0.3 if how == "too late" else 20)
    for key in ("mine", "yours"):
        behind.direct.set(key, key)
    in_the_end(lambda: client.get("mine"))

    behind.proxy.hung = True
    with interrupted(behind) if how == "interrupted" else pytest.raises(redis.RedisError):
        client.get("mine")
    with behind.when_heard(lambda: setattr(behind.proxy, "hung", False)):
        answer = in_the_end(lambda: client.get("yours"))

    assert answer == b"yours"


# A cluster without a reachable server was a 500.
@pytest.mark.parametrize("used", [True, False])
def test_unreachable_redis_is_unavailable(behind: Behind, used: bool) -> None:
    client = behind.client()
    if used:
        client.get("mine")
    behind.proxy.refusing = True
    behind.proxy.cut()

    with pytest.raises(StorageUnavailable):
        read_value(client, "get", Kind("value", "string"), "mine", operation="load")

    behind.proxy.refusing = False
    behind.direct.set("mine", "mine")
    assert client.get("mine") == b"mine"


def test_connections_closed_while_idle_fail_and_repeat_no_command(behind: Behind) -> None:
    client = behind.client()
    behind.direct.set("count", 0)
    with ThreadPoolExecutor(8) as pool:

        def count() -> list[object]:
            return sorted(pool.map(lambda _: client.incr("count"), range(40)))

        before = count()
        behind.proxy.cut()
        after = count()

    assert before + after == list(range(1, 81))


def test_concurrent_callers_get_their_own_replies(behind: Behind) -> None:
    client = behind.client()

    def ask(number: int) -> bool:
        own = str(number).encode()
        return bool(client.eval("return ARGV[1]", 1, "key", own) == own)

    with ThreadPoolExecutor(8) as pool:
        assert all(pool.map(ask, range(400)))


_FORK = """
import os, sys
from support.edge import settings
from support.servers import PATIENT
from cartproxy.settings_source import load
from cartproxy.storage.connect import connect
own = {"CARTPROXY_PEPPER": "p" * 32, "CARTPROXY_REDIS_URL": sys.argv[1]}
client = connect(load(settings(**PATIENT | own)))
print(client.client_id(), flush=True)
if os.fork():
    os.wait()
print(client.client_id(), flush=True)
"""


def test_forked_process_uses_no_connection_of_its_parent(redis_url: str) -> None:
    paths = {"PYTHONPATH": os.pathsep.join(sys.path)}
    command = [sys.executable, "-c", _FORK, redis_url]
    said = subprocess.run(command, env=paths, capture_output=True, text=True, check=True).stdout

    before, child, parent = said.split()
    assert before == parent != child
