"""What every request goes through: admission, errors into answers, headers, one log line."""

from __future__ import annotations

import re
import secrets
import time
import traceback

import structlog
from flask import Flask, Response, g, request
from werkzeug.exceptions import HTTPException

from cartproxy import metrics, tracing
from cartproxy.carts.errors import CartProxyError
from cartproxy.web import problems
from cartproxy.web.caller import Caller, admit, finish, leave

log = structlog.get_logger("cartproxy.web")

_REQUEST_ID = re.compile(r"[A-Za-z0-9_.-]{8,64}", re.ASCII)
_CART_NAME_LENGTH = 12


def install(app: Flask, *, https: bool) -> None:
    """Put the hooks around every request of the application."""
    headers = dict(problems.FIXED_HEADERS)
    if https:
        headers["Strict-Transport-Security"] = "max-age=31536000"

    @app.before_request
    def begin() -> Response | None:
        given = request.headers.get("X-Request-Id", "")
        g.request_id = given if _REQUEST_ID.fullmatch(given) else secrets.token_hex(8)
        g.began = time.monotonic()
        structlog.contextvars.bind_contextvars(request_id=g.request_id)
        try:
            return admit()
        finally:
            _trace()

    @app.after_request
    def end(response: Response) -> Response:
        finish(response)
        response.headers.setdefault("Cache-Control", "no-store")
        response.headers["X-Request-Id"] = g.request_id
        response.headers.extend(headers)
        _account(response)
        return response

    @app.teardown_request
    def forget(_: BaseException | None) -> None:
        leave()
        traced: tracing.Span | None = g.pop("span", None)
        if traced is not None:
            traced.end(g.get("failed"))
        structlog.contextvars.clear_contextvars()

    app.register_error_handler(CartProxyError, problems.answer)
    app.register_error_handler(HTTPException, problems.answer_http)
    app.register_error_handler(Exception, _answer_bug)


def _answer_bug(error: Exception) -> Response:
    # Where it happened, and not what was said: a message may quote a secret of the request.
    frames = traceback.extract_tb(error.__traceback__)
    log.error(
        "bug",
        error=type(error).__name__,
        where=[f"{frame.filename}:{frame.lineno} {frame.name}" for frame in frames[-8:]],
    )
    return problems.answer_bug()


def _trace() -> None:
    """Begin the request's span: part of a trace of the caller's for one with an API key."""
    caller: Caller | None = g.get("caller")
    given = request.headers.get("traceparent", "") if caller and caller.key else ""
    g.span = tracing.request(f"{metrics.known_method(request.method)} {_route()}", given)
    if g.span.trace_id:
        structlog.contextvars.bind_contextvars(trace_id=g.span.trace_id)


def _route() -> str:
    return request.url_rule.rule if request.url_rule else "-"


def _account(response: Response) -> None:
    """One log line, the figures and the span's attributes.

    The route's pattern stands for the path, which may hold ids.
    """
    seconds = time.monotonic() - g.began
    route = _route()
    shop = g.get("shop")
    store = shop.id if shop else ""
    caller: Caller | None = g.get("caller")
    code = g.get("problem_code")
    metrics.count_request(store, route, request.method, response.status_code, seconds)
    if code:
        metrics.count_problem(store, code)
    g.span.note(
        method=metrics.known_method(request.method),
        route=route,
        status=response.status_code,
        store=store,
        code=code or "",
        request_id=g.request_id,
    )
    if response.status_code >= 500:
        g.failed = str(response.status_code)
    log.info(
        "request",
        method=request.method,
        route=route,
        status=response.status_code,
        ms=round(seconds * 1000, 1),
        store=store,
        cart=caller.session[:_CART_NAME_LENGTH] if caller and caller.session else None,
        code=code,
    )
