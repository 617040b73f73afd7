"""Starts what is measured: the service as in production, and the references beside it.

Each has its own Redis database, and all call the same stand-in for the store.
"""

from __future__ import annotations

import shutil
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from support.servers import ROOT, answers, free_port, process, redis_server

from benchmarks.traffic import ORIGIN

SERVICE, FLASK, FASTAPI, FASTIFY = "cartproxy", "flask, naive", "fastapi", "fastify"
_WORKERS = "2"
_FASTIFY_FOLDER = ROOT / "benchmarks/reference_fastify"
_PLENTY = "1000000"


@dataclass(frozen=True)
class Surroundings:
    """What the servers talk to."""

    redis_url: str
    store_port: int

    @property
    def store_url(self) -> str:
        """The stand-in's address."""
        return f"http://127.0.0.1:{self.store_port}"

    def database(self, number: int) -> str:
        """The address of one Redis database."""
        return f"{self.redis_url.removesuffix('/0')}/{number}"


@dataclass(frozen=True)
class Contender:
    """A running server; `pid` is the root of its processes, `database` its own in Redis."""

    name: str
    port: int
    pid: int
    database: int
    start_seconds: float


@contextmanager
def surroundings() -> Iterator[Surroundings]:
    """A Redis-protocol server and the stand-in for the store."""
    port = free_port()
    command = [sys.executable, "-m", "benchmarks.store", "--port", str(port)]
    with redis_server() as redis_url, process(command, answers(f"http://127.0.0.1:{port}/_calls")):
        yield Surroundings(redis_url, port)


@contextmanager
def contenders(around: Surroundings, logs: Path) -> Iterator[list[Contender]]:
    """Every server that can be started here, the service first; says which can't."""
    with ExitStack() as stack:
        started = [stack.enter_context(service(around, logs))]
        for name in _REFERENCES:
            if name == FASTIFY and not _has_fastify():
                print(f"{name}: skipped, for want of node or of its modules")
                continue
            started.append(stack.enter_context(reference(around, logs, name)))
        yield started


@contextmanager
def service(
    around: Surroundings, logs: Path, name: str = SERVICE, *, under: str = ""
) -> Iterator[Contender]:
    """The service under production settings, with a store that allows any number of calls.

    Snapshots stay fresh for an hour, so that reads never call the store. `under` goes
    before the command that starts it.
    """
    store = {
        "SECURE_URL": "https://shop.example",
        "PRIVATE_KEY": "0" * 32,
        "TOKEN": "1" * 32,
        "API_URL": around.store_url,
        "SHOP_URL": around.store_url,
        "CHECKOUT_HOSTS": f"127.0.0.1:{around.store_port}",
        "ORIGINS": ORIGIN,
        "CALLS_PER_SECOND": _PLENTY,
        "CALL_BURST": _PLENTY,
        "CONCURRENT_CALLS": "1000",
    }
    settings = {
        "CARTPROXY_BIND": "127.0.0.1:{port}",
        "CARTPROXY_PUBLIC_URL": "https://carts.example",
        "CARTPROXY_PEPPER": "p" * 32,
        "CARTPROXY_METRICS_TOKEN": "m" * 32,
        "CARTPROXY_REDIS_URL": around.database(0),
        "CARTPROXY_WORKERS": _WORKERS,
        "CARTPROXY_SNAPSHOT_FRESH_SECONDS": "3600",
        **{f"CARTPROXY_STORES_SHOP_{name}": value for name, value in store.items()},
    }
    with _running(name, f"{under}python -m cartproxy serve", 0, settings, logs) as contender:
        yield contender


@contextmanager
def reference(
    around: Surroundings, logs: Path, name: str, *, under: str = ""
) -> Iterator[Contender]:
    """A reference that does the bare job, by its name."""
    number = 1 + [*_REFERENCES].index(name)
    settings = {
        "BENCH_STORE_URL": around.store_url,
        "BENCH_REDIS_URL": around.database(number),
    }
    with _running(name, under + _REFERENCES[name], number, settings, logs) as contender:
        yield contender


_REFERENCES = {
    FLASK: "python -m gunicorn --bind 127.0.0.1:{port} --no-control-socket "
    f"--workers {_WORKERS} benchmarks.reference_flask:app",
    FASTAPI: "python -m uvicorn --port {port} --no-access-log --log-level warning "
    f"--workers {_WORKERS} benchmarks.reference_fastapi:app",
    FASTIFY: f"node {_FASTIFY_FOLDER}/server.js {{port}} {_WORKERS}",
}


def _has_fastify() -> bool:
    return bool(shutil.which("node")) and (_FASTIFY_FOLDER / "node_modules/fastify").is_dir()


@contextmanager
def _running(
    name: str, command: str, database: int, settings: Mapping[str, str], logs: Path
) -> Iterator[Contender]:
    port = free_port()
    python = {"python": sys.executable}
    words = [python.get(word, word).format(port=port) for word in command.split(" ")]
    environment = {key: value.replace("{port}", str(port)) for key, value in settings.items()}
    began = time.monotonic()
    ready = answers(f"http://127.0.0.1:{port}/readyz")
    log = logs / f"{name.partition(',')[0]}.log"
    with process(words, ready, environment=environment, log=log) as child:
        yield Contender(name, port, child.pid, database, time.monotonic() - began)
