"""The state of the simulated store, and the calls that it has received."""

from __future__ import annotations

import threading
import time
from collections import defaultdict
from dataclasses import dataclass
from typing import Any

from flask import current_app, request

from cartproxy.sandbox.carts import Carts
from cartproxy.sandbox.errors import Refusal
from cartproxy.sandbox.faults import Script
from cartproxy.sandbox.fields import Record, Style
from cartproxy.sandbox.seeds import records
from cartproxy.sandbox.switches import Switches

INVOICE_PREFIX = "AB-"
_FIRST_ID = 100_000  # above every id of the samples


@dataclass(frozen=True)
class Credentials:
    """What a client must send; with an empty access token no Bearer is accepted."""

    secure_url: str
    private_key: str
    token: str
    access_token: str

    def check(self, secure_url: str, private_key: str, token: str, authorization: str) -> None:
        """Raise Refusal 401 unless the headers are right (docs/store-api.md, Access)."""
        bearer = bool(self.access_token) and authorization == f"Bearer {self.access_token}"
        keys = _host(secure_url) == _host(self.secure_url) and private_key == self.private_key
        if not bearer and not (keys and token == self.token):
            raise Refusal(401, "Authorization has been denied for this request")


@dataclass
class Call:
    """One store call as received; `status` is None if there was no answer."""

    n: int
    method: str
    path: str
    status: int | None
    at: float


class Calls:
    """The store calls received, in order."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._calls: list[Call] = []
        self._count = 0

    def note(self, method: str, path: str) -> Call:
        """Record a call; its status is set when it is answered."""
        with self._lock:
            self._count += 1
            call = Call(self._count, method, path, None, time.time())
            self._calls.append(call)
            return call

    def show(self) -> list[Call]:
        """The calls so far."""
        with self._lock:
            return list(self._calls)

    def forget(self) -> list[Call]:
        """Forget all calls, and return them; the numbering goes on."""
        with self._lock:
            forgotten, self._calls = self._calls, []
        return forgotten


class Throttle:
    """A limit of calls a second, counted over the last second."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._recent: list[float] = []

    def check(self, rate: float | None) -> None:
        """Count the call. Raises Refusal 429 if there are too many."""
        if rate is None:
            return
        with self._lock:
            now = time.monotonic()
            self._recent = [at for at in self._recent if now - at < 1]
            if len(self._recent) >= rate:
                raise Refusal(429, "Too many requests", retry_after=1)
            self._recent.append(now)


@dataclass
class Payment:
    """A payment for which a shopper was sent to the gateway; `amount` is in cents."""

    order_key: str
    order_id: int
    invoice_number: int
    amount: int
    random_key: str

    @property
    def invoice(self) -> str:
        """The invoice number as the gateway sees it."""
        return f"{INVOICE_PREFIX}{self.invoice_number}"


class State:
    """The whole store. `defaults` are the switches that it starts with.

    `records` are those of all resources except carts, by resource and id. `deliveries` are the
    webhooks sent, `emails` those that customers would have received, `sales` the payments that the
    sample gateway knows.
    """

    def __init__(self, credentials: Credentials, latency_ms: int, defaults: Switches) -> None:
        self.credentials = credentials
        self.latency_ms = latency_ms
        self.defaults = defaults
        self.carts = Carts()
        self.calls = Calls()
        self.faults = Script()
        self._ids: defaultdict[str, int] = defaultdict(lambda: _FIRST_ID)
        self.reset()

    def reset(self) -> None:
        """Return to the initial state: no carts, orders, calls or faults, and default switches."""
        with self.carts.lock:
            self.carts.reset()
            self.records: dict[str, dict[int, Record]] = records()
            self.payments: dict[int, Payment] = {}
            self.sales: dict[str, Record] = {}
            self.emails: list[dict[str, Any]] = []
            self.deliveries: list[dict[str, Any]] = []
            self.set_products(self.carts.catalogue)
        self.calls.forget()
        self.faults.replace([])
        self.throttle = Throttle()
        self.switches = self.defaults

    def set_products(self, products: dict[int, Record]) -> None:
        """Replace the catalogue, for carts and API."""
        self.carts.catalogue = self.records["Products"] = products

    def new_id(self, name: str) -> int:
        """A new id for a field of this name."""
        with self.carts.lock:
            if name == "ItemIndexID":
                return self.carts.new_item_id()
            if name == "OrderID":
                return self.carts.new_order_id()
            self._ids[name] += 1
            return self._ids[name]

    @property
    def style(self) -> Style:
        """How to write the answer to the current call; outside the API as in version 2."""
        is_first = request.path.lower().startswith("/3dcartwebapi/v1/")
        return Style(self.switches.date_format, 1 if is_first else 2)

    @property
    def base(self) -> str:
        """The address at which the store was called."""
        return request.host_url.rstrip("/")


def current_state() -> State:
    """The store that the request is for."""
    state: State = current_app.extensions["sandbox"]
    return state


def _host(secure_url: str) -> str:
    """SecureURL without scheme, www. and slash, which are optional (docs/store-api.md, Access)."""
    return secure_url.lower().rpartition("://")[2].removeprefix("www.").rstrip("/")
