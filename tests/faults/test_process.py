"""Faults 29 to 34: what happens to a process must not happen to a cart."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import requests
from conftest import store_environment
from support.faults_settings import QUICK
from support.servers import ROOT, answers, free_port, process, service, workers
from support.shopper import BLOG, MUG, Shopper, Store


# Fault 29
def test_worker_killed_in_mid_write_leaves_a_cart_that_its_key_completes(
    redis_url: str, store: Store
) -> None:
    settings = {"CARTPROXY_REDIS_URL": redis_url, **QUICK, **store_environment(store.url)}
    headers = {"Idempotency-Key": "killed"}
    with service(settings) as url:
        shopper = Shopper(url)
        shopper.add(MUG)
        # Applied, and the worker is killed before it learns of it.
        store.fail(
            {"method": "POST", "path": "/Cart/*/Item", "fault": "latency", "ms": 900, "times": 1}
        )
        lost = threading.Thread(target=lambda: _quietly(shopper, headers))
        lost.start()
        time.sleep(0.4)
        for pid in workers(url):
            os.kill(pid, signal.SIGKILL)
        lost.join()

        other = Shopper(url, bearer=shopper.bearer)
        ends = time.monotonic() + 30
        while True:
            retry = _quietly(other, headers)
            if retry is not None and retry.status_code == 201:
                break
            assert time.monotonic() < ends
            time.sleep(0.3)

    assert [len(cart["lines"]) for cart in store.carts()] == [2]


def _quietly(shopper: Shopper, headers: dict[str, str]) -> requests.Response | None:
    try:
        return shopper.call("POST", "/cart/items", {"catalog_id": MUG}, headers=headers)
    except requests.ConnectionError:
        return None


# Fault 30
class Balancer:
    """A proxy in front of two instances that asks /readyz and sends nobody to one that says no."""

    def __init__(self, urls: list[str]) -> None:
        self._urls = urls
        self._ready = dict.fromkeys(urls, True)
        self._turn = 0
        self._stop = threading.Event()
        self._watch = threading.Thread(target=self._check, daemon=True)
        self._watch.start()

    def pick(self) -> str:
        self._turn += 1
        ready = [url for url in self._urls if self._ready[url]]
        return ready[self._turn % len(ready)]

    def close(self) -> None:
        self._stop.set()
        self._watch.join()

    def _check(self) -> None:
        while not self._stop.wait(0.05):
            for url in self._urls:
                self._ready[url] = answers(f"{url}/readyz")()


def test_sigterm_under_load_fails_no_request(redis_url: str, store: Store) -> None:
    ports = [free_port(), free_port()]
    urls = [f"http://127.0.0.1:{port}" for port in ports]
    seen: list[int] = []
    stopping = threading.Event()

    def start(port: int) -> process:  # type: ignore[valid-type]
        settings = {
            "CARTPROXY_REDIS_URL": redis_url,
            "CARTPROXY_BIND": f"127.0.0.1:{port}",
            "CARTPROXY_PEPPER": "p" * 32,
            "CARTPROXY_DRAIN_SECONDS": "1",
            **store_environment(store.url),
        }
        command = [sys.executable, "-m", "cartproxy", "serve"]
        return process(command, answers(f"http://127.0.0.1:{port}/readyz"), environment=settings)

    store.fail({"method": "*", "path": "*", "fault": "latency", "ms": 50, "times": None})
    with start(ports[0]) as first, start(ports[1]):
        balancer = Balancer(urls)

        def shop() -> None:
            while not stopping.is_set():
                shopper = Shopper(balancer.pick())
                seen.append(shopper.call("POST", "/cart/items", {"catalog_id": MUG}).status_code)
                seen.append(shopper.call("GET", "/cart").status_code)

        shoppers = [threading.Thread(target=shop) for _ in range(6)]
        for each in shoppers:
            each.start()
        time.sleep(1)
        first.send_signal(signal.SIGTERM)
        code = first.wait(20)
        time.sleep(0.5)
        stopping.set()
        for each in shoppers:
            each.join()
        balancer.close()

    assert code == 0
    assert set(seen) == {200, 201}, Counter(seen)
    assert len(seen) > 50


# Fault 31
def test_clock_that_is_an_hour_off_changes_nothing(
    redis_url: str, store: Store, tmp_path: Path
) -> None:
    (tmp_path / "sitecustomize.py").write_text(
        "import os, time\n"
        "real, off = time.time, float(os.environ['CLOCK_OFF'])\n"
        "time.time = lambda: real() + off\n"
    )
    carts = []
    for off in ("3600", "-3600"):
        settings = {
            "CARTPROXY_REDIS_URL": redis_url,
            "CARTPROXY_PEPPER": "p" * 32,
            "PYTHONPATH": str(tmp_path),
            "CLOCK_OFF": off,
            **store_environment(store.url),
        }
        with service(settings) as url:
            shopper = Shopper(url, bearer=carts[0][0] if carts else "")
            if not carts:
                shopper.add(MUG)
            store.calls()
            carts.append((shopper.bearer, shopper.cart(), store.calls()))

    (_, one, calls), (_, other, later_calls) = carts
    assert one == other
    assert calls == later_calls == []


# Fault 32
def test_full_workers_are_told_at_once_and_health_still_answers(
    redis_url: str, store: Store
) -> None:
    settings = {
        "CARTPROXY_REDIS_URL": redis_url,
        "CARTPROXY_WORKERS": "1",
        "CARTPROXY_CONCURRENCY": "4",
        **store_environment(store.url),
    }
    store.fail({"method": "*", "path": "*", "fault": "latency", "ms": 2000, "times": None})
    with service(settings) as url:
        slow = [
            threading.Thread(target=lambda: Shopper(url).call("POST", "/cart", {}))
            for _ in range(4)
        ]
        for each in slow:
            each.start()
        ends = time.monotonic() + 1.5
        while (refused := Shopper(url).call("GET", "/cart")).ok and time.monotonic() < ends:
            time.sleep(0.05)
        health = requests.get(f"{url}/livez", timeout=5)
        for each in slow:
            each.join()
        again = Shopper(url).call("GET", "/cart")

    assert (refused.status_code, refused.json()["code"]) == (503, "overloaded")
    assert refused.headers["Retry-After"] == "1"
    assert refused.headers["Access-Control-Allow-Origin"] == BLOG
    assert refused.elapsed.total_seconds() < 1
    assert health.status_code == 200
    assert again.status_code == 200


# Fault 33
def test_client_that_hangs_up_still_gets_its_item(quick: Shopper, store: Store) -> None:
    quick.add(MUG)
    store.fail({"method": "*", "path": "*", "fault": "latency", "ms": 300, "times": None})
    address = urlsplit(quick.base)
    body = json.dumps({"catalog_id": MUG}).encode()
    request = (
        f"POST {address.path}/cart/items HTTP/1.1\r\nHost: x\r\nOrigin: {BLOG}\r\n"
        f"Authorization: Bearer {quick.bearer}\r\nCartproxy-Client: t/1\r\nIdempotency-Key: gone\r\n"
        f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    ).encode()
    with socket.create_connection((address.hostname, address.port)) as client:
        client.sendall(request + body)
        time.sleep(0.1)

    again = quick.call(
        "POST", "/cart/items", {"catalog_id": MUG}, headers={"Idempotency-Key": "gone"}
    )

    assert again.status_code == 201
    assert again.headers["Idempotent-Replayed"] == "true"
    assert again.json()["item_count"] == 2


# Fault 34
@pytest.fixture
def blocked_pipe_url(redis_url: str, store: Store) -> Iterator[str]:
    """A service whose log goes into a pipe that nobody reads."""
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    settings = {
        "CARTPROXY_BIND": f"127.0.0.1:{port}",
        "CARTPROXY_PEPPER": "p" * 32,
        "CARTPROXY_REDIS_URL": redis_url,
        "CARTPROXY_WORKERS": "1",
        **store_environment(store.url),
    }
    reading, writing = os.pipe()
    os.set_blocking(writing, False)
    try:
        while True:
            os.write(writing, b"x" * 4096)
    except BlockingIOError:
        os.set_blocking(writing, True)
    child = subprocess.Popen(
        [sys.executable, "-m", "cartproxy", "serve"],
        env=os.environ | settings,
        stderr=writing,
        cwd=ROOT,
        start_new_session=True,
    )
    ends = time.monotonic() + 20
    while not answers(f"{url}/readyz")():
        assert time.monotonic() < ends
        time.sleep(0.05)
    yield url
    os.close(writing)
    os.close(reading)
    child.terminate()
    try:
        child.wait(15)
    except subprocess.TimeoutExpired:
        child.kill()
        child.wait()


def test_blocked_log_pipe_holds_no_request(blocked_pipe_url: str) -> None:
    shopper = Shopper(blocked_pipe_url)

    answers_ = [shopper.call("GET", "/cart").status_code for _ in range(200)]
    added = shopper.add(MUG)

    assert set(answers_) == {200}
    assert added["item_count"] == 1


@pytest.mark.parametrize("full_at_start", [False, True])
def test_full_metrics_directory_harms_no_request(
    redis_url: str, store: Store, tmp_path: Path, full_at_start: bool
) -> None:
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=4m", "tmpfs", tmp_path],
        capture_output=True,
        check=False,
    )
    if mounted.returncode:
        pytest.skip("a file system of its own, to fill it, can be mounted by root alone")

    def fill() -> None:
        with contextlib.suppress(OSError), (tmp_path / "full").open("wb", buffering=0) as file:
            while True:
                file.write(b"x" * 4096)

    settings = {
        "CARTPROXY_REDIS_URL": redis_url,
        "CARTPROXY_WORKERS": "1",
        "PROMETHEUS_MULTIPROC_DIR": str(tmp_path),
        **store_environment(store.url),
    }
    try:
        if full_at_start:
            fill()
        with service(settings) as url:
            fill()
            shopper = Shopper(url)
            answers_ = [
                shopper.call(method, path).status_code
                for _ in range(30)
                for method, path in (
                    ("GET", "/cart"),
                    ("GET", "/nothing"),
                    ("GET", f"/products/{MUG}"),
                )
            ]
            added = shopper.add(MUG)
    finally:
        subprocess.run(["umount", tmp_path], check=True)

    assert Counter(answers_) == {200: 60, 404: 30}
    assert added["item_count"] == 1
