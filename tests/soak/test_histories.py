"""Random shoppers, tabs, retries and faults against the whole; then the books must balance.

`make test` plays a few histories, `make soak` 10,000. Each add has a quantity that is a power of
two, so the quantities at the store tell which adds took effect, and that none did twice, whether
the store merges lines or not.
"""

from __future__ import annotations

import os
import secrets
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any, ClassVar

import pytest
import redis
import requests
from conftest import store_environment
from flask.testing import FlaskClient
from hypothesis import HealthCheck, note, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)
from support.servers import PATIENT, redis_server, simulated_store
from support.service_steps import place_order
from support.shopper import BLOG, MUG, Store, credential
from support.waiting import PATIENCE_SECONDS
from werkzeug.test import TestResponse

from cartproxy.app import create_app
from cartproxy.settings_source import load

HISTORIES = int(os.environ.get("SOAK_HISTORIES", "25"))
SETTLE_SECONDS = 0.5
LATE_MS = 10
POST_FAULTS = (
    "reset", "drop", "apply_then_drop", "drop_then_apply", "html", "trailing_comma", "wrong_shape",
    "redirect", 400, 401, 429, 500, 503,
)  # fmt: skip
GET_FAULTS = ("reset", "drop", "html", "wrong_shape", 500, 503)


class World:
    """The real parts, started once: a Redis, a simulated store, the application."""

    client: ClassVar[FlaskClient]
    store: ClassVar[Store]
    redis: ClassVar[redis.Redis]
    histories: ClassVar[int] = 0
    answers: ClassVar[dict[str, int]] = {}


class Shopping(RuleBasedStateMachine):
    """One shopper with one credential in several tabs.

    `adds` are all adds by key: their bit, and what is known of them: applied, not_applied or unknown.
    """

    @initialize(merging=st.booleans(), ordered=st.sampled_from(["404", "read_only"]))
    def begin(self, merging: bool, ordered: str) -> None:
        World.histories += 1
        World.redis.flushdb()  # else the search for locks takes longer with every history
        World.store.reset()
        World.store.set(merge_same_item=merging, ordered_cart=ordered)
        World.store.change_product(MUG, stock=10**6)
        self.headers = {
            "Origin": BLOG,
            "Cartproxy-Client": "soak/1",
            "Authorization": f"Bearer {credential()}",
        }
        self.merging = merging
        self.readable_orders = ordered == "read_only"
        self.adds: dict[str, tuple[int, str]] = {}
        self.sold: set[str] = set()
        self.removed: set[str] = set()

    def call(self, method: str, path: str, key: str = "", **more: Any) -> TestResponse:
        headers = self.headers | ({"Idempotency-Key": key} if key else {})
        headers |= more.pop("headers", {})
        answer = World.client.open(f"/v1/stores/demo{path}", method=method, headers=headers, **more)
        code = "" if answer.status_code < 400 else answer.get_json()["code"]
        kind = f"{method} {answer.status_code} {code}"
        World.answers[kind] = World.answers.get(kind, 0) + 1
        assert answer.status_code != 500, answer.text
        return answer

    def post(self, key: str, minimal: bool = False) -> TestResponse:
        bit, _ = self.adds[key]
        body = {"catalog_id": MUG, "quantity": 2**bit}
        headers = {"Prefer": "return=minimal"} if minimal else {}
        answer = self.call("POST", "/cart/items", key, json=body, headers=headers)
        outcome = "applied" if answer.status_code == 201 else answer.get_json()["outcome"]
        if threading.current_thread() is threading.main_thread():
            note(f"add {key} 2^{bit}: {answer.status_code} {outcome}")
        self.adds[key] = (bit, outcome)
        return answer

    def fresh_key(self) -> str:
        key = secrets.token_hex(4)
        self.adds[key] = (len(self.adds), "not_applied")
        return key

    @rule(kind=st.sampled_from(POST_FAULTS), path=st.sampled_from(["/Cart/*/Item", "/Cart"]))
    def break_next_post(self, kind: str | int, path: str) -> None:
        self.script("POST", path, kind)

    @rule(kind=st.sampled_from(GET_FAULTS))
    def break_next_read(self, kind: str | int) -> None:
        self.script("GET", "/Cart/*", kind)

    @rule(post=st.sampled_from(POST_FAULTS[:4]), read=st.sampled_from(GET_FAULTS))
    def break_next_post_and_reads(self, post: str, read: str | int) -> None:
        World.store.fail(
            self.fault("POST", "/Cart/*/Item", post), *[self.fault("GET", "/Cart/*", read)] * 2
        )

    def script(self, method: str, path: str, kind: str | int) -> None:
        World.store.fail(self.fault(method, path, kind))

    @staticmethod
    def fault(method: str, path: str, kind: str | int) -> dict[str, Any]:
        entry: dict[str, Any] = {"method": method, "path": path, "times": 1, "ms": LATE_MS}
        entry["within_ms"] = SETTLE_SECONDS * 600
        if isinstance(kind, int):
            return entry | {"fault": "status", "status": kind, "retry_after": 0}
        return entry | {"fault": kind, "to": "http://127.0.0.1:9/"}

    @precondition(lambda self: len(self.adds) < 14)
    @rule(minimal=st.booleans())
    def add(self, minimal: bool) -> None:
        self.post(self.fresh_key(), minimal)

    @precondition(lambda self: len(self.adds) < 13)
    @rule(same=st.booleans())
    def add_in_two_tabs_at_once(self, same: bool) -> None:
        first = self.fresh_key()
        keys = [first, first if same else self.fresh_key()]
        with ThreadPoolExecutor(2) as pool:
            answers = list(pool.map(self.post, keys))
        if same and 201 in {answer.status_code for answer in answers}:
            self.adds[first] = (self.adds[first][0], "applied")

    @precondition(lambda self: self.adds)
    @rule(choice=st.integers(0, 100))
    def retry(self, choice: int) -> None:
        keys = list(self.adds)
        key = keys[choice % len(keys)]
        if key in self.sold:
            return
        known = self.adds[key][1]
        answer = self.post(key)
        if known == "applied":
            assert answer.status_code == 201 or answer.get_json()["retryable"]
            self.adds[key] = (self.adds[key][0], "applied")

    @rule(force=st.booleans())
    def look(self, force: bool) -> None:
        headers = {"Cache-Control": "no-cache"} if force else {}
        answer = self.call("GET", "/cart", headers=headers)
        assert answer.status_code in (200, 502, 503, 504)

    @precondition(lambda self: not self.merging)
    @rule(choice=st.integers(0, 100))
    def remove(self, choice: int) -> None:
        applied = [key for key, (_, known) in self.adds.items() if known == "applied"]
        gone = self.sold | self.removed
        candidates = [key for key in applied if key not in gone]
        if not candidates:
            return
        key = candidates[choice % len(candidates)]
        cart = self.call("GET", "/cart", headers={"Cache-Control": "no-cache"}).get_json()
        wanted = 2 ** self.adds[key][0]
        ids = [line["item_id"] for line in cart.get("items", []) if line["quantity"] == wanted]
        if ids and self.call("DELETE", f"/cart/items/{ids[0]}").status_code == 200:
            note(f"removed {key}")
            self.removed.add(key)

    @rule()
    def vanish(self) -> None:
        for cart in World.store.carts():
            if cart["lines"] and not any(known == "unknown" for _, known in self.adds.values()):
                note("the cart vanishes")
                World.store.fail()
                World.store.forget_cart(cart["order_key"])
                # Within 30 s of a reading the checkout may still be handed out unasked (design).
                self.call("GET", "/cart", headers={"Cache-Control": "no-cache"})

    @rule()
    def order(self) -> None:
        World.store.fail()
        self.settle_all()
        applied = {key for key, (_, known) in self.adds.items() if known == "applied"}
        if self.readable_orders and not applied - self.sold - self.removed:
            return  # an order that stays readable looks like a cart until the next add
        answer = self.call("POST", "/checkout")
        if answer.status_code == 200:
            place_order(answer.get_json()["checkout_url"])
            note("ordered")
            self.sold |= applied

    def settle_all(self) -> None:
        """Retry what is unknown until it is known, as a widget does."""
        ends = time.monotonic() + PATIENCE_SECONDS
        for key, (_, known) in list(self.adds.items()):
            while known == "unknown":
                assert time.monotonic() < ends, f"{key} stays unknown"
                self.post(key)
                known = self.adds[key][1]
                if known == "unknown":
                    time.sleep(0.1)

    @invariant()
    def locks_are_free(self) -> None:
        if hasattr(self, "adds"):
            assert not list(World.redis.scan_iter("*:lock"))

    def teardown(self) -> None:
        if not hasattr(self, "adds"):
            return
        World.store.fail()
        self.settle_all()
        time.sleep(LATE_MS / 1000 * 3)
        # A cart that has vanished is made anew by the next write; this one changes nothing in it.
        self.call("PATCH", "/cart", json={"billing": {"city": "Bonn"}})
        gone = self.sold | self.removed
        expected = sorted(
            2**bit
            for key, (bit, known) in self.adds.items()
            if known == "applied" and key not in gone
        )
        carts = [cart for cart in World.store.carts() if cart["lines"]]
        there = sorted(line["quantity"] for cart in carts for line in cart["lines"])
        assert len(carts) <= 1, "a second live cart"
        if self.merging:
            assert sum(there) == sum(expected)
        else:
            assert there == expected
        answer = self.call("GET", "/cart", headers={"Cache-Control": "no-cache"})
        assert answer.status_code == 200, answer.text
        shown = answer.get_json()
        # An order that the store keeps readable can't be told from a cart before the next add.
        if not (self.readable_orders and self.sold and not expected):
            assert shown["item_count"] == sum(expected)


@pytest.fixture
def world() -> Iterator[None]:
    with redis_server() as redis_url, simulated_store() as store_url:
        environment = {
            "CARTPROXY_REDIS_URL": redis_url,
            "CARTPROXY_PEPPER": "p" * 32,
            "CARTPROXY_LOG_LEVEL": "error",
            **PATIENT,
            "CARTPROXY_SETTLE_SECONDS": str(SETTLE_SECONDS),
            "CARTPROXY_BREAKER_FAILURES": "1000000",
            **store_environment(store_url),
        }
        World.client = create_app(load(environment)).test_client()
        World.store = Store(store_url)
        World.redis = redis.Redis.from_url(redis_url)
        yield
        World.redis.close()


def test_whatever_happens_the_books_balance(world: None) -> None:
    run_state_machine_as_test(
        Shopping,
        settings=settings(
            max_examples=HISTORIES,
            # The few of `make test` are always the same; `make soak` looks for others.
            derandomize="SOAK_HISTORIES" not in os.environ,
            database=None,
            stateful_step_count=12,
            deadline=None,
            suppress_health_check=list(HealthCheck),
            print_blob=True,
        ),
    )

    print(f"\n{World.histories} histories; answers:")
    for kind, count in sorted(World.answers.items()):
        print(f"  {count:7} {kind}")
    assert requests.get(f"{World.store.url}/_sandbox/settings", timeout=60).status_code == 200
