"""Random shoppers, tabs, retries and faults against the whole; then the books must balance.

`make test` plays a few histories, `make soak` 10,000. A few of them begin with 30 pens in the cart,
and go on with a budget of few calls. `SOAK_SEED` plays the same again.
"""

from __future__ import annotations

import os
import random
import secrets
import sys
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any, ClassVar

import pytest
import redis
from flask.testing import FlaskClient
from hypothesis import HealthCheck, Phase, seed, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)
from support.ledger import ALTERED, MOST_MUGS, PEN, RAISED, Add, Ledger
from support.servers import redis_server, simulated_store, store_environment
from support.service_steps import place_order
from support.shopper import BLOG, MUG, Store, credential
from support.waiting import wait_for
from werkzeug.test import TestResponse

from cartproxy.app import create_app
from cartproxy.settings_source import load

SOAKING = "SOAK_HISTORIES" in os.environ
HISTORIES = int(os.environ.get("SOAK_HISTORIES", "25"))
# The few histories of `make test` are always the same; `make soak` looks for others.
SEED = int(os.environ.get("SOAK_SEED", random.randrange(10**6) if SOAKING else 0))
SETTLE_SECONDS = 0.5
LATE_MS = 10
PAUSE_SECONDS = 0.1
SCARF = 3831  # what another shopper has
PENS = 30
ITEM = "/Cart/*/Item"
POST_FAULTS = (
    "reset", "drop", "apply_then_drop", "drop_then_apply", "html", "trailing_comma", "wrong_shape",
    "redirect", "other_cart", "twice", "gone", 400, 401, 429, 500, 503,
)  # fmt: skip
GET_FAULTS = ("reset", "drop", "html", "wrong_shape", "other_cart", "twice", "gone", 500, 503)
CHANGE_FAULTS = ("reset", "drop", "apply_then_drop", "other_cart", "twice", "gone", 429, 503)
FRESH = {"Cache-Control": "no-cache"}


def _fault(method: str, path: str, kind: str | int) -> dict[str, Any]:
    fault: dict[str, Any] = {"method": method, "path": path, "times": 1}
    if isinstance(kind, int):
        return fault | {"fault": "status", "status": kind, "retry_after": 0}
    # An answer that comes twice does so before the connection's next one.
    late = LATE_MS if kind == "drop_then_apply" else 0
    within = {"within_ms": SETTLE_SECONDS * 600} if late else {}
    return fault | {"fault": kind, "ms": late, "to": "http://127.0.0.1:9/"} | within


def _pass(method: str, path: str, times: int) -> dict[str, Any]:
    """Let so many calls pass before the next fault strikes."""
    return {"method": method, "path": path, "times": times, "fault": "latency", "ms": 0}


SKIP = st.sampled_from([0, 0, 1, 2, 3, 20])
# A list of them; the first that fits a call strikes it.
FAULTS = st.one_of(
    st.builds(
        lambda kind, skip: [_pass("POST", ITEM, skip), _fault("POST", ITEM, kind)],
        st.sampled_from(POST_FAULTS),
        SKIP,
    ),
    st.builds(lambda kind: [_fault("POST", "/Cart", kind)], st.sampled_from(POST_FAULTS)),
    st.builds(lambda kind: [_fault("GET", "/Cart/*", kind)], st.sampled_from(GET_FAULTS)),
    st.builds(
        lambda kind: [_fault(method, f"{ITEM}/*", kind) for method in ("PUT", "DELETE")],
        st.sampled_from(CHANGE_FAULTS),
    ),
    st.builds(
        lambda post, read, skip: [
            _pass("POST", ITEM, skip),
            _fault("POST", ITEM, post),
            *[_fault("GET", "/Cart/*", read)] * 2,
        ],
        st.sampled_from(POST_FAULTS[:4]),
        st.sampled_from(GET_FAULTS),
        SKIP,
    ),
)


class World:
    """The real parts, started once: a Redis, a simulated store, the application twice.

    `scarce` is the application with a budget of few calls, `deferred` one that tells the store of a
    cart at its checkout.
    """

    plenty: ClassVar[FlaskClient]
    scarce: ClassVar[FlaskClient]
    deferred: ClassVar[FlaskClient]
    store: ClassVar[Store]
    redis: ClassVar[redis.Redis]
    histories: ClassVar[int] = 0
    seen: ClassVar[Counter[str]] = Counter()
    first_failure: ClassVar[list[str]] = []


class Shopping(RuleBasedStateMachine):
    """One shopper with one credential in several tabs, and another one who only has a scarf."""

    @initialize(
        merging=st.booleans(),
        ordered=st.sampled_from(["404", "read_only"]),
        others=st.booleans(),
        large=st.sampled_from([False] * 15 + [True]),
        adds=st.sampled_from(["at once"] * 2 + ["few calls", "deferred"]),
    )
    def begin(self, merging: bool, ordered: str, others: bool, large: bool, adds: str) -> None:
        World.histories += 1
        World.redis.flushdb()  # else the search for locks takes longer with every history
        World.store.reset()
        World.store.set(merge_same_item=merging, ordered_cart=ordered)
        for product in (MUG, PEN):
            World.store.change_product(product, stock=10**9)
            _ask(World.plenty, credential(), "GET", f"/products/{product}")
        clients = {"few calls": World.scarce, "deferred": World.deferred}
        self.client = clients.get(adds, World.plenty)
        self.ledger = Ledger(merging)
        self.log = [
            f"merging: {merging}, ordered: {ordered}, others: {others}",
            f"large: {large}, adds: {adds}",
        ]
        self.readable_orders = ordered == "read_only"
        self.bearer = credential()
        if others:
            _ask(World.plenty, credential(), "POST", "/cart/items", json={"catalog_id": SCARF})
        self.foreign = [cart["order_key"] for cart in World.store.carts()]
        if large:
            self.post(self.ledger.add_pens(secrets.token_hex(4), PENS))
            self.client = World.scarce

    def call(self, method: str, path: str, key: str = "", **more: Any) -> TestResponse:
        client = more.pop("client", self.client)
        answer = _ask(client, self.bearer, method, path, key, **more)
        said = answer.get_json()
        self.happens(f"{method} {answer.status_code} {said.get('code', '')}")
        self.log[-1] += f" {path} {key} {more.get('json', '')}"
        assert answer.status_code != 500, answer.text
        self.ledger.refuse(said.get("cart", said).get("changes", []))
        shown = {line["catalog_id"] for line in said.get("cart", said).get("items", [])}
        assert SCARF not in shown, "another shopper's line is shown"
        return answer

    def happens(self, what: str) -> None:
        World.seen[what] += 1
        self.log.append(what)

    def read(self) -> dict[str, Any]:
        """The cart as the store has it, if that can be asked."""
        answer = self.call("GET", "/cart", headers=FRESH, client=World.plenty)
        return answer.get_json() if answer.status_code == 200 else {"items": [], "stale": True}

    def post(self, add: Add, minimal: bool = False) -> TestResponse:
        items = [
            {"catalog_id": product, "quantity": quantity, "options": _name_on(product, quantity)}
            for product, quantity in add.things
        ]
        body = items[0] if len(items) == 1 else {"items": items}
        headers = {"Prefer": "return=minimal"} if minimal else {}
        answer = self.call("POST", "/cart/items", add.key, json=body, headers=headers)
        said = answer.get_json()
        results = said.get("results") or [said] * len(items)
        if said.get("code") not in ("cart-busy", "request-in-progress"):  # which say nothing of it
            add.learn(each["outcome"] for each in results)
        if "pending" in add.known:
            self.ledger.kept = True
            self.happens("pending")
        return answer

    def new_add(self, mugs: int = 1) -> Add:
        return self.ledger.new_add(secrets.token_hex(4), mugs)

    @rule(faults=FAULTS)
    def break_what_comes_next(self, faults: list[dict[str, Any]]) -> None:
        self.script(*faults)

    @precondition(lambda self: not self.ledger.merging)
    @rule(lost=st.booleans(), skip=SKIP)
    def alter_a_quantity(self, lost: bool, skip: int) -> None:
        self.ledger.altered += 1
        altered = _fault("POST", ITEM, "alters_quantity") | {"to": ALTERED + self.ledger.altered}
        self.script(_pass("POST", ITEM, skip), altered | ({"then": "drop"} if lost else {}))

    def script(self, *faults: dict[str, Any]) -> None:
        self.log.append(f"faults: {faults}")
        World.store.fail(*faults)

    @precondition(lambda self: self.ledger.mugs < MOST_MUGS - 2)
    @rule(mugs=st.integers(1, 3), minimal=st.booleans())
    def add(self, mugs: int, minimal: bool) -> None:
        self.post(self.new_add(mugs), minimal)

    @precondition(lambda self: self.ledger.mugs < MOST_MUGS - 1 and self.client is World.plenty)
    @rule(mugs=st.integers(1, 2))
    def add_what_the_store_confirms_and_forgets(self, mugs: int) -> None:
        self.read()  # a cart that is gone confirms nothing
        self.script(_fault("POST", ITEM, "invents_id"))
        self.post(self.new_add(mugs))
        World.store.fail()

    @precondition(lambda self: self.ledger.mugs < MOST_MUGS - 1)
    @rule(same=st.booleans())
    def add_in_two_tabs_at_once(self, same: bool) -> None:
        first = self.new_add()
        with ThreadPoolExecutor(2) as pool:
            list(pool.map(self.post, [first, first if same else self.new_add()]))

    @precondition(lambda self: self.ledger.adds)
    @rule(choice=st.integers(0, 100))
    def retry(self, choice: int) -> None:
        add = self.ledger.adds[choice % len(self.ledger.adds)]
        before = add.known
        answer = self.post(add)
        if "applied" in before:
            assert answer.status_code == 201 or answer.get_json()["retryable"]

    @rule(force=st.booleans())
    def look(self, force: bool) -> None:
        answer = self.call("GET", "/cart", headers=FRESH if force else {})
        assert answer.status_code in (200, 502, 503, 504)
        if answer.status_code == 200 and not answer.get_json()["stale"]:
            self.ledger.check(answer.get_json()["items"], whole=False)

    @precondition(lambda self: self.ledger.adds)
    @rule(choice=st.integers(0, 100), how=st.sampled_from(["DELETE", "PATCH", "PATCH several"]))
    def remove(self, choice: int, how: str) -> None:
        things = [
            each for each in self.ledger.things() if each[0] != MUG or not self.ledger.merging
        ]
        if things:
            thing = things[choice % len(things)]
            if self.set_quantity(self.ledger.now(thing), 0, how):
                self.ledger.removed.add(thing)

    @precondition(lambda self: self.ledger.adds and not self.ledger.merging)
    @rule(choice=st.integers(0, 100), how=st.sampled_from(["PATCH", "PATCH several"]))
    def raise_quantity(self, choice: int, how: str) -> None:
        things = [each for each in self.ledger.things() if each not in self.ledger.raised]
        if things:
            thing = things[choice % len(things)]
            if self.set_quantity(thing, thing[1] + RAISED, how):
                self.ledger.raised.add(thing)

    def set_quantity(self, line: tuple[int, int], quantity: int, how: str) -> bool:
        """Change a line that the shopper sees, again where that fails; whether there was one."""
        if not self.changes(line, quantity, how):
            return False
        World.store.fail()
        self.make_whole()
        wait_for(lambda: not self.changes(line, quantity, how), "the line is changed")
        return True

    def changes(self, line: tuple[int, int], quantity: int, how: str) -> bool:
        """One attempt to change a line; whether the shopper saw it before."""
        shown = {
            (each["catalog_id"], each["quantity"]): each["item_id"] for each in self.read()["items"]
        }
        if line not in shown:
            return False
        path, body = f"/cart/items/{shown[line]}", {"quantity": quantity}
        if how == "DELETE":
            self.call("DELETE", path)
        elif how == "PATCH":
            self.call("PATCH", path, json=body)
        else:
            items = {"items": [body | {"item_id": shown[line]}]}
            self.call("PATCH", "/cart/items", json=items)
        return True

    @rule()
    def vanish(self) -> None:
        for cart in self.own_carts():
            size = "large" if len(cart["lines"]) >= PENS else "small"
            unknown = any("unknown" in add.known for add in self.ledger.adds)
            self.happens(f"a {size} cart vanishes{', with adds in doubt' if unknown else ''}")
            World.store.forget_cart(cart["order_key"])

    @precondition(lambda self: self.ledger.adds)
    @rule()
    def order(self) -> None:
        World.store.fail()
        self.settle()
        if self.readable_orders and not self.ledger.things():
            return  # an order that stays readable looks like a cart until the next add
        # The checkout of a cart just read is handed out unasked (design), and after a 429 the store
        # is not asked for a look before a part of its burst is whole again.
        for _ in range(3):
            if self.read()["stale"]:
                time.sleep(2 * PAUSE_SECONDS)
        answer = wait_for(self.checks_out, "the checkout has ended")
        if answer.status_code == 409 and answer.get_json()["code"] == "cart-changed":
            # Whether a line is gone or was refused when it was put back, the books check.
            other = {each["change"] for each in answer.get_json()["changes"]} - {"gone", "refused"}
            assert not other or self.ledger.altered or self.ledger.kept, answer.text
            tag = {"If-Match": answer.headers["ETag"]}
            answer = wait_for(lambda: self.checks_out(tag), "the checkout has ended")
        if answer.status_code == 200:
            self.check_books()
            place_order(answer.get_json()["checkout_url"])
            self.happens("ordered")
            self.ledger.sell()
        elif answer.get_json()["code"] == "cart-empty":
            self.ledger.check([])
        else:
            assert answer.get_json()["retryable"], answer.text

    def checks_out(self, headers: dict[str, str] | None = None) -> TestResponse | None:
        """The answer to a checkout, unless that is still sending lines."""
        answer = self.call("POST", "/checkout", headers=headers or {})
        if answer.status_code == 202:
            time.sleep(PAUSE_SECONDS)
            return None
        return answer

    def settle(self) -> None:
        """Retry what is unknown until it is known, as a widget does; and send what is pending."""
        for add in self.ledger.adds:
            wait_for(lambda add=add: self.is_known(add), f"{add} is known")

    def is_known(self, add: Add) -> bool:
        if "pending" in add.known:
            self.read()
        if add.is_open:
            self.post(add)
        if add.is_open:
            time.sleep(PAUSE_SECONDS)
        return not add.is_open

    def make_whole(self) -> dict[str, Any]:
        """The cart, once everything that it lacks is back, which takes writes."""

        def whole() -> dict[str, Any] | None:
            cart = self.read()
            if not cart["stale"] and all(line["state"] != "pending" for line in cart["items"]):
                return cart
            self.call("PATCH", "/cart", json={"billing": {"city": "Bonn"}})
            time.sleep(PAUSE_SECONDS if self.client is World.scarce else 0)
            return None

        return wait_for(whole, "the cart is whole") or {}

    def own_carts(self) -> list[dict[str, Any]]:
        """The shopper's carts with anything in them."""
        carts = World.store.carts()
        return [each for each in carts if each["lines"] and each["order_key"] not in self.foreign]

    def check_books(self) -> None:
        self.ledger.check(line for cart in self.own_carts() for line in cart["lines"])

    @invariant()
    def locks_are_free(self) -> None:
        assert not list(World.redis.scan_iter("*:lock"))

    @invariant()
    def one_cart_is_alive(self) -> None:
        assert len(self.own_carts()) <= 1

    def teardown(self) -> None:
        if not hasattr(self, "ledger"):
            return
        try:
            if not sys.exception():
                self.close_books()
        finally:
            if isinstance(sys.exception(), Exception):
                World.first_failure = World.first_failure or self.log

    def close_books(self) -> None:
        World.store.fail()
        self.settle()
        shown = self.make_whole()
        self.check_books()
        # An order that the store keeps readable can't be told from a cart before the next add.
        if not (self.readable_orders and self.ledger.sold and not self.ledger.things()):
            self.ledger.check(shown["items"])
            for pen in shown["items"]:
                if pen["catalog_id"] == PEN and pen["quantity"] <= PENS:
                    assert pen["options"][0]["value"] == f"No {pen['quantity']}"
        theirs = [each for each in World.store.carts() if each["order_key"] in self.foreign]
        assert [line["catalog_id"] for cart in theirs for line in cart["lines"]] == (
            [SCARF] * len(self.foreign)
        )


def _ask(
    client: FlaskClient, bearer: str, method: str, path: str, key: str = "", **more: Any
) -> TestResponse:
    headers = {
        "Origin": BLOG,
        "Cartproxy-Client": "soak/1",
        "Authorization": f"Bearer {bearer}",
        **({"Idempotency-Key": key} if key else {}),
        **more.pop("headers", {}),
    }
    return client.open(f"/v1/stores/demo{path}", method=method, headers=headers, **more)


def _name_on(product: int, quantity: int) -> list[dict[str, Any]]:
    if product != PEN:
        return []
    return [{"option_set_id": 1890, "option_id": 1, "value": f"No {quantity}"}]


@pytest.fixture
def world() -> Iterator[None]:
    with redis_server() as redis_url, simulated_store() as store_url:
        World.plenty = _application(redis_url, store_url)
        World.scarce = _application(redis_url, store_url, CALLS_PER_SECOND="40", CALL_BURST="8")
        World.deferred = _application(redis_url, store_url, ADDS="deferred")
        World.store = Store(store_url)
        World.redis = redis.Redis.from_url(redis_url)
        yield
        World.redis.close()


def _application(redis_url: str, store_url: str, **limits: str) -> FlaskClient:
    environment = {
        "CARTPROXY_REDIS_URL": redis_url,
        "CARTPROXY_PEPPER": "p" * 32,
        "CARTPROXY_LOG_LEVEL": "error",
        # A machine that is busy with other things must not look like a Redis that is away.
        "CARTPROXY_REDIS_TIMEOUT_SECONDS": "5",
        "CARTPROXY_SETTLE_SECONDS": str(SETTLE_SECONDS),
        "CARTPROXY_BREAKER_FAILURES": "1000000",
        "CARTPROXY_CALL_WAIT_SECONDS": "0.001" if limits else "5",
        **{
            f"CARTPROXY_{name}_PER_MINUTE": "0"
            for name in (
                "ADDRESS_READS",
                "ADDRESS_WRITES",
                "ADDRESS_CREATES",
                "CART_READS",
                "CART_WRITES",
            )
        },
        **store_environment(store_url, **limits),
    }
    return create_app(load(environment)).test_client()


def test_whatever_happens_the_books_balance(world: None) -> None:
    began = time.monotonic()
    try:
        play()
    except BaseException:
        # What depends on time is not the same when it is played again.
        print("\n".join(World.first_failure))
        raise

    each = (time.monotonic() - began) / World.histories
    print(f"\nSeed {SEED}: {World.histories} histories of {each:.2f} s:")
    for kind, count in sorted(World.seen.items()):
        print(f"  {count:7} {kind}")


def play() -> None:
    run_state_machine_as_test(
        seed(SEED)(Shopping),
        settings=settings(
            max_examples=HISTORIES,
            database=None,
            stateful_step_count=20,
            deadline=None,
            suppress_health_check=list(HealthCheck),
            print_blob=True,
            report_multiple_bugs=False,
            phases=(Phase.generate, Phase.shrink),
        ),
    )
