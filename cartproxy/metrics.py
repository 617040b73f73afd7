"""What is counted. With `PROMETHEUS_MULTIPROC_DIR` set, the figures cover all workers."""

from __future__ import annotations

import os
from pathlib import Path

import structlog
from prometheus_client import (
    REGISTRY,
    CollectorRegistry,
    Counter,
    Histogram,
    generate_latest,
)
from prometheus_client.multiprocess import MultiProcessCollector

log = structlog.get_logger("cartproxy.metrics")

_FOLDER = "PROMETHEUS_MULTIPROC_DIR"
_RESERVED_BYTES = 1024 * 1024  # some 5,000 series of each type

_requests = Counter(
    "cartproxy_requests_total", "Requests answered", ("store", "route", "method", "status")
)
_request_seconds = Histogram(
    "cartproxy_request_duration_seconds",
    "Time to answer a request",
    ("route",),
    buckets=(0.005, 0.02, 0.1, 0.25, 0.5, 1, 2, 4, 8, 15),
)
_store_calls = Counter(
    "cartproxy_store_calls_total",
    "Calls to the store, by its HTTP status or the code of our error",
    ("store", "operation", "outcome"),
)
_METHODS = frozenset(("GET", "HEAD", "OPTIONS", "POST", "PUT", "PATCH", "DELETE"))
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
        for kind in ("counter", "histogram"):
            with Path(folder, f"{kind}_{os.getpid()}.db").open("ab") as file:
                os.posix_fallocate(file.fileno(), 0, _RESERVED_BYTES)
    except OSError as error:
        _counting = False
        log.error("no_metrics", detail=error.strerror)


def count_request(store: str, route: str, method: str, status: int, seconds: float) -> None:
    """A request was answered. A method of the caller's own making is counted as `other`."""
    if _counting:
        method = method if method in _METHODS else "other"
        _requests.labels(store, route, method, str(status)).inc()
        _request_seconds.labels(route).observe(seconds)


def count_store_call(store: str, operation: str, outcome: str) -> None:
    """A call to the store has ended, with an HTTP status or the code of our error."""
    if _counting:
        _store_calls.labels(store, operation, outcome).inc()


def exposition() -> bytes:
    """All figures in Prometheus' text format."""
    if _FOLDER not in os.environ:
        return generate_latest(REGISTRY)
    registry = CollectorRegistry()
    MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
    return generate_latest(registry)
