"""The store's REST API: receives a call, applies a fault, answers (docs/store-api.md)."""

from __future__ import annotations

import json
import re
import threading
import time
from typing import Any

from flask import Blueprint, Response, current_app, request

from cartproxy.sandbox import faults
from cartproxy.sandbox.endpoints import answer
from cartproxy.sandbox.errors import Refusal
from cartproxy.sandbox.faults import Fault
from cartproxy.sandbox.foreign import of_other
from cartproxy.sandbox.responses import envelope, error
from cartproxy.sandbox.rights import allows
from cartproxy.sandbox.state import Call, State, current_state

api = Blueprint("api", __name__)

# Routing of the real service ignores case (docs/store-api.md, Access).
_BASE = re.compile(r"/3dcartwebapi/v[12](/.*)\Z", re.IGNORECASE)
_METHODS = ("GET", "POST", "PUT", "DELETE", "PATCH")
_HEADERS = {
    "Cache-Control": "no-cache",
    "Pragma": "no-cache",
    "Expires": "-1",
    "Access-Control-Allow-Origin": "*",
}


@api.route("/<path:_path>", methods=_METHODS)
def receive(_path: str) -> Response:
    """Answer every path that no other blueprint has."""
    base = _BASE.match(request.path)
    if base is None:
        return Response("Not found", 404)
    state = current_state()
    call = state.calls.note(request.method, request.path)
    # Read the body first: else a kept-alive connection would take it for the next request.
    body = request.get_data()
    state.faults.send_held_back()
    if state.latency_ms:
        time.sleep(state.latency_ms / 1000)
    fault = state.faults.take(request.method, base[1])
    response = _apply_fault(state, call, fault, base[1], body)
    call.status = response.status_code
    return response


def _apply_fault(state: State, call: Call, fault: Fault | None, path: str, body: bytes) -> Response:
    """The answer, if there is one, with the effect of the fault (see `faults`)."""
    if fault is None:
        return _answer(state, path, body)
    kind = fault.fault
    if kind in faults.BEFORE_EFFECT:
        return _refuse(state, fault)
    if kind == "latency":
        state.faults.wait(fault)
    elif kind == "gone":
        for cart in state.carts.all():
            if cart.order_key in path.split("/"):
                cart.state = "gone"
    elif kind == "drop_then_apply":
        _later(state, fault, path, body)
        faults.hang_up()
    elif kind == "alters_quantity":
        body = json.dumps(json.loads(body) | {"ItemQuantity": fault.to}).encode()
    if kind == "other_cart":
        response = of_other(state, request.method, path, lambda path: _answer(state, path, body))
    else:
        response = _answer(state, path, body)
    if kind == "apply_then_drop" or fault.then == "drop":
        faults.hang_up()
    if kind == "twice":
        state.faults.send_twice(response, fault.ms)
    if kind == "drip":
        faults.drip(response, fault.ms or 0)
    return faults.corrupt(response, kind)


def _refuse(state: State, fault: Fault) -> Response:
    if fault.fault == "drop":
        faults.hang_up()
    if fault.fault == "reset":
        faults.reset()
    if fault.fault == "invents_id":
        return _json(envelope("CartItemID", 999999, 201, "Created", state.switches), 201)
    if fault.fault == "redirect":
        return Response(status=302, headers={"Location": fault.to})
    refusal = Refusal(fault.status, "Fault on demand", retry_after=fault.retry_after)
    return _refused(state, refusal)


def _later(state: State, fault: Fault, path: str, body: bytes) -> None:
    """Let the call take effect after its connection is closed."""
    app = current_app._get_current_object()  # type: ignore[attr-defined]
    environ = dict(request.environ)
    began = time.monotonic()

    def apply() -> None:
        state.faults.wait(fault)
        if fault.within_ms and time.monotonic() - began > fault.within_ms / 1000:
            return
        with app.request_context(environ):
            _answer(state, path, body)

    threading.Thread(target=apply, daemon=True).start()


def _answer(state: State, path: str, body: bytes) -> Response:
    try:
        state.throttle.check(state.switches.rate_limit)
        state.credentials.check(
            request.headers.get("SecureURL", ""),
            request.headers.get("PrivateKey", ""),
            request.headers.get("Token", ""),
            request.headers.get("Authorization", ""),
        )
        if not allows(state.switches.rights, request.method, path):
            raise Refusal(401, "Authorization has been denied for this request")
        status, document = answer(state, request.method, path, body)
    except Refusal as refusal:
        return _refused(state, refusal)
    return _json(document, status)


def _refused(state: State, refusal: Refusal) -> Response:
    response = _json(error(refusal, state.switches), refusal.status)
    if state.switches.error_status == "ok" and refusal.status in (400, 404):
        response.status_code = 200
    if refusal.retry_after is not None:
        response.headers["Retry-After"] = str(refusal.retry_after)
    return response


def _json(document: Any, status: int) -> Response:
    text = json.dumps(document, separators=(",", ":"), ensure_ascii=False)
    return Response(text, status, _HEADERS, content_type="application/json; charset=utf-8")
