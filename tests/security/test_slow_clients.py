"""Clients that send slowly, or read nothing: each has a deadline, and a stop waits for none."""

from __future__ import annotations

import contextlib
import fcntl
import os
import select
import signal
import socket
import termios
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import requests
from support.raw import CHUNKED, JSON
from support.servers import service, store_environment, workers
from support.shopper import BLOG, credential
from support.waiting import PATIENCE_SECONDS, wait_for

PLACES = 4
REQUEST_SECONDS = 2
CONNECTIONS = 4 * PLACES  # that a worker holds at once, including idle ones
READ = b"GET /widget/v1/cartproxy.js HTTP/1.1\r\nHost: x\r\n\r\n"
ADD = "\r\n".join(
    ["POST /v1/stores/demo/cart/items HTTP/1.1", "Host: x", f"Origin: {BLOG}", JSON,
     "Cartproxy-Client: tests/1", f"Authorization: Bearer {credential()}", ""]
).encode()  # fmt: skip
UNREAD = {
    "head": b"GET /livez HTTP/1.1\r\nHost: x\r\n" + b"X-A: b\r\n" * 60,
    "body by length": ADD + b"Content-Length: 200\r\n\r\n{",
    "body in chunks": ADD + f"{CHUNKED}\r\n\r\n1\r\n{{\r\n".encode(),
    "body that nobody wants": b"POST /livez HTTP/1.1\r\nHost: x\r\nContent-Length: 200\r\n\r\n{",
}


@contextlib.contextmanager
def one_worker(redis_url: str, store_url: str, log: Path, seconds: str) -> Iterator[str]:
    environment = {
        "CARTPROXY_REDIS_URL": redis_url,
        "CARTPROXY_WORKERS": "1",
        "CARTPROXY_CONCURRENCY": str(PLACES),
        "CARTPROXY_REQUEST_SECONDS": seconds,
        "CARTPROXY_LOCK_LEASE_SECONDS": str(2 * PATIENCE_SECONDS + 30),
        **store_environment(store_url),
    }
    with service(environment, log) as url:
        yield url


@pytest.fixture(scope="module")
def impatient_url(
    redis_url: str, store_url: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[str]:
    with one_worker(
        redis_url, store_url, tmp_path_factory.mktemp("log") / "log", str(REQUEST_SECONDS)
    ) as url:
        yield url


def connect(url: str) -> socket.socket:
    """A connection with a small receive buffer."""
    client = socket.socket()
    client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    address = urlsplit(url)
    client.connect((address.hostname, address.port))
    return client


def ask_and_never_read(url: str) -> socket.socket:
    """A client that has requested more than the kernel buffers for it."""
    client = connect(url)
    client.settimeout(0.2)
    with contextlib.suppress(OSError):
        for _ in range(1000):
            client.sendall(READ * 10)
    return client


def is_reset(client: socket.socket) -> bool:
    watch = select.poll()
    watch.register(client, 0)
    return bool(watch.poll(0))


def is_ended(client: socket.socket) -> bool:
    """Whether the service has closed the connection, after its answers."""
    client.setblocking(False)
    with contextlib.suppress(BlockingIOError):
        while client.recv(65536):
            pass
        return True
    return False


def test_clients_that_never_read_are_gone_and_others_are_served(impatient_url: str) -> None:
    with contextlib.ExitStack() as stack:
        greedy = [
            stack.enter_context(ask_and_never_read(impatient_url)) for _ in range(CONNECTIONS)
        ]
        answered = requests.get(f"{impatient_url}/livez", timeout=60).status_code
        wait_for(lambda: all(is_reset(each) for each in greedy), "they are cut off")

    assert answered == 200


def test_client_that_reads_slowly_gets_all_of_its_answers(impatient_url: str) -> None:
    def read_slowly() -> int:
        """How many bytes came; 0 if this machine paused the client for longer than is allowed."""
        with connect(impatient_url) as client:
            client.sendall(READ * 40)
            client.shutdown(socket.SHUT_WR)
            read, longest, last = 0, 0.0, time.monotonic()
            ends = last + 5  # more than a request may take
            while piece := client.recv(65536 if last > ends else 4096):
                read += len(piece)
                time.sleep(0.02)
                longest, last = max(longest, time.monotonic() - last), time.monotonic()
        return read if longest < REQUEST_SECONDS / 2 else 0

    read = wait_for(read_slowly, "a client that was never paused")
    one = requests.get(f"{impatient_url}/widget/v1/cartproxy.js", timeout=60)

    assert read > 40 * len(one.content)


def test_dripping_head_is_cut_and_costs_no_more_after_a_long_one(impatient_url: str) -> None:
    (worker,) = workers(impatient_url)

    def cpu_of_dripping(before: bytes) -> int:
        """Nanoseconds of the worker per dripped byte until it hung up."""
        with connect(impatient_url) as client:
            client.sendall(b"GET /livez HTTP/1.1\r\nHost: x\r\n" + before)
            wait_for(lambda: _unread(client) == 0, "all of it is read")
            spent, drops, ended = _cpu(worker), 0, False
            while not ended:
                with contextlib.suppress(OSError):
                    client.send(b"a")
                drops += 1
                time.sleep(0.005)
                ended = is_ended(client)
            assert drops < 20_000
            return (_cpu(worker) - spent) // drops

    def costs_the_same() -> bool:
        return cpu_of_dripping(b"X-A: b\r\n" * 8 + b"X-B: " * 7500) < 3 * cpu_of_dripping(b"X-A: ")

    wait_for(costs_the_same, "a drop costs the same")


def _unread(client: socket.socket) -> int:
    """Bytes that were sent and not yet taken by the other side's kernel."""
    return int.from_bytes(fcntl.ioctl(client, termios.TIOCOUTQ, b"\0\0\0\0"), "little")


def _cpu(pid: int) -> int:
    tasks = Path(f"/proc/{pid}/task").glob("*/schedstat")
    return sum(int(each.read_text().split()[0]) for each in tasks)


@pytest.mark.parametrize("name", UNREAD)
def test_what_does_not_come_is_waited_for_no_longer_than_a_request_may_take(
    impatient_url: str, name: str
) -> None:
    with connect(impatient_url) as client:
        client.sendall(UNREAD[name])

        wait_for(lambda: is_ended(client), "the service hangs up")


@pytest.mark.parametrize("path", ["/livez", "/v1/stores/demo/cart/items"])
def test_rest_of_a_slow_body_is_not_taken_for_a_request(impatient_url: str, path: str) -> None:
    head = ADD.replace(b"/v1/stores/demo/cart/items", path.encode())
    hidden = b"GET / HTTP/1.0\r\n\r\n"

    with connect(impatient_url) as client:
        client.sendall(head + b"Content-Length: 60000\r\n\r\n")
        client.setblocking(False)
        said = b""
        with contextlib.suppress(ConnectionError):
            while True:
                client.send(hidden)
                time.sleep(0.002)  # 60,000 bytes take three times as long as the service waits
                with contextlib.suppress(BlockingIOError):
                    piece = client.recv(65536)
                    if not piece:
                        break
                    said += piece

    assert said.count(b"HTTP/1.1 ") == 1
    assert said.startswith(b"HTTP/1.1 40")


@pytest.mark.parametrize(
    "begin",
    [ask_and_never_read, *(lambda url, said=said: _say(url, said) for said in UNREAD.values())],
    ids=["answer", *UNREAD],
)
def test_stop_waits_for_no_slow_client(
    redis_url: str, store_url: str, tmp_path: Path, begin: Callable[[str], socket.socket]
) -> None:
    log = tmp_path / "log"
    with one_worker(redis_url, store_url, log, str(2 * PATIENCE_SECONDS)) as url:
        (worker,) = workers(url)
        with begin(url):
            # After this answer the earlier client is being served.
            requests.get(f"{url}/livez", timeout=60)
            os.kill(worker, signal.SIGTERM)
            wait_for(lambda: worker not in workers(url), "the worker ends")

    # What gunicorn logs when it had to end connections by force.
    assert "graceful timeout" not in log.read_text()


def _say(url: str, said: bytes) -> socket.socket:
    client = connect(url)
    client.sendall(said)
    return client
