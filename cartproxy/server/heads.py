"""From the head of a request to its WSGI environment, by a parser in C or by gunicorn's own.

gunicorn_h1c can't be installed everywhere. Both accept the same heads and return the same;
tests/security/test_heads.py lists the differences.
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

Environ = dict[str, Any]
GUNICORN = Config()
GUNICORN.set("http_parser", "python")
GUNICORN.set("forwarded_allow_ips", "")
_MAX_LINE_BYTES = GUNICORN.limit_request_line
_CODES = {"LimitRequestLine": "address-too-long", "LimitRequestHeaders": "headers-too-large"}
_HOST = re.compile(r"[\w.~%!$&'()*+,;=:\[\]-]*", re.ASCII)


class BadHead(Exception):
    """A request that can't be read: the code of its problem."""


def parse_in_c(head: bytes) -> Environ:
    """The environment by gunicorn_h1c. Raises ValueError."""
    try:  # a later HTTP/1.x is read as 1.1
        environ: Environ = h1c.parse_to_wsgi_environ(
            head,
            limit_request_line=_MAX_LINE_BYTES,
            permit_unconventional_http_version=True,
        )
    except h1c.IncompleteError as error:
        raise ValueError from error
    # The parser accepts several spaces in the first line as one.
    if head.count(b" ", 0, head.find(b"\r\n", 2)) != 2 or environ.pop("_consumed") != len(head):
        raise ValueError
    return environ


def parse_in_python(head: bytes) -> Environ:
    """The environment by gunicorn's parser. Raises its ParseException, or NoMoreData."""
    request = Request(GUNICORN, IterUnreader([head]), ("", 0))
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


Parser = Callable[[bytes], Environ]
PARSER: Parser = parse_in_c if h1c else parse_in_python


def read_head(head: bytes, own_origin: str, parse: Parser = PARSER) -> Environ:
    """The part of the WSGI environment that comes from a head (up to and with its empty line).

    PATH_INFO is not decoded: our addresses need no encoded character, and a filter in front may
    decode one differently. An absolute URL of another origin is not changed, so no route matches
    it. Raises BadHead.
    """
    try:
        environ = parse(head)
    except (ParseException, NoMoreData, ValueError) as error:
        raise BadHead(_CODES.get(type(error).__name__, "malformed-request")) from error
    path, host = environ["PATH_INFO"], environ.get("HTTP_HOST")
    coding = environ.get("HTTP_TRANSFER_ENCODING", "chunked").lower()
    if (
        not (path + environ["QUERY_STRING"]).isascii()
        or (environ["SERVER_PROTOCOL"] != "HTTP/1.0" if host is None else not _HOST.fullmatch(host))
        or environ.get("HTTP_EXPECT", "100-continue").lower() != "100-continue"
        or not coding.endswith("chunked")  # else the end of the body is unknown (RFC 9112, 6.3)
    ):
        raise BadHead("malformed-request")
    if coding != "chunked":
        raise BadHead("coding-not-supported")
    if path.lower().startswith(own_origin) and path[len(own_origin) :][:1] in ("", "/"):
        environ["PATH_INFO"] = path[len(own_origin) :] or "/"
    return environ


def keeps_alive(environ: Environ) -> bool:
    """Whether the client may send another request after this one (RFC 9112, 9.3)."""
    options = {each.strip(" \t") for each in environ.get("HTTP_CONNECTION", "").lower().split(",")}
    wanted = environ["SERVER_PROTOCOL"] != "HTTP/1.0" or "keep-alive" in options
    return wanted and "close" not in options and environ["REQUEST_METHOD"] != "CONNECT"
