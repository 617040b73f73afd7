"""From the head of a request to its WSGI environment, by a parser in C or by gunicorn's own.

gunicorn_h1c can't be installed everywhere. Both parsers read the same heads in the same way;
tests/security/test_heads.py lists where they differ.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from gunicorn.config import Config
from gunicorn.http.errors import NoMoreData, ParseException
from gunicorn.http.message import Request
from gunicorn.http.unreader import IterUnreader

try:
    import gunicorn_h1c as h1c
except ImportError:
    h1c = None

Parser = Callable[[bytes], dict[str, Any]]

MOST_BYTES = 65_536
MOST_FIELDS = 64
_LINE_BYTES = 4094
_FIELD_BYTES = 8190
_CODES = {"LimitRequestLine": "address-too-long", "LimitRequestHeaders": "headers-too-large"}
_HOST = re.compile(r"[\w.~%!$&'()*+,;=:\[\]-]*", re.ASCII)


class BadHead(Exception):
    """A request that can't be read; `code` names its problem."""

    def __init__(self, code: str, reason: str = "") -> None:
        super().__init__(reason)
        self.code = code


def read_head(head: bytes, own_origin: str, parser: Parser | None = None) -> dict[str, Any]:
    """The part of the WSGI environment that the head of a request makes.

    `head` reaches to its empty line. PATH_INFO is not decoded: no address of ours has a character
    that needs it, and a guard in front of us may read an encoded one in another way. An address of
    another origin, in absolute form, stays as it is, and so leads nowhere. Raises BadHead.
    """
    try:
        environ = (parser or _PARSER)(head)
    except (ParseException, NoMoreData, ValueError) as error:
        name = type(error).__name__
        raise BadHead(_CODES.get(name, "malformed-request"), name) from None
    path, query = environ["PATH_INFO"], environ["QUERY_STRING"]
    if not (path.isascii() and query.isascii()) or "#" in path or "#" in query:
        raise BadHead("malformed-request", "target")
    if not path.startswith("/"):
        origin, rest = path[: len(own_origin)], path[len(own_origin) :] or "/"
        if origin.lower() == own_origin and rest.startswith("/"):
            environ["PATH_INFO"] = rest
    host = environ.get("HTTP_HOST")
    if not (environ["SERVER_PROTOCOL"] == "HTTP/1.0" if host is None else _HOST.fullmatch(host)):
        raise BadHead("malformed-request", "host")
    codings = environ.get("HTTP_TRANSFER_ENCODING")
    if codings is not None and codings.lower() != "chunked":
        # RFC 9112, 6.1 and 6.3: without chunks at its end, nobody knows where the body ends.
        known = codings.lower().endswith("chunked")
        raise BadHead("coding-not-supported" if known else "malformed-request", "coding")
    if environ.get("HTTP_EXPECT", "100-continue").lower() != "100-continue":
        raise BadHead("malformed-request", "expectation")
    return environ


def stays_open(environ: dict[str, Any]) -> bool:
    """Whether the client may send another request after this one (RFC 9112, 9.3)."""
    if environ["REQUEST_METHOD"] == "CONNECT":
        return False
    options = [each.strip(" \t") for each in environ.get("HTTP_CONNECTION", "").lower().split(",")]
    old = environ["SERVER_PROTOCOL"] == "HTTP/1.0"
    return "close" not in options and (not old or "keep-alive" in options)


def parse_in_c(head: bytes) -> dict[str, Any]:
    """The environment by gunicorn_h1c. Raises ValueError."""
    try:
        environ: dict[str, Any] = h1c.parse_to_wsgi_environ(
            head,
            limit_request_line=_LINE_BYTES,
            limit_request_fields=MOST_FIELDS,
            limit_request_field_size=_FIELD_BYTES,
            permit_unconventional_http_version=True,  # a later 1.x is read as 1.1
        )
    except h1c.IncompleteError as error:
        raise ValueError from error
    # It would take several blanks in the first line for one.
    if head.count(b" ", 0, head.find(b"\r\n", 2)) != 2 or environ.pop("_consumed") != len(head):
        raise ValueError
    return environ


def parse_in_python(head: bytes) -> dict[str, Any]:
    """The environment by gunicorn's parser. Raises its ParseException or NoMoreData."""
    request = Request(CONFIG, IterUnreader([head]), ("", 0))
    path, _, query = request.uri.partition("?")
    environ = {
        "REQUEST_METHOD": request.method,
        "PATH_INFO": path,
        "QUERY_STRING": query,
        "SERVER_PROTOCOL": "HTTP/1.0" if request.version == (1, 0) else "HTTP/1.1",
    }
    for name, value in request.headers:
        key = name.replace("-", "_")
        if key not in ("CONTENT_TYPE", "CONTENT_LENGTH"):
            key = f"HTTP_{key}"
        environ[key] = f"{environ[key]},{value}" if key in environ else value
    return environ


def _config() -> Config:
    config = Config()
    config.set("http_parser", "python")
    config.set("forwarded_allow_ips", "")
    config.set("limit_request_line", _LINE_BYTES)
    config.set("limit_request_fields", MOST_FIELDS)
    config.set("limit_request_field_size", _FIELD_BYTES)
    return config


CONFIG = _config()
_PARSER: Parser = parse_in_c if h1c else parse_in_python
