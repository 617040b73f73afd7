"""The CORS headers that tell browsers which sites may call."""

from __future__ import annotations

import re

ALLOWED_HEADERS = (
    "Authorization, Cache-Control, Cartproxy-Client, Content-Type, Idempotency-Key, If-Match, "
    "If-None-Match, Prefer, X-Request-Id"
)
# Headers only for servers; a page could use them to claim another shopper's request.
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
PREFLIGHT_SECONDS = 7200  # the longest that Chromium remembers one


def allowed_headers(asked: str) -> str:
    """What a page may send, for a preflight that asks for these headers.

    What the page's own tools add to each request, such as `sentry-trace`, `baggage` or
    `traceparent`, is allowed and ignored: otherwise the browser would block the request.
    """
    names = [each.strip().lower() for each in asked[:4096].split(",")][:_MAX_ASKED]
    known = ALLOWED_HEADERS.lower().split(", ")
    others = [
        name
        for name in dict.fromkeys(names)
        if _HEADER_NAME.fullmatch(name) and name not in _NEVER_ALLOWED and name not in known
    ]
    return ", ".join((ALLOWED_HEADERS, *others))


def cors_fields(origin: str | None, asked: str | None) -> dict[str, str]:
    """The headers that let the listed `origin` read the answer; without one, keep caches apart.

    `asked` are the headers that a preflight asks for; None where it is no preflight.
    """
    fields = {"Vary": "Origin"}
    if origin is None:
        return fields
    fields["Access-Control-Allow-Origin"] = origin
    fields["Access-Control-Allow-Credentials"] = "true"
    if asked is not None:
        fields["Access-Control-Allow-Methods"] = ALLOWED_METHODS
        fields["Access-Control-Allow-Headers"] = allowed_headers(asked)
        fields["Access-Control-Max-Age"] = str(PREFLIGHT_SECONDS)
    else:
        fields["Access-Control-Expose-Headers"] = EXPOSED_HEADERS
    return fields
