"""Which sites may call, decided by exact comparison; and the CORS headers that tell browsers so."""

from __future__ import annotations

import re
from collections.abc import Iterable

from flask import Response

ALLOWED_HEADERS = (
    "Authorization, Cache-Control, Cartproxy-Client, Content-Type, Idempotency-Key, If-Match, "
    "If-None-Match, Prefer, X-Request-Id"
)
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

    @property
    def are_several(self) -> bool:
        """Whether more than one site may call."""
        return len(self._exact) + 2 * len(self._wildcards) > 1

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


def add_cors_headers(response: Response, origin: str | None, *, preflight: bool) -> None:
    """Let the listed `origin` read the answer; without one, only keep caches apart."""
    add = response.headers.add  # nothing else sets them under a store
    add("Vary", "Origin")
    if origin is None:
        return
    add("Access-Control-Allow-Origin", origin)
    add("Access-Control-Allow-Credentials", "true")
    if preflight:
        add("Access-Control-Allow-Methods", ALLOWED_METHODS)
        add("Access-Control-Allow-Headers", ALLOWED_HEADERS)
        add("Access-Control-Max-Age", str(PREFLIGHT_SECONDS))
    else:
        add("Access-Control-Expose-Headers", EXPOSED_HEADERS)
