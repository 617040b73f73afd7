"""The CORS headers that tell browsers which sites may call."""

from __future__ import annotations

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
PREFLIGHT_SECONDS = 7200  # the longest that Chromium remembers one


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
