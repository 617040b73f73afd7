"""Two instances behind Debian's haproxy, restarted one after the other under load."""

from __future__ import annotations

import signal
import threading
from collections import Counter
from contextlib import ExitStack
from pathlib import Path

import pytest
import requests
from support.haproxy import HAPROXY, haproxy
from support.servers import drain, free_port, instance, store_environment
from support.shopper import MUG, Shopper, Store
from support.waiting import PATIENCE_SECONDS, wait_for

SHOPPERS = 6
pytestmark = pytest.mark.skipif(HAPROXY is None, reason="haproxy is missing (Debian: haproxy)")


class Load:
    """Shoppers who add and read without a pause; each visit is a new session."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._stopping = threading.Event()
        self.seen: Counter[str] = Counter()
        self.added = 0
        self._lock = threading.Lock()
        self._visits = Counter[int]()
        self._threads = [
            threading.Thread(target=self._shop, args=(number,)) for number in range(SHOPPERS)
        ]

    def __enter__(self) -> Load:
        for each in self._threads:
            each.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stopping.set()
        for each in self._threads:
            each.join()

    def go_on(self) -> None:
        """Wait until every shopper has finished the current visit."""
        before = self._visits.copy()
        wait_for(lambda: all(self._visits[n] > before[n] for n in range(SHOPPERS)), "visits")

    def _shop(self, number: int) -> None:
        while not self._stopping.is_set():
            shopper = Shopper(self._url)
            for _ in range(4):
                self._count(shopper, "POST", "/cart/items", {"catalog_id": MUG})
                self._count(shopper, "GET", "/cart")
            self._visits[number] += 1

    def _count(self, shopper: Shopper, method: str, path: str, json: object = None) -> None:
        try:
            outcome = str(shopper.call(method, path, json).status_code)
        except requests.RequestException as error:
            outcome = type(error).__name__
        with self._lock:
            self.seen[outcome] += 1
            self.added += outcome == "201"


def test_restart_of_one_instance_after_the_other_fails_no_request(
    redis_url: str, store: Store, tmp_path: Path
) -> None:
    ports = [free_port(), free_port()]

    settings = {
        "CARTPROXY_REDIS_URL": redis_url,
        "CARTPROXY_PEPPER": "p" * 32,
        "CARTPROXY_DRAIN_SECONDS": "600",
        **store_environment(store.url),
    }
    store.fail({"method": "*", "path": "*", "fault": "latency", "ms": 50, "times": None})
    urls = [f"http://127.0.0.1:{port}" for port in ports]
    log = tmp_path / "haproxy.log"

    def wait_for_haproxy(server: str, state: str) -> None:
        said = f"Server instances/{server} is {state}"
        wait_for(lambda: said in log.read_text(), said)

    codes: list[int] = []
    with ExitStack() as stack:
        children = [stack.enter_context(instance(port, settings)) for port in ports]
        with haproxy(tmp_path, ports, log) as url:
            with Load(url) as load:
                load.go_on()
                for index, name in enumerate(("one", "two")):
                    drain(children[index], urls[index])
                    wait_for_haproxy(name, "DOWN")
                    load.go_on()
                    children[index].send_signal(signal.SIGTERM)  # ends the drain
                    codes.append(children[index].wait(PATIENCE_SECONDS))
                    children[index] = stack.enter_context(instance(ports[index], settings))
                    wait_for_haproxy(name, "UP")
                    load.go_on()
            metrics = requests.get(f"{url}/metrics", timeout=60)
        for child, own_url in zip(children, urls, strict=True):
            drain(child, own_url)

    print(f"\n{sum(load.seen.values())} requests: {dict(load.seen)}")
    assert codes == [0, 0]
    assert set(load.seen) == {"200", "201"}, load.seen
    assert sum(len(cart["lines"]) for cart in store.carts()) == load.added
    assert metrics.status_code == 404
