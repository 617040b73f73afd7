"""What is counted. With `PROMETHEUS_MULTIPROC_DIR` set, the figures cover all workers.

Every label has few values: configured stores, our routes, codes and operations. Nothing that a
caller can choose becomes one. What each figure is for: docs/operations/runbook.md.
"""

from __future__ import annotations

import os
import platform
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

import structlog
from prometheus_client import (
    REGISTRY,
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    generate_latest,
)
from prometheus_client.metrics_core import GaugeMetricFamily
from prometheus_client.multiprocess import MultiProcessCollector

from cartproxy import __version__

log = structlog.get_logger("cartproxy.metrics")

_FOLDER = "PROMETHEUS_MULTIPROC_DIR"
# By the first part of the file's name. Ten stores with everything in use fill half of the first
# and 70 % of the second.
_RESERVED_BYTES = {
    "counter": 1024 * 1024,
    "histogram": 1024 * 1024,
    "gauge_livesum": 65536,
    "gauge_livemax": 65536,
}
_CART_EVENTS = (
    *("created", "checkout", "ordered", "deleted"),
    *("lost", "restored", "restored_in_part"),
)
_ORDER_EVENTS = ("received", "booked", "not_ours", "not_placed", "given_up")
_METHODS = frozenset(("GET", "HEAD", "OPTIONS", "POST", "PUT", "PATCH", "DELETE"))

# A figure without labels would be written before `reserve` has made room: each has at least one.
_requests = Counter(
    "cartproxy_requests_total", "Requests answered", ("store", "route", "method", "status")
)
_request_seconds = Histogram(
    "cartproxy_request_duration_seconds",
    "Time to answer a request",
    ("store", "route", "method"),
    buckets=(0.005, 0.02, 0.1, 0.25, 0.5, 1, 2, 4, 8, 15),
)
_problems = Counter("cartproxy_problems_total", "Problem documents, by code", ("store", "code"))
_store_calls = Counter(
    "cartproxy_store_calls_total",
    "Calls to the store, by its HTTP status or the code of our error",
    ("store", "operation", "outcome"),
)
_store_seconds = Histogram(
    "cartproxy_store_call_duration_seconds",
    "Time of a call to the store",
    ("store", "operation"),
    buckets=(0.05, 0.1, 0.2, 0.4, 0.8, 1.5, 3, 6),
)
_budget = Counter(
    "cartproxy_store_budget_calls_total",
    "Calls to the store that its budget has granted or refused",
    ("store", "outcome"),
)
_shares = Counter(
    "cartproxy_store_share_calls_total",
    "The same, by what the calls are for",
    ("store", "share", "outcome"),
)
_pending = Counter(
    "cartproxy_pending_lines_total",
    "Adds and changes that wait for the store: kept, sent, refused by it, or without room",
    ("store", "event"),
)
_saved = Counter(
    "cartproxy_store_calls_saved_total",
    "Calls saved by keeping adds and changes",
    ("store",),
)
_pauses = Counter(
    "cartproxy_store_pauses_total", "Pauses that a store has asked for (429)", ("store",)
)
_left_alone = Gauge(
    "cartproxy_store_left_alone",
    "Workers whose breaker is open for the store",
    ("store",),
    multiprocess_mode="livesum",
)
_rate = Gauge(
    "cartproxy_store_budget_calls_per_second",
    "Calls per second that the store gets (setting)",
    ("store",),
    multiprocess_mode="livemax",
)
_openings = Counter("cartproxy_breaker_openings_total", "Times a breaker has opened", ("store",))
_redis_seconds = Histogram(
    "cartproxy_redis_duration_seconds",
    "Time of a Redis operation, failed ones too",
    ("operation",),
    buckets=(0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.6),
)
_redis_errors = Counter("cartproxy_redis_errors_total", "Errors of Redis, by kind", ("error",))
_doubts = Counter(
    "cartproxy_doubts_total",
    "Writes whose outcome was unknown: raised, and settled",
    ("store", "event"),
)
_carts = Counter("cartproxy_carts_total", "Events of carts", ("store", "event"))
_orders = Counter(
    "cartproxy_orders_total",
    "Orders that stores have reported: received, and what happened to them",
    ("store", "event"),
)
_order_value = Counter(
    "cartproxy_order_value_total",
    "Value of the orders of carts, before tax and shipping, in the store's currency",
    ("store",),
)
_counting = True


def reserve() -> None:
    """Make room for this worker's figures now; without room, count nothing.

    The figures are mapped from files: on a disk that has filled up meanwhile, writing to a page
    that was never made ends the process.
    """
    global _counting
    folder = os.environ.get(_FOLDER)
    if folder is None:
        return
    try:
        for kind, size in _RESERVED_BYTES.items():
            with Path(folder, f"{kind}_{os.getpid()}.db").open("ab") as file:
                os.posix_fallocate(file.fileno(), 0, size)
    except OSError as error:
        _counting = False
        log.error("no_metrics", detail=error.strerror)


def begin(rates: Mapping[str, float]) -> None:
    """Show each store's calls a second, and as 0 what may stay so for weeks.

    An alert can't see a step from nothing to 1.
    """
    for store, rate in rates.items():
        _set(_rate, rate, store)
        _set(_left_alone, 0, store)
        _count(_openings, store, by=0)
        _count(_pauses, store, by=0)
        _count(_order_value, store, by=0)
        for figure, values in (
            (_budget, ("granted", "refused")),
            (_pending, ("kept", "sent", "refused", "no_room")),
            (_doubts, ("raised", "settled_applied", "settled_not_applied")),
            (_carts, _CART_EVENTS),
            (_orders, _ORDER_EVENTS),
            (_problems, ("internal-error", "outcome-unknown", "overloaded", "storage-unavailable")),
        ):
            for value in values:
                _count(figure, store, value, by=0)
    _count(_problems, "", "internal-error", by=0)
    for error in ("ConnectionError", "TimeoutError", "OutOfMemoryError"):
        _count(_redis_errors, error, by=0)


def count_request(store: str, route: str, method: str, status: int, seconds: float) -> None:
    """A request was answered; `store` is empty outside a store's addresses.

    A method of the caller's own making is counted as `other`.
    """
    verb = known_method(method)
    _count(_requests, store, route, verb, str(status))
    _observe(_request_seconds, seconds, store, route, verb)


def known_method(method: str) -> str:
    """The method, or `other` for one of the caller's own making."""
    return method if method in _METHODS else "other"


def count_problem(store: str, code: str) -> None:
    """A request was answered with a problem document."""
    _count(_problems, store, code)


def count_store_call(store: str, operation: str, outcome: str, seconds: float) -> None:
    """A call to the store has ended, with an HTTP status or the code of our error."""
    _count(_store_calls, store, operation, outcome)
    _observe(_store_seconds, seconds, store, operation)


def count_budget(store: str, share: str, calls: int, *, granted: bool) -> None:
    """So many calls of this share were asked of the store's budget at once."""
    outcome = "granted" if granted else "refused"
    _count(_budget, store, outcome, by=calls)
    _count(_shares, store, share, outcome, by=calls)


def count_pending(store: str, event: str, wishes: int = 1) -> None:
    """So many adds and changes wait for the store, or do no more: one of `_PENDING_EVENTS`."""
    if wishes > 0:
        _count(_pending, store, event, by=wishes)


def count_saved(store: str, calls: int) -> None:
    """So many calls were not made at once."""
    if calls > 0:
        _count(_saved, store, by=calls)


def count_pause(store: str) -> None:
    """The store has asked to slow down."""
    _count(_pauses, store)


def show_breaker(store: str, *, is_open: bool) -> None:
    """This worker's breaker for the store has opened or closed."""
    _set(_left_alone, int(is_open), store)
    if is_open:
        _count(_openings, store)


def count_redis(operation: str, seconds: float) -> None:
    """A Redis operation has ended, well or not."""
    _observe(_redis_seconds, seconds, operation)


def count_redis_error(error: str) -> None:
    """Redis failed, by the name of redis-py's error; one that a repetition mends counts too."""
    _count(_redis_errors, error)


def count_doubts(store: str, event: str, writes: int = 1) -> None:
    """Writes became doubtful (`raised`), or known (`settled_applied`, `settled_not_applied`)."""
    if writes:
        _count(_doubts, store, event, by=writes)


def count_cart(store: str, event: str) -> None:
    """Something has happened to a cart: one of `_CART_EVENTS`."""
    _count(_carts, store, event)


def count_order(store: str, event: str, orders: int = 1) -> None:
    """Something has happened to orders: one of `_ORDER_EVENTS`."""
    if orders > 0:
        _count(_orders, store, event, by=orders)


def count_order_value(store: str, value: float) -> None:
    """An order of so much was booked; what is given back is no part of it."""
    _count(_order_value, store, by=max(0.0, value))


def exposition(live_carts: int | None, pending: Mapping[str, tuple[int, float]]) -> bytes:
    """All figures in Prometheus' text format; `live_carts` is None when Redis can't be asked.

    `pending` is how many carts wait for each store, and for how many seconds the oldest does.
    """
    ours: CollectorRegistry = CollectorRegistry()
    ours.register(_Now(live_carts, pending))
    if _FOLDER not in os.environ:
        return generate_latest(REGISTRY) + generate_latest(ours)
    MultiProcessCollector(ours)  # type: ignore[no-untyped-call]
    return generate_latest(ours)


class _Now:
    """Figures of the moment of asking, which no worker keeps."""

    def __init__(self, live_carts: int | None, pending: Mapping[str, tuple[int, float]]) -> None:
        self._live_carts = live_carts
        self._pending = pending

    def collect(self) -> list[GaugeMetricFamily]:
        build = GaugeMetricFamily(
            "cartproxy_build_info", "What is running", labels=("version", "python")
        )
        build.add_metric((__version__, platform.python_version()), 1)
        if self._live_carts is None:
            return [build]
        text = "Carts that have not expired, in all stores"
        live = GaugeMetricFamily("cartproxy_carts_live", text, value=self._live_carts)
        count = GaugeMetricFamily(
            "cartproxy_carts_pending", "Carts that wait for their store", labels=("store",)
        )
        oldest = GaugeMetricFamily(
            "cartproxy_carts_pending_oldest_seconds",
            "How long the oldest of them has been waiting, in seconds",
            labels=("store",),
        )
        for store, (carts, seconds) in self._pending.items():
            count.add_metric((store,), carts)
            oldest.add_metric((store,), seconds)
        return [build, live, count, oldest]


def _count(figure: Counter, *labels: str, by: float = 1) -> None:
    if _counting:
        _labelled(figure, *labels).inc(by)


def _observe(figure: Histogram, seconds: float, *labels: str) -> None:
    if _counting:
        _labelled(figure, *labels).observe(seconds)


@cache  # few, as labels are; prometheus_client takes a lock and checks them at each look
def _labelled(figure: Any, *labels: str) -> Any:
    return figure.labels(*labels)


def _set(figure: Gauge, value: float, *labels: str) -> None:
    if _counting:
        figure.labels(*labels).set(value)
