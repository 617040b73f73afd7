"""Admits a request: which store, from which site, with which credential. Touches no storage."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterable
from dataclasses import dataclass

from flask import Response

from cartproxy.carts.contract import Preferences
from cartproxy.deadline import Deadline
from cartproxy.limits.rate_limiter import Limit
from cartproxy.model.keys import IdempotencyKey
from cartproxy.records.names import draw_credential
from cartproxy.web.asked import Request, current
from cartproxy.web.bodies import FORM_TYPE, media_type
from cartproxy.web.credentials import read_bearer
from cartproxy.web.limits import add_fields, network
from cartproxy.web.origins import add_cors_headers
from cartproxy.web.refusals import Refused
from cartproxy.web.shops import Edge, Shop

_STORE_PATH = re.compile(r"/v1/stores/([^/]+)(?:/|\Z)")
_CLIENT = re.compile(r"[A-Za-z0-9._-]{1,64}/[A-Za-z0-9._+-]{1,64}", re.ASCII)
# No comma: a server joins two headers of one name with it.
_KEY = re.compile(r"[\x21-\x2b\x2d-\x7e]{1,255}", re.ASCII)
ADDRESS_HEADER = "Cartproxy-Client-Address"
_SAFE_METHODS = frozenset(("GET", "HEAD", "OPTIONS"))
_FORM_PATHS = ("/checkout", "/buy")


@dataclass(slots=True)
class Caller:
    """Who asks: `credential` is None for a reader who has none yet.

    `key` names the API key of a server-side caller, whose `origin` is that key. `address` is where
    the shopper is counted, None for nobody who is.
    """

    edge: Edge
    shop: Shop
    origin: str
    credential: str | None
    deadline: Deadline
    by_cookie: bool
    key: str | None
    address: str | None
    session: str | None = None

    def reading(self) -> str | None:
        """The session to read; None when the caller can't have one."""
        if self.credential is None:
            return None
        return self._named(self.credential)

    def writing(self) -> str:
        """The session to write; a caller without a credential gets a cookie with the answer."""
        if self.credential is None:
            self.credential, self.by_cookie = draw_credential(), True
        return self._named(self.credential)

    def admit_creation(self) -> None:
        """Count a new cart. Raises RateLimited."""
        quota = self.shop.creates_of.get(self.origin, 0)
        own = Limit("origin-creates", f"creates:{self.shop.id}:{self.origin}", quota)
        current().standing = self.edge.limits.take("creates", self.address, None, [own])

    def check_products(self, catalog_ids: Iterable[int]) -> None:
        """Refuse products that the site may not sell. Raises Refused."""
        listed = self.shop.products_of.get(self.origin)
        if listed is None:
            return
        wrong = [f"/items/{at}" for at, each in enumerate(catalog_ids) if each not in listed]
        if wrong:
            errors = [(pointer, "Not on this site's list.") for pointer in wrong]
            raise Refused("product-refused", "This site may not sell this product.", errors=errors)

    def _named(self, credential: str) -> str:
        self.session = self.edge.sessions.name(
            store=self.shop.id, origin=self.origin, credential=credential
        )
        return self.session


def caller() -> Caller:
    """The caller of the present request, once admitted."""
    admitted = current().caller
    assert admitted is not None  # noqa: S101 - every route of a store has been through `admit`
    return admitted


def admit(asked: Request, edge: Edge) -> Response | None:
    """Before every request: find the store, check the site, read the credential.

    Answers preflights itself. Raises Refused; nothing has been read from storage or store by then.
    """
    if asked.environ["PATH_INFO"].startswith("//"):
        # werkzeug would take it for one; who guards an address in front of us would not.
        raise Refused("not-found", "There is nothing at this address.")
    match = _STORE_PATH.match(asked.path)
    if match is None:
        return None
    shop = edge.shops.get(match[1])
    if asked.method == "OPTIONS" and _readable_by(asked, edge, shop):
        return Response(status=204)
    if shop is None:
        raise Refused("store-not-found", "This service serves no store of that name.")
    asked.shop = shop
    key = shop.keys.read(asked)
    origin = f"key:{key}" if key else _admitted_origin(asked, edge, shop)
    _take_place(asked, edge)
    reads = asked.method in _SAFE_METHODS
    if reads:
        _refuse_body(asked)
    elif key is None:
        _require_script_or_form(asked)
    bearer = read_bearer(asked)
    credential = bearer or edge.cookie.read(asked)
    address = _told_address(asked) if key else edge.limits.address(asked)
    asked.caller = Caller(
        edge,
        shop,
        origin,
        credential,
        Deadline.after(edge.request_seconds),
        by_cookie=bearer is None and credential is not None,
        key=key,
        address=address,
    )
    kind = "reads" if reads else "writes"
    asked.standing = edge.limits.take(kind, address, credential)
    return None


def _told_address(asked: Request) -> str | None:
    """The shopper's address as a server-side caller tells it; None where it tells none."""
    told = asked.header(ADDRESS_HEADER)
    if told is None:
        return None
    try:
        ipaddress.ip_address(told)
    except ValueError:
        raise Refused("malformed-request", f"{ADDRESS_HEADER} is no address.") from None
    return network(told)


def _take_place(asked: Request, edge: Edge) -> None:
    try:
        edge.places.pop()
    except IndexError:
        raise Refused("overloaded", "Too many requests are under way.", retry_after=1) from None
    asked.has_place = True


def leave(asked: Request, edge: Edge) -> None:
    """At the very end of every request: give its place back."""
    if asked.has_place:
        asked.has_place = False
        edge.places.append(None)


def finish(asked: Request, edge: Edge, response: Response) -> None:
    """After every request under a store: CORS headers, and the cookie where a write drew one."""
    if _STORE_PATH.match(asked.path):
        readable_by = _readable_by(asked, edge, asked.shop)
        add_cors_headers(response, readable_by, preflight=asked.method == "OPTIONS")
    add_fields(response, asked.standing)
    admitted = asked.caller
    written = admitted is not None and admitted.session and asked.method not in _SAFE_METHODS
    if admitted is not None and written and admitted.by_cookie and admitted.credential:
        edge.cookie.issue(response, admitted.credential)


def preferences() -> Preferences:
    """What the request asks of a write: `If-Match`, `Prefer: return=minimal`."""
    asked = current()
    if_match = asked.header("If-Match")
    tags = None if if_match is None else tuple(tag.strip() for tag in if_match.split(","))
    return Preferences(
        if_match=tags,
        minimal=_wants_minimal(asked),
        key=_idempotency_key(asked),
        admit_creation=caller().admit_creation,
    )


def _idempotency_key(asked: Request) -> IdempotencyKey | None:
    key = asked.header("Idempotency-Key")
    if key is None:
        return None
    if not _KEY.fullmatch(key):
        raise Refused(
            "malformed-request", "Idempotency-Key is 1 to 255 printable characters, without comma."
        )
    route = f"{asked.method} {asked.url_rule}"
    return IdempotencyKey.of(key, route, asked.path, asked.received)


def _wants_minimal(asked: Request) -> bool:
    """Whether `Prefer: return=minimal` (RFC 7240) is asked for."""
    preferred = (asked.header("Prefer") or "").lower().split(",")
    return "return=minimal" in {each.partition(";")[0].replace(" ", "") for each in preferred}


def _readable_by(asked: Request, edge: Edge, shop: Shop | None) -> str | None:
    """The request's Origin, if it may read answers: of this store, or of any where none is named.

    So a page with a mistyped store id is told that, and not just that something failed.
    """
    origin = asked.header("Origin")
    shops = edge.shops.values() if shop is None else (shop,)
    return origin if origin and any(each.origins.allow(origin) for each in shops) else None


def _admitted_origin(asked: Request, edge: Edge, shop: Shop) -> str:
    origin = asked.header("Origin")  # several come as one, with commas: on no list
    if origin is None and asked.method in _SAFE_METHODS:
        return edge.own_origin  # a page of this service itself
    if origin is None:
        raise Refused("origin-refused", "A write must name its Origin.")
    own_read = origin == edge.own_origin and asked.method in _SAFE_METHODS
    if not (own_read or shop.origins.allow(origin)):
        raise Refused("origin-refused", "This site is not on the store's list of origins.")
    return origin


def _refuse_body(asked: Request) -> None:
    if (asked.content_length or 0) > 0 or asked.header("Transfer-Encoding"):
        raise Refused("malformed-request", "A read has no body.")


def _require_script_or_form(asked: Request) -> None:
    """A script proves itself by a header that no form can send; forms have two addresses."""
    if asked.path.endswith(_FORM_PATHS) and media_type() == FORM_TYPE:
        return
    if not _CLIENT.fullmatch(asked.header("Cartproxy-Client") or ""):
        raise Refused("client-header-missing", "A write needs `Cartproxy-Client: name/version`.")
