"""Which sites may call, decided by exact comparison; and the CORS headers that tell browsers so."""

from __future__ import annotations

import re
from collections.abc import Iterable

from flask import Response

ALLOWED_HEADERS = (
    "Authorization, Cache-Control, Cartproxy-Client, Content-Type, Idempotency-Key, If-Match, "
    "If-None-Match, Prefer, X-Request-Id"
)
# What is only for servers, and would let a page say whose request it is.
_NEVER_ALLOWED = frozenset(
    ("cartproxy-key", "forwarded", "x-forwarded-for", "x-forwarded-host", "x-forwarded-proto")
)
_HEADER_NAME = re.compile(r"[a-z0-9_-]{1,64}", re.ASCII)
_MAX_ASKED = 32
EXPOSED_HEADERS = (
    "ETag, Idempotent-Replayed, Preference-Applied, RateLimit, RateLimit-Policy, Retry-After, "
    "X-Request-Id"
)
ALLOWED_METHODS = "GET, POST, PATCH, DELETE"
_LABEL = re.compile(r"[a-z0-9_](?:[a-z0-9_-]*[a-z0-9_])?", re.ASCII)
PREFLIGHT_SECONDS = 7200  # the longest that Chromium remembers one


class Origins:
    """A store's list: exact origins, and `https://*.example.com` for one label before the dot."""

    def __init__(self, origins: Iterable[str]) -> None:
        listed = tuple(origins)
        self._exact = frozenset(origin for origin in listed if "://*." not in origin)
        self._wildcards = tuple(
            tuple(origin.split("*", 1)) for origin in listed if "://*." in origin
        )

    def allow(self, origin: str) -> bool:
        """Whether a browser's Origin is listed; browsers send it in canonical form."""
        return origin in self._exact or any(
            self._one_label(origin, before, after) for before, after in self._wildcards
        )

    @staticmethod
    def _one_label(origin: str, before: str, after: str) -> bool:
        if not (origin.startswith(before) and origin.endswith(after)):
            return False
        return _LABEL.fullmatch(origin[len(before) : len(origin) - len(after)]) is not None


def allowed_headers(asked: str) -> str:
    """What a page may send, for a preflight that asks for these headers.

    What the page's own tools add to each request, such as `sentry-trace`, `baggage` or
    `traceparent`, is allowed and ignored: it must not cost the shop a sale.
    """
    names = [each.strip().lower() for each in asked[:4096].split(",")][:_MAX_ASKED]
    known = ALLOWED_HEADERS.lower().split(", ")
    others = [
        name
        for name in dict.fromkeys(names)
        if _HEADER_NAME.fullmatch(name) and name not in _NEVER_ALLOWED and name not in known
    ]
    return ", ".join((ALLOWED_HEADERS, *others))


def add_cors_headers(response: Response, origin: str | None, asked: str | None) -> None:
    """Let the listed `origin` read the answer; without one, only keep caches apart.

    `asked` are the headers that a preflight asks for; None where it is no preflight.
    """
    add = response.headers.add  # nothing else sets them under a store
    add("Vary", "Origin")
    if origin is None:
        return
    add("Access-Control-Allow-Origin", origin)
    add("Access-Control-Allow-Credentials", "true")
    if asked is not None:
        add("Access-Control-Allow-Methods", ALLOWED_METHODS)
        add("Access-Control-Allow-Headers", allowed_headers(asked))
        add("Access-Control-Max-Age", str(PREFLIGHT_SECONDS))
    else:
        add("Access-Control-Expose-Headers", EXPOSED_HEADERS)
