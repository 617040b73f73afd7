"""The request under way, with what the edge finds out about it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import flask
from flask.sessions import NullSession, SessionInterface
from werkzeug.datastructures import Accept, MIMEAccept
from werkzeug.http import parse_accept_header
from werkzeug.routing import MapAdapter

from cartproxy import tracing
from cartproxy.limits.rate_limiter import Standing
from cartproxy.web.caller import Caller
from cartproxy.web.stores import Store

_MAX_NEGOTIATED = 500  # characters; browsers send some 150


class Request(flask.Request):
    """Flask's request, and on it what others would keep in `flask.g`: so it has types.

    Hooks and routes ask for it once (`current`) and pass it on. Flask's own `request` looks it up
    at each use, and a request has some sixty of those.
    """

    id = ""
    began = 0.0  # monotonic
    store_id: str | None = None  # as the address names it, whether there is such a store or not
    store: Store | None = None
    caller: Caller | None = None
    standing: Standing | None = None  # of the tightest limit
    received = b""  # the body, once read
    problem_code: str | None = None
    span = tracing.NOBODYS
    failed: str | None = None  # the status by which its span counts as failed

    def header(self, name: str) -> str | None:
        """A header's value; several of one name come as one, with commas.

        `headers.get` costs several times as much, above all where there is none.
        """
        value: str | None = self.environ.get("HTTP_" + name.upper().replace("-", "_"))
        return value

    @property
    def is_safe(self) -> bool:
        """Whether its method may change nothing (RFC 9110, 9.2.1)."""
        return self.method in ("GET", "HEAD", "OPTIONS")

    @property
    def media_type(self) -> str:
        """The one media type, in lower case; empty when the request names none or several."""
        # Where a server joins several into one, there is a comma.
        return "" if "," in self.environ.get("CONTENT_TYPE", "") else self.mimetype.lower()

    @property
    def prefers_html(self) -> bool:
        """Whether a person sees the answer: to a posted form, or to an opened address."""
        kinds = ("application/json", "text/html")
        accepted = parse_accept_header(self._short("Accept"), MIMEAccept)
        return accepted.best_match(kinds, kinds[0]) == "text/html"

    @property
    def takes_gzip(self) -> bool:
        """Whether the answer may be compressed."""
        return parse_accept_header(self._short("Accept-Encoding"), Accept).quality("gzip") > 0

    @property
    def is_written_otherwise(self) -> bool:
        """Whether its target is not simply its path: with escapes, a host, or without a slash.

        A filter in front may read such a target differently. None of ours needs an escape.
        """
        path: str = self.environ["PATH_INFO"]
        target: str = self.environ.get("RAW_URI", path)
        plain = path.startswith("/") and not path.startswith("//") and "%" not in path
        return not plain or target.partition("?")[0] != path

    def _short(self, name: str) -> str:
        """The beginning of a header that werkzeug reads in time that grows with the square of it.

        No limit keeps anybody from an address that does not exist, and whose answer is negotiated.
        """
        return (self.header(name) or "")[:_MAX_NEGOTIATED]


class _NoSession(SessionInterface):
    """Flask's own session is never used: ours are in Redis. It would be opened at each request."""

    def open_session(self, app: flask.Flask, request: flask.Request) -> NullSession:
        return _NO_SESSION

    def is_null_session(self, obj: object) -> bool:
        return True


_NO_SESSION = NullSession()


class App(flask.Flask):
    """The application: makes requests of our type, and knows that no function is a coroutine."""

    request_class = Request
    session_interface = _NoSession()

    def create_url_adapter(self, request: flask.Request | None) -> MapAdapter | None:
        """Routing only by path and method: the client's `Host` has no effect."""
        if request is None:
            return None
        return MapAdapter(self.url_map, "", "/", "", "http", request.path, request.method)

    def ensure_sync(self, func: Callable[..., Any]) -> Callable[..., Any]:
        """The function itself; Flask would examine it at each call."""
        return func


def current() -> Request:
    """The request under way."""
    found: Request = flask.request._get_current_object()  # type: ignore[attr-defined]
    return found


def current_caller() -> Caller:
    """Who makes the request under way, under a store."""
    admitted = current().caller
    assert admitted is not None  # noqa: S101 - every route of a store has been through `admit`
    return admitted
