"""The widget's files, for any page: `/widget/v1/` moves with releases, `/widget/1.0.0/` never."""

from __future__ import annotations

from flask import Blueprint, Response, request

from cartproxy.web.refusals import Refused
from cartproxy.web.request import current
from cartproxy.widget import releases

widget = Blueprint("widget", __name__)

_NEWEST_SECONDS = 3600
_PINNED_SECONDS = 31_536_000


@widget.get("/widget/<version>/<name>")
def file(version: str, name: str) -> Response:
    try:
        script = releases.script(version, name)
    except LookupError:
        raise Refused("not-found", "The widget has no such file.") from None
    compressed = current().takes_gzip
    body = script.gzipped if compressed else script.plain
    response = Response(body, content_type="text/javascript; charset=utf-8")
    if compressed:
        response.headers["Content-Encoding"] = "gzip"
    response.vary.add("Accept-Encoding")
    response.cache_control.public = True
    response.cache_control.max_age = _NEWEST_SECONDS if version == "v1" else _PINNED_SECONDS
    if version != "v1":
        response.cache_control.immutable = True
    response.set_etag(script.integrity + ("-gzip" if compressed else ""))
    # Pages of any origin may load it, also those that isolate themselves, and check its integrity.
    response.headers["Access-Control-Allow-Origin"] = "*"
    response.headers["Cross-Origin-Resource-Policy"] = "cross-origin"
    response.make_conditional(request)
    return response
