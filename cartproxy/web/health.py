"""For operators' machines: is the process alive, can it serve, what has it counted."""

from __future__ import annotations

import hmac
import json
import os
from contextlib import suppress
from pathlib import Path

from flask import Blueprint, Response, request

from cartproxy.metrics import exposition
from cartproxy.settings import DRAINING_FLAG
from cartproxy.storage.errors import StorageError
from cartproxy.web.context import context
from cartproxy.web.refusals import Refused

health = Blueprint("health", __name__)


@health.get("/livez")
def alive() -> Response:
    return Response('{"status":"alive"}', mimetype="application/json")


@health.get("/readyz")
def ready() -> Response:
    reason = None
    if Path(os.environ.get(DRAINING_FLAG, "")).is_file():
        reason = "draining"
    else:
        try:
            context().cart_names.check()
            context().live_carts.flush()
        except StorageError as error:
            reason = error.code
    if reason:
        document = {"status": "not ready", "reason": reason}
        return Response(json.dumps(document), 503, mimetype="application/json")
    return Response('{"status":"ready"}', mimetype="application/json")


@health.get("/metrics")
def metrics() -> Response:
    token = context().metrics_token
    given = request.headers.get("Authorization", "").encode()
    if not token or not hmac.compare_digest(given, f"Bearer {token}".encode()):
        raise Refused("not-found", "There is nothing at this address.")
    live_carts: int | None = None
    pending: dict[str, tuple[int, float]] = {}
    with suppress(StorageError):
        live_carts = context().live_carts.count()
        pending = {name: each.pending.figures() for name, each in context().stores.items()}
    figures = exposition(live_carts, pending)
    return Response(figures, content_type="text/plain; version=0.0.4; charset=utf-8")
