"""The request under way, with what the edge finds out about it on its way to an answer."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import flask

from cartproxy import tracing

if TYPE_CHECKING:
    from cartproxy.limits.rate_limiter import Standing
    from cartproxy.web.caller import Caller
    from cartproxy.web.shops import Shop


class Request(flask.Request):
    """Flask's request, and on it what others would keep in `flask.g`: so it has types.

    Hooks and routes ask for it once (`current`) and pass it on. Flask's own `request` looks it up
    anew at each use, and a request has some sixty of those.
    """

    id = ""
    began = 0.0  # monotonic
    shop: Shop | None = None
    caller: Caller | None = None
    standing: Standing | None = None  # of the tightest limit
    has_place = False  # among the requests under way
    received = b""  # the body, once read
    problem_code: str | None = None
    span = tracing.NOBODYS
    failed: str | None = None  # the status by which its span counts as failed

    def header(self, name: str) -> str | None:
        """A header's value; several of one name come as one, with commas.

        `headers.get` is several times as dear, above all where there is none.
        """
        value: str | None = self.environ.get("HTTP_" + name.upper().replace("-", "_"))
        return value


class App(flask.Flask):
    """The application: makes requests of our type, and knows that no function is a coroutine."""

    request_class = Request

    def ensure_sync(self, func: Callable[..., Any]) -> Callable[..., Any]:
        """The function itself; Flask would examine it at each call."""
        return func


def current() -> Request:
    """The request under way."""
    found: Request = flask.request._get_current_object()  # type: ignore[attr-defined]
    return found
