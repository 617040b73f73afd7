"""What every request goes through: admission, errors into answers, headers, one log line."""

from __future__ import annotations

import re
import secrets
import time
import traceback
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import structlog
from flask import Flask, Response
from werkzeug.exceptions import HTTPException

from cartproxy import metrics, tracing
from cartproxy.errors import CartProxyError
from cartproxy.storage import patience
from cartproxy.web import problems
from cartproxy.web.asked import Request, current
from cartproxy.web.caller import admit, finish, leave
from cartproxy.web.shops import Edge

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

log = structlog.get_logger("cartproxy.web")

_REQUEST_ID = re.compile(r"[A-Za-z0-9_.-]{8,64}", re.ASCII)
_CART_NAME_LENGTH = 12


def install(app: Flask, edge: Edge, *, https: bool) -> None:
    """Put the hooks around every request of the application."""
    fixed = [*problems.FIXED_HEADERS.items()]
    if https:
        fixed.append(("Strict-Transport-Security", "max-age=31536000"))
    app.wsgi_app = _with_headers(app.wsgi_app, fixed)  # type: ignore[assignment]

    @app.before_request
    def begin() -> Response | None:
        asked = current()
        given = asked.header("X-Request-Id") or ""
        asked.id = given if _REQUEST_ID.fullmatch(given) else secrets.token_hex(8)
        asked.began = time.monotonic()
        structlog.contextvars.bind_contextvars(request_id=asked.id)
        patience.begin_request()
        try:
            return admit(asked, edge)
        finally:
            if tracing.is_on():
                _trace(asked)

    @app.after_request
    def end(response: Response) -> Response:
        asked = current()
        finish(asked, edge, response)
        response.headers.setdefault("Cache-Control", "no-store")
        response.headers.add("X-Request-Id", asked.id)
        _account(asked, response)
        return response

    @app.teardown_request
    def forget(_: BaseException | None) -> None:
        asked = current()
        leave(asked, edge)
        asked.span.end(asked.failed)
        patience.end_request()
        structlog.contextvars.clear_contextvars()

    app.register_error_handler(CartProxyError, problems.answer)
    app.register_error_handler(HTTPException, problems.answer_http)
    app.register_error_handler(Exception, _answer_bug)


def _with_headers(app: WSGIApplication, fixed: list[tuple[str, str]]) -> WSGIApplication:
    """The application with these headers on every answer.

    They are added where headers are a plain list: a Response checks each at each step.
    """

    def answer(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        def start(status: str, headers: list[tuple[str, str]], *more: Any) -> Any:
            return start_response(status, headers + fixed, *more)

        return app(environ, start)

    return answer


def _answer_bug(error: Exception) -> Response:
    # Where it happened, and not what was said: a message may quote a secret of the request.
    frames = traceback.extract_tb(error.__traceback__)
    log.error(
        "bug",
        error=type(error).__name__,
        where=[f"{frame.filename}:{frame.lineno} {frame.name}" for frame in frames[-8:]],
    )
    return problems.answer_bug()


def _trace(asked: Request) -> None:
    """Begin the request's span: part of a trace of the caller's for one with an API key."""
    given = asked.header("traceparent") if asked.caller and asked.caller.key else None
    asked.span = tracing.request(
        f"{metrics.known_method(asked.method)} {_route(asked)}", given or ""
    )
    structlog.contextvars.bind_contextvars(trace_id=asked.span.trace_id)


def _route(asked: Request) -> str:
    return asked.url_rule.rule if asked.url_rule else "-"


def _account(asked: Request, response: Response) -> None:
    """One log line, the figures and the span's attributes.

    The route's pattern stands for the path, which may hold ids.
    """
    seconds = time.monotonic() - asked.began
    status = response.status_code
    route = _route(asked)
    store = asked.shop.id if asked.shop else ""
    code = asked.problem_code
    metrics.count_request(store, route, asked.method, status, seconds)
    if code:
        metrics.count_problem(store, code)
    asked.span.note(
        method=metrics.known_method(asked.method),
        route=route,
        status=status,
        store=store,
        code=code or "",
        request_id=asked.id,
    )
    if status >= 500:
        asked.failed = str(status)
    session = asked.caller.session if asked.caller else None
    log.info(
        "request",
        method=asked.method,
        route=route,
        status=status,
        ms=round(seconds * 1000, 1),
        store=store,
        cart=session[:_CART_NAME_LENGTH] if session else None,
        code=code,
    )
