"""What gunicorn needs of this machine, and how long a stop takes."""

from __future__ import annotations

import resource
from collections.abc import Iterator
from urllib.parse import urlsplit

from cartproxy.doctor.findings import Finding, ok, warning
from cartproxy.settings import Settings
from cartproxy.sites import is_local

_OTHER_FILES = 64  # Python's own files, logs, metrics, listening sockets
_USUAL_STOP_SECONDS = 90  # systemd's default before it kills a process


def descriptor_findings(settings: Settings) -> Iterator[Finding]:
    """Whether a worker may open as many connections as it can need."""
    apis = {urlsplit(store.api_url).netloc for store in settings.stores.values()}
    stores = settings.concurrency * len(apis)
    needed = settings.worker_connections + settings.redis_connections + stores + _OTHER_FILES
    _, limit = resource.getrlimit(resource.RLIMIT_NOFILE)
    if limit not in (-1, resource.RLIM_INFINITY) and limit < needed:
        yield warning(
            "descriptors",
            f"A worker may need {needed} (browsers, Redis, stores), but can open {limit} (in this "
            "shell; the service's own limit may differ).",
            "Raise it: LimitNOFILE=65536 in the systemd unit, `ulimit -Hn` in a shell; or lower "
            "concurrency.",
        )
    else:
        yield ok("descriptors", f"A worker may need {needed}, and can open {limit}.")


def stop_findings(settings: Settings) -> Iterator[Finding]:
    """Whether a proxy in front notices a stop in time, and how long a stop takes."""
    longest = settings.drain_seconds + int(settings.request_seconds) + 5
    if longest > _USUAL_STOP_SECONDS:
        yield warning(
            "stop-slow",
            f"A stop may take {longest:.0f} s: draining, then the requests under way.",
            "Make the supervisor wait longer: TimeoutStopSec, stop_grace_period.",
        )
    if settings.drain_seconds or is_local(settings.public_url):
        yield ok("stop", f"A stop takes at most {longest:.0f} s; the supervisor must wait.")
    else:
        yield warning(
            "drain-none",
            "At a stop, requests are refused before a proxy in front notices that /readyz fails.",
            "Behind a health-checking proxy, set drain_seconds to more than its interval.",
        )


def concurrency_findings(settings: Settings) -> Iterator[Finding]:
    """How many requests can be served at the same time."""
    detail = f"Workers: {settings.worker_count}; requests of each at once: {settings.concurrency}."
    starved = [
        name
        for name, store in settings.stores.items()
        if store.concurrent_calls >= settings.concurrency
    ]
    if starved:
        yield warning(
            "concurrency-low",
            f"{detail} A slow store may occupy them all: concurrent_calls of "
            f"{', '.join(starved)} is not lower.",
            "Raise concurrency, or lower concurrent_calls.",
        )
    else:
        yield ok("concurrency", detail)
