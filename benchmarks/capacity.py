"""`python -m benchmarks.capacity`: a busy day, and who was refused on it.

Visits come at random. Each adds a product, adds another, changes a quantity, and some check out; a
call that is refused is sent again, up to four times, when `Retry-After` says. The store is the
simulated one over HTTP, with few calls a second and a latency. Prints one line of JSON.
"""

from __future__ import annotations

import argparse
import json
import random
import secrets
import statistics
import time
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

import requests
from support.servers import redis_server, service, simulated_store, store_environment
from support.shopper import MUG, SHIRT, SMALL, Shopper, Store

TRIES = 5
THINKING_SECONDS = (1.0, 4.0)
HOSTILE_PRODUCTS_A_SECOND = 9
HOSTILE_READS_A_SECOND = 4
HOSTILE_ADDRESS = {"X-Forwarded-For": "198.51.100.7"}


@dataclass
class Book:
    """What became of each step: how long it took in seconds, and whether it was refused."""

    seconds: dict[str, list[float]] = field(default_factory=dict)
    failed: Counter[str] = field(default_factory=Counter)
    outcomes: Counter[str] = field(default_factory=Counter)

    def note(self, step: str, seconds: float, answer: requests.Response | None) -> None:
        """One step, with its last answer (None: it never came)."""
        self.seconds.setdefault(step, []).append(seconds)
        if answer is None or answer.status_code >= 400:
            self.failed[step] += 1
            code = "none" if answer is None else answer.json().get("code", answer.status_code)
            self.outcomes[f"{step} {code}"] += 1
        for result in (answer.json() if answer is not None else {}).get("results", []):
            self.outcomes[f"{step} {result['outcome']}"] += 1

    def figures(self) -> dict[str, Any]:
        """Each step's count, failures, median and 95th percentile."""
        return {
            step: {
                "n": len(each),
                "failed": self.failed[step],
                "p50_s": round(statistics.median(each), 3),
                "p95_s": round(sorted(each)[int(len(each) * 0.95)], 3),
            }
            for step, each in self.seconds.items()
        }


class Visit:
    """One shopper."""

    def __init__(self, url: str, book: Book, store: str = "demo") -> None:
        self.shopper = Shopper(url, store=store)
        self.book = book

    def run(self, checks_out: bool, draw: random.Random) -> None:
        """Add, add, change, and perhaps leave to pay."""
        self.step("first_add", "POST", "/cart/items", {"catalog_id": MUG})
        think(draw)
        shirt = {"catalog_id": SHIRT, "options": [SMALL]}
        added = self.step("add", "POST", "/cart/items", shirt)
        think(draw)
        lines = added.json().get("items", []) if added is not None else []
        if lines:
            self.step("change", "PATCH", f"/cart/items/{lines[0]['item_id']}", {"quantity": 2})
            think(draw)
        if checks_out:
            self.step("checkout", "POST", "/checkout", {})

    def step(self, name: str, method: str, path: str, body: Any) -> requests.Response | None:
        """One step with its retries, as a widget makes them."""
        headers = {"Idempotency-Key": secrets.token_hex(8)}
        began, answer = time.monotonic(), None
        tries = 0
        while tries < TRIES:
            try:
                answer = self.shopper.call(method, path, body, headers=headers, timeout=30)
            except requests.RequestException:
                answer = None
            if answer is not None and answer.status_code == 409 and "ETag" in answer.headers:
                headers = headers | {"If-Match": answer.headers["ETag"]}  # the shopper agrees
            elif answer is not None and answer.status_code < 500 and not under_way(answer):
                break
            tries += answer is None or not under_way(answer)
            time.sleep(int(answer.headers.get("Retry-After", "1")) if answer is not None else 1)
        self.book.note(name, time.monotonic() - began, answer)
        return answer


def under_way(answer: requests.Response) -> bool:
    """Whether a checkout continues with the next request."""
    return answer.status_code == 202 and answer.json().get("state") == "sending"


def think(draw: random.Random) -> None:
    """Wait as long as a shopper does."""
    time.sleep(draw.uniform(*THINKING_SECONDS))


def be_hostile(url: str, until: float) -> None:
    """One address inside its own limits: unknown products, and forced readings."""
    shopper = Shopper(url)
    shopper.http.headers.update(HOSTILE_ADDRESS)
    shopper.call("POST", "/cart/items", {"catalog_id": MUG})
    pause = 1 / (HOSTILE_PRODUCTS_A_SECOND + HOSTILE_READS_A_SECOND)
    calls: Sequence[Callable[[], Any]] = [
        lambda: shopper.call("GET", f"/products/{random.randrange(10**6, 10**8)}"),
        lambda: shopper.call("GET", "/cart", headers={"Cache-Control": "no-cache"}),
    ]
    weights = (HOSTILE_PRODUCTS_A_SECOND, HOSTILE_READS_A_SECOND)
    with ThreadPoolExecutor(40) as pool:
        while time.monotonic() < until:
            pool.submit(random.choices(calls, weights)[0])
            time.sleep(pause)


def main() -> None:
    """Measure one busy time, and print a line of JSON."""
    options = _options()
    draw = random.Random(options.seed)
    environment = {
        "CARTPROXY_TRUSTED_HOPS": "1",
        "CARTPROXY_REQUEST_SECONDS": "10",
        "CARTPROXY_CALL_WAIT_SECONDS": "5",
        "CARTPROXY_SNAPSHOT_FRESH_SECONDS": "30",
        "CARTPROXY_LOCK_WAIT_SECONDS": "3",
    }
    book = Book()
    with redis_server() as redis_url, simulated_store() as store_url:
        store = Store(store_url)
        rate = {"CALLS_PER_SECOND": str(options.calls), "CALL_BURST": "10", "ADDS": options.adds}
        environment |= {"CARTPROXY_REDIS_URL": redis_url, **store_environment(store_url, **rate)}
        with service(environment) as url:
            warm = Shopper(url)
            for catalog_id in (MUG, SHIRT):
                warm.call("GET", f"/products/{catalog_id}")
            store.fail({"method": "*", "path": "*", "fault": "latency", "ms": options.latency_ms,
                        "times": None})  # fmt: skip
            time.sleep(3)  # the burst is whole again
            store.calls()
            began = time.monotonic()
            _play(options, url, book, draw, until=began + options.seconds)
            elapsed = time.monotonic() - began
            calls = store.received()
    kinds = Counter(call["method"] for call in calls)
    print(json.dumps({
        "adds": options.adds, "visits_a_minute": options.visits, "share": options.share,
        "calls_a_second": options.calls, "latency_ms": options.latency_ms,
        "hostile": options.hostile, "seconds": round(elapsed, 1), **book.figures(),
        "outcomes": dict(book.outcomes), "store_calls_a_second": round(len(calls) / elapsed, 2),
        "throttled": sum(call["status"] == 429 for call in calls), "store_calls": dict(kinds),
    }))  # fmt: skip


def _play(
    options: argparse.Namespace, url: str, book: Book, draw: random.Random, until: float
) -> None:
    with ThreadPoolExecutor(options.most_at_once) as pool:
        if options.hostile:
            pool.submit(be_hostile, url, until)
        due = time.monotonic()
        while (due := due + draw.expovariate(options.visits / 60)) < until:
            time.sleep(max(0.0, due - time.monotonic()))
            own = random.Random(draw.random())
            pool.submit(Visit(url, book).run, draw.random() < options.share, own)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--visits", type=float, default=40, help="visits a minute")
    parser.add_argument("--share", type=float, default=0.3, help="how many of them check out")
    parser.add_argument("--seconds", type=float, default=120)
    parser.add_argument("--calls", type=float, default=2, help="calls a second of the store")
    parser.add_argument("--latency-ms", type=int, default=200)
    parser.add_argument("--adds", default="when_busy", choices=("direct", "when_busy", "deferred"))
    parser.add_argument("--hostile", action="store_true", help="with one hostile address beside it")
    parser.add_argument("--most-at-once", type=int, default=400)
    parser.add_argument("--seed", type=int, default=1)
    return parser.parse_args()


if __name__ == "__main__":
    main()
