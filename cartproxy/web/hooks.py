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

from cartproxy import logs, metrics, tracing
from cartproxy.errors import CartProxyError
from cartproxy.storage import patience
from cartproxy.web import problems
from cartproxy.web.admission import admit, finish, leave
from cartproxy.web.context import Context
from cartproxy.web.request import Request, current

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

log = structlog.get_logger("cartproxy.web")

_REQUEST_ID = re.compile(r"[A-Za-z0-9_.-]{8,64}", re.ASCII)
_CART_NAME_LENGTH = 12
# Of the conditions of a read only If-None-Match counts: all that can be cached has an entity tag.
# werkzeug fails at a date like `1 Jan 9999999999 00:00`, and its 412 could be cached like the file.
_IGNORED = ("HTTP_IF_MATCH", "HTTP_IF_MODIFIED_SINCE", "HTTP_IF_RANGE", "HTTP_RANGE")
_FIELDS = "cartproxy.fields"  # what the hooks add to an answer's headers


def install(app: Flask, context: Context, *, https: bool) -> None:
    """Put the hooks around every request of the application."""
    fixed = [*problems.FIXED_HEADERS.items()]
    if https:
        fixed.append(("Strict-Transport-Security", "max-age=31536000"))
    app.wsgi_app = _with_headers(app.wsgi_app, fixed)  # type: ignore[assignment]

    def begin() -> Response | None:
        request = current()
        given = request.header("X-Request-Id") or ""
        request.id = given if _REQUEST_ID.fullmatch(given) else secrets.token_hex(8)
        request.began = time.monotonic()
        for name in _IGNORED if request.is_safe else ():
            request.environ.pop(name, None)
        if request.view_args:
            # Routes have the store from the caller. Flask's hook for this, url_value_preprocessor,
            # takes 18,000 instructions: 1 % of reading a cart (2026-11-26).
            request.view_args.pop("store", None)
        logs.request_fields.set({"request_id": request.id})
        patience.begin_request()
        try:
            return admit(request, context)
        finally:
            if tracing.is_on():
                _trace(request)

    def end(response: Response) -> Response:
        request = current()
        fields = finish(request, context, response) | {"X-Request-Id": request.id}
        request.environ[_FIELDS] = [*fields.items()]
        _account(request, response)
        return response

    def forget(exc: BaseException | None = None) -> None:
        request = current()
        leave(request, context)
        request.span.end(request.failed)
        patience.end_request()
        logs.request_fields.set({})

    # Flask's own methods look for hooks of each blueprint at each request: 4 % of reading a cart.
    app.preprocess_request = begin  # type: ignore[method-assign]
    app.process_response = end  # type: ignore[method-assign]
    app.do_teardown_request = forget  # type: ignore[method-assign]

    app.register_error_handler(CartProxyError, problems.answer)
    app.register_error_handler(HTTPException, problems.answer_http)
    app.register_error_handler(Exception, _answer_bug)


def _with_headers(app: WSGIApplication, fixed: list[tuple[str, str]]) -> WSGIApplication:
    """The application with these headers on every answer that has none of the same name.

    They, and those of the hooks, are added where headers are a plain list: a Response checks each
    at each step. So what comes from the request must have been checked for line breaks.
    """

    def answer(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        def start(status: str, headers: list[tuple[str, str]], *more: Any) -> Any:
            own = {name for name, _ in headers}
            missing = [each for each in fixed if each[0] not in own]
            return start_response(status, headers + environ.get(_FIELDS, []) + missing, *more)

        return app(environ, start)

    return answer


def _answer_bug(error: Exception) -> Response:
    # Only where it happened: its message may quote a secret of the request.
    frames = traceback.extract_tb(error.__traceback__)
    log.error(
        "bug",
        error=type(error).__name__,
        where=[f"{frame.filename}:{frame.lineno} {frame.name}" for frame in frames[-8:]],
    )
    return problems.answer_bug()


def _trace(request: Request) -> None:
    """Begin the request's span: part of a trace of the caller's for one with an API key."""
    given = request.header("traceparent") if request.caller and request.caller.key else None
    request.span = tracing.request(
        f"{metrics.known_method(request.method)} {_route(request)}", given or ""
    )
    logs.request_fields.set({"request_id": request.id, "trace_id": request.span.trace_id})


def _route(request: Request) -> str:
    return request.url_rule.rule if request.url_rule else "-"


def _account(request: Request, response: Response) -> None:
    """One log line, the figures and the span's attributes.

    The route's pattern stands for the path, which may hold ids. That all is well is not logged.
    """
    seconds = time.monotonic() - request.began
    status = response.status_code
    route = _route(request)
    store = request.store.id if request.store else ""
    code = request.problem_code
    metrics.count_request(store, route, request.method, status, seconds)
    if code:
        metrics.count_problem(store, code)
    request.span.note(
        method=metrics.known_method(request.method),
        route=route,
        status=status,
        store=store,
        code=code or "",
        request_id=request.id,
    )
    if status >= 500:
        request.failed = str(status)
    if status == 200 and route in ("/livez", "/readyz"):
        return  # a proxy in front asks several times a second
    cart = request.caller.cart if request.caller else None
    log.info(
        "request",
        method=request.method,
        route=route,
        status=status,
        ms=round(seconds * 1000, 1),
        store=store,
        cart=cart[:_CART_NAME_LENGTH] if cart else None,
        code=code,
    )
