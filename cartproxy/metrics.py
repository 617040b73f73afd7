"""What is counted. With `PROMETHEUS_MULTIPROC_DIR` set, the figures cover all workers."""

from __future__ import annotations

import os

from prometheus_client import (
    REGISTRY,
    CollectorRegistry,
    Counter,
    Histogram,
    generate_latest,
)
from prometheus_client.multiprocess import MultiProcessCollector

requests_served = Counter(
    "cartproxy_requests_total", "Requests answered", ("store", "route", "method", "status")
)
request_seconds = Histogram(
    "cartproxy_request_duration_seconds",
    "Time to answer a request",
    ("route",),
    buckets=(0.005, 0.02, 0.1, 0.25, 0.5, 1, 2, 4, 8, 15),
)
store_calls = Counter(
    "cartproxy_store_calls_total",
    "Calls to the store, by its HTTP status or the code of our error",
    ("store", "operation", "outcome"),
)


def exposition() -> bytes:
    """All figures in Prometheus' text format."""
    if "PROMETHEUS_MULTIPROC_DIR" not in os.environ:
        return generate_latest(REGISTRY)
    registry = CollectorRegistry()
    MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
    return generate_latest(registry)
