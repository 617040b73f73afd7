"""What a request asks of a change: `If-Match`, `Prefer: return=minimal`, `Idempotency-Key`."""

from __future__ import annotations

import re
from functools import partial

from werkzeug.http import parse_list_header

from cartproxy.carts.answers import Terms
from cartproxy.model.keys import IdempotencyKey
from cartproxy.store.limits import Payer
from cartproxy.web.admission import admit_creation
from cartproxy.web.context import context
from cartproxy.web.refusals import Refused
from cartproxy.web.request import Request, current, current_caller

_ADDRESS_PART, _SITE_PART = 0.5, 0.75  # of the store's calls
# No comma: a server joins two headers of one name with it.
_KEY = re.compile(r"[\x21-\x2b\x2d-\x7e]{1,255}", re.ASCII)


def terms() -> Terms:
    """How the request under way wants a change, its body read before. Raises Refused."""
    request = current()
    if_match = request.header("If-Match")
    tags = None if if_match is None else tuple(tag.strip() for tag in if_match.split(","))
    return Terms(
        current_caller().deadline,
        if_match=tags,
        minimal=_wants_minimal(request.header("Prefer") or ""),
        key=_idempotency_key(request),
        admit_creation=partial(admit_creation, request, context().limits),
        payers=payers(),
        site=current_caller().origin,
    )


def payers() -> tuple[Payer, ...]:
    """For whom the store's calls are counted: the shopper's address, and the site of several."""
    caller, limits = current_caller(), context().limits
    found = []
    if caller.address:
        found.append(limits.payer(f"address {caller.address}", _ADDRESS_PART, is_address=True))
    if caller.store.origins.are_several:
        found.append(limits.payer(f"site {caller.origin}", _SITE_PART))
    return tuple(found)


def _wants_minimal(preferred: str) -> bool:
    """Whether `Prefer: return=minimal` (RFC 7240) is asked for; the first `return` counts."""
    for each in parse_list_header(preferred.lower()):
        name, equals, value = each.partition(";")[0].partition("=")
        if equals and name.strip() == "return":
            return value.strip() in ("minimal", '"minimal"')
    return False


def _idempotency_key(request: Request) -> IdempotencyKey | None:
    key = request.header("Idempotency-Key")
    if key is None:
        return None
    if not _KEY.fullmatch(key):
        raise Refused(
            "malformed-request",
            "Idempotency-Key must be 1 to 255 printable characters, without comma.",
        )
    route = f"{request.method} {request.url_rule}"
    return IdempotencyKey.of(key, route, request.path, request.received)
