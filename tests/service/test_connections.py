"""Idle connections are kept without blocking others, and a worker stops when it is told to."""

from __future__ import annotations

import contextlib
import os
import resource
import signal
import socket
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import requests
from support.log_lines import log_lines
from support.servers import (
    answers,
    free_port,
    process,
    service,
    store_environment,
    workers,
)
from support.shopper import Shopper, Store
from support.waiting import wait_for

LOOK = b"GET /livez HTTP/1.1\r\nHost: x\r\n\r\n"
PLACES = 4
LINGER_SECONDS = 2.0  # how long a stopping worker waits for its clients


@pytest.fixture(scope="module")
def log(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the service's log goes."""
    return tmp_path_factory.mktemp("service") / "log"


@pytest.fixture(scope="module")
def small_url(redis_url: str, store_url: str, log: Path) -> Iterator[str]:
    """A service of one worker with few places; it keeps twice as many idle connections."""
    environment = {
        "CARTPROXY_REDIS_URL": redis_url,
        "CARTPROXY_WORKERS": "1",
        "CARTPROXY_CONCURRENCY": str(PLACES),
        **store_environment(store_url),
    }
    with service(environment, log) as url:
        yield url


def test_service_listens_at_every_address_of_bind(store_url: str, tmp_path: Path) -> None:
    path, ports = tmp_path / "socket", (free_port(), free_port())
    one, other = (f"127.0.0.1:{port}" for port in ports)
    environment = {
        "CARTPROXY_BIND": f"{one}, {other},unix:{path}",
        "CARTPROXY_REDIS_URL": "",
        **store_environment(store_url),
    }
    command = [sys.executable, "-m", "cartproxy", "serve"]

    with (
        process(command, answers(f"http://{one}/livez"), environment=environment),
        socket.socket(socket.AF_UNIX) as client,
    ):
        client.connect(str(path))

        assert answers(f"http://{other}/livez")()
        assert ask(client).startswith(b"HTTP/1.1 200")


def connect(url: str) -> socket.socket:
    address = urlsplit(url)
    return socket.create_connection((address.hostname, address.port), timeout=60)


def ask(connection: socket.socket) -> bytes:
    """The whole answer to a read, or its part until the service hung up."""
    connection.sendall(LOOK)
    said = b""
    while not said.endswith(b"}") and (more := connection.recv(65536)):
        said += more
    return said


def is_closed(connection: socket.socket) -> bool:
    """Whether the service has hung up."""
    connection.setblocking(False)
    try:
        return connection.recv(1) == b""
    except BlockingIOError:
        return False


def only_worker(url: str) -> int:
    """The one worker, once there is no other."""

    def found() -> int | None:
        present = workers(url)
        return present[0] if len(present) == 1 else None

    return wait_for(found, "one worker")


def wait_for_end(worker: int, url: str) -> None:
    wait_for(lambda: worker not in workers(url), "the worker ends")


def test_of_too_many_idle_connections_the_longest_idle_are_closed(small_url: str) -> None:
    with contextlib.ExitStack() as stack:
        idle = []
        for _ in range(2 * PLACES + 3):
            idle.append(stack.enter_context(connect(small_url)))
            ask(idle[-1])  # now it is idle after those before it
        health = requests.get(f"{small_url}/livez", timeout=60)
        gone = [each.recv(1) for each in idle[:4]]
        closed = [is_closed(each) for each in idle]
        idle[-1].setblocking(True)
        answer = ask(idle[-1])

    assert health.status_code == 200
    assert gone == [b""] * 4
    assert closed == [True] * 4 + [False] * (2 * PLACES - 1)
    assert answer.startswith(b"HTTP/1.1 200")


def test_request_on_its_way_is_answered_on_a_connection_that_is_too_long_idle(
    small_url: str,
) -> None:
    worker = only_worker(small_url)
    with contextlib.ExitStack() as stack:
        early = stack.enter_context(connect(small_url))
        ask(early)
        os.kill(worker, signal.SIGSTOP)
        others = [stack.enter_context(connect(small_url)) for _ in range(2 * PLACES)]
        early.sendall(LOOK)
        os.kill(worker, signal.SIGCONT)
        answer = early.recv(12)

    assert len(others) == 2 * PLACES
    assert answer == b"HTTP/1.1 200"


def test_client_that_sends_many_requests_at_once_does_not_hold_up_others(
    small_url: str, log: Path
) -> None:
    def batch(name: str) -> bytes:
        return b"".join(
            b"GET /nowhere HTTP/1.1\r\nHost: x\r\nX-Request-Id: %s-%d\r\n\r\n"
            % (name.encode(), number)
            for number in range(1000, 1100)
        )

    worker = only_worker(small_url)
    with connect(small_url) as one, connect(small_url) as other:
        for each in (one, other):
            ask(each)  # now its greenlet waits for the next request
        os.kill(worker, signal.SIGSTOP)
        one.sendall(batch("one"))
        other.sendall(batch("other"))
        os.kill(worker, signal.SIGCONT)

        def answered() -> list[str]:
            ids = [str(each.get("request_id")) for each in log_lines(log)]
            found = [each for each in ids if each.startswith(("one-", "other-"))]
            return found if len(found) == 200 else []

        order = wait_for(answered, "all are answered")

    assert order.index("one-1000") < order.index("other-1099")
    assert order.index("other-1000") < order.index("one-1099")


def test_stop_of_a_starting_worker_is_not_forgotten(redis_url: str, store: Store) -> None:
    settings = {
        "CARTPROXY_REDIS_URL": redis_url,
        "CARTPROXY_WORKERS": "1",
        "CARTPROXY_DRAIN_SECONDS": "0.5",
    }
    with service(settings | store_environment(store.url)) as url:
        last = only_worker(url)
        master = Path(f"/proc/{last}/stat").read_text().rpartition(")")[2].split()[1]
        children = Path(f"/proc/{master}/task/{master}/children")
        # At first a worker has its master's signal handlers, which would drain the service.
        for seconds_old in (0, 0.02):
            os.kill(last, signal.SIGKILL)
            while not (begun := set(map(int, children.read_text().split())) - {last}):
                pass
            time.sleep(seconds_old)
            os.kill(*begun, signal.SIGTERM)
            wait_for_end(*begun, url)
            last = only_worker(url)
        ready = requests.get(f"{url}/readyz", timeout=60)

    assert ready.status_code == 200


def test_worker_that_can_open_no_more_files_says_so_in_the_log(small_url: str, log: Path) -> None:
    worker = only_worker(small_url)
    limits = resource.prlimit(worker, resource.RLIMIT_NOFILE)
    opened = max(int(each.name) for each in Path(f"/proc/{worker}/fd").iterdir())
    resource.prlimit(worker, resource.RLIMIT_NOFILE, (opened + 1, limits[1]))
    with contextlib.ExitStack() as clients:

        def said() -> list[dict[str, Any]]:
            clients.enter_context(connect(small_url))
            return [each for each in log_lines(log) if each["event"] == "server_error"]

        try:
            line = wait_for(said, "the line")[0]
        finally:
            resource.prlimit(worker, resource.RLIMIT_NOFILE, limits)

    assert (line["level"], line["detail"]) == ("error", "Too many open files")
    assert all(line.startswith("{") for line in log.read_text().splitlines())
    assert answers(f"{small_url}/readyz")()


def test_ctrl_c_cuts_no_request_and_writes_only_json(
    redis_url: str, store: Store, tmp_path: Path
) -> None:
    log = tmp_path / "log"
    environment = {"CARTPROXY_REDIS_URL": redis_url, **store_environment(store.url)}
    with service(environment, log) as url, ThreadPoolExecutor() as pool:
        group = os.getpgid(workers(url)[0])
        store.hold("POST", "/Cart")
        adding = pool.submit(Shopper(url).add)
        store.wait_for_calls()
        os.killpg(group, signal.SIGINT)
        store.fail()
        added = adding.result()
        wait_for(lambda: not workers(url), "the service ends")

    assert added["item_count"] == 1
    assert all(line.startswith("{") for line in log.read_text().splitlines())


def test_stop_waits_for_no_idle_connection(small_url: str, log: Path) -> None:
    def answer_while_it_stops() -> bytes:
        """The answer; empty if this machine was too slow to ask in time."""
        worker = only_worker(small_url)
        with connect(small_url) as idle, connect(small_url) as late:
            for each in (idle, late):
                ask(each)
            told = time.monotonic()
            os.kill(worker, signal.SIGTERM)
            time.sleep(1.3)  # by now it accepts no connections any more
            last = b""
            with contextlib.suppress(ConnectionError):
                last = ask(late)
            in_time = time.monotonic() - told < LINGER_SECONDS
            wait_for_end(worker, small_url)
        return last or (b"hung up" if in_time else b"")

    last = wait_for(answer_while_it_stops, "an answer in time")

    assert last.startswith(b"HTTP/1.1 200")
    assert b"Connection: close" in last
    # What gunicorn logs when it had to end connections by force.
    assert "graceful timeout" not in log.read_text()
