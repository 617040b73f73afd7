"""Two instances behind Debian's haproxy, restarted one after the other under load."""

from __future__ import annotations

import shutil
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest
import requests
from conftest import store_environment
from support.servers import ROOT, answers, free_port, process
from support.shopper import MUG, Shopper, Store

HAPROXY = shutil.which("haproxy") or shutil.which("haproxy", path="/usr/sbin")
EXAMPLE = ROOT / "docs/deploy/haproxy.cfg"
SHOPPERS = 6
pytestmark = pytest.mark.skipif(HAPROXY is None, reason="haproxy is missing (Debian: haproxy)")


@contextmanager
def haproxy(folder: Path, ports: list[int]) -> Iterator[str]:
    """The example's haproxy in front of these ports; yields its URL."""
    port = free_port()
    text = EXAMPLE.read_text()
    for example, real in zip(("8080", "8001", "8002"), (port, *ports), strict=True):
        assert f"127.0.0.1:{example}" in text
        text = text.replace(f"127.0.0.1:{example}", f"127.0.0.1:{real}")
    config = folder / "haproxy.cfg"
    config.write_text(text)
    url = f"http://127.0.0.1:{port}"
    # /docs is served by the instances, so it answers once haproxy has found one ready.
    with process([str(HAPROXY), "-db", "-f", config], answers(f"{url}/docs")):
        yield url


class Load:
    """Shoppers who add, look, change and look again without a pause; each look is a fresh session."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._stopping = threading.Event()
        self.seen: Counter[str] = Counter()
        self.added = 0
        self._lock = threading.Lock()
        self._threads = [threading.Thread(target=self._shop) for _ in range(SHOPPERS)]

    def __enter__(self) -> Load:
        for each in self._threads:
            each.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stopping.set()
        for each in self._threads:
            each.join()

    def _shop(self) -> None:
        while not self._stopping.is_set():
            shopper = Shopper(self._url)
            for _ in range(4):
                self._count(shopper, "POST", "/cart/items", {"catalog_id": MUG})
                self._count(shopper, "GET", "/cart")

    def _count(self, shopper: Shopper, method: str, path: str, json: object = None) -> None:
        try:
            outcome = str(shopper.call(method, path, json).status_code)
        except requests.RequestException as error:
            outcome = type(error).__name__
        with self._lock:
            self.seen[outcome] += 1
            self.added += outcome == "201"


def test_example_is_well_formed() -> None:
    subprocess.run([str(HAPROXY), "-c", "-f", EXAMPLE], check=True, capture_output=True)


def test_restart_of_one_instance_after_the_other_fails_no_request(
    redis_url: str, store: Store, tmp_path: Path
) -> None:
    ports = [free_port(), free_port()]

    def instance(port: int) -> process:  # type: ignore[valid-type]
        settings = {
            "CARTPROXY_REDIS_URL": redis_url,
            "CARTPROXY_BIND": f"127.0.0.1:{port}",
            "CARTPROXY_PEPPER": "p" * 32,
            "CARTPROXY_DRAIN_SECONDS": "2",
            **store_environment(store.url),
        }
        command = [sys.executable, "-m", "cartproxy", "serve"]
        return process(command, answers(f"http://127.0.0.1:{port}/readyz"), environment=settings)

    store.fail({"method": "*", "path": "*", "fault": "latency", "ms": 50, "times": None})
    codes: list[int] = []
    with ExitStack() as stack:
        children = [stack.enter_context(instance(port)) for port in ports]
        with haproxy(tmp_path, ports) as url:
            with Load(url) as load:
                time.sleep(1)
                for index, port in enumerate(ports):
                    children[index].send_signal(signal.SIGTERM)
                    codes.append(children[index].wait(30))
                    before = sum(load.seen.values())
                    children[index] = stack.enter_context(instance(port))
                    time.sleep(2)  # two good checks, and then some of the load
                    assert sum(load.seen.values()) > before
            metrics = requests.get(f"{url}/metrics", timeout=5)
        for child in children:
            child.send_signal(signal.SIGTERM)  # another one, and they end without draining

    print(f"\n{sum(load.seen.values())} requests: {dict(load.seen)}")
    assert codes == [0, 0]
    assert set(load.seen) == {"200", "201"}, load.seen
    assert sum(load.seen.values()) > 100
    assert sum(len(cart["lines"]) for cart in store.carts()) == load.added
    assert metrics.status_code == 404
