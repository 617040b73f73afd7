"""Hostile heads: the parser in C, gunicorn's own and h11 read them alike, or it says here why not."""

from __future__ import annotations

from random import Random
from typing import Any

import pytest
from support import hostile

from cartproxy.server import heads
from cartproxy.server.heads import (
    BadHead,
    Parser,
    keeps_alive,
    parse_in_c,
    parse_in_python,
    read_head,
)

PARSERS = [parse_in_python, *([parse_in_c] if heads.h1c else [])]
both = pytest.mark.skipif(len(PARSERS) < 2, reason="gunicorn_h1c is missing")


def lines(*each: bytes) -> bytes:
    return b"\r\n".join([*each, b"", b""])


def get(*fields: bytes) -> bytes:
    return lines(b"GET /livez HTTP/1.1", b"Host: x", *fields)


HEADS = {
    "plain": get(),
    "empty line before": b"\r\n" + get(),
    "two empty lines before": b"\r\n\r\n" + get(),
    "version 1.0": lines(b"GET /livez HTTP/1.0"),
    "version 1.2": lines(b"GET /livez HTTP/1.2", b"Host: x"),
    "version 2.0": lines(b"GET /livez HTTP/2.0", b"Host: x"),
    "version in lower case": lines(b"GET /livez http/1.1", b"Host: x"),
    "no version": lines(b"GET /livez", b"Host: x"),
    "no host": lines(b"GET /livez HTTP/1.1"),
    "two hosts": get(b"Host: y"),
    "host with a blank": lines(b"GET /livez HTTP/1.1", b"Host: a b"),
    "host with a slash": lines(b"GET /livez HTTP/1.1", b"Host: a/b"),
    "empty host": lines(b"GET /livez HTTP/1.1", b"Host:"),
    "bare line feeds": get().replace(b"\r", b"") + b"\r\n\r\n",
    "one bare line feed": lines(b"GET /livez HTTP/1.1", b"Host: x\nX-A: b"),
    "bare carriage return": get(b"X-A: a\rb"),
    "zero in a value": get(b"X-A: \x00"),
    "zero in the target": lines(b"GET /li\x00vez HTTP/1.1", b"Host: x"),
    "latin-1 in the target": lines(b"GET /li\xe9vez HTTP/1.1", b"Host: x"),
    "latin-1 in the query": lines(b"GET /livez?\xe9 HTTP/1.1", b"Host: x"),
    "latin-1 in a value": get(b"X-A: \xe9"),
    "latin-1 in a name": get(b"X-\xe9: a"),
    "fragment": lines(b"GET /livez#a HTTP/1.1", b"Host: x"),
    "blank in the target": lines(b"GET /li vez HTTP/1.1", b"Host: x"),
    "tab for a blank": lines(b"GET\t/livez HTTP/1.1", b"Host: x"),
    "two blanks": lines(b"GET  /livez HTTP/1.1", b"Host: x"),
    "blank at the end": lines(b"GET /livez HTTP/1.1 ", b"Host: x"),
    "asterisk": lines(b"OPTIONS * HTTP/1.1", b"Host: x"),
    "asterisk of GET": lines(b"GET * HTTP/1.1", b"Host: x"),
    "absolute, own": lines(b"GET " + hostile.OWN.encode() + b"/livez HTTP/1.1", b"Host: x"),
    "absolute, foreign": lines(b"GET http://evil.example/livez HTTP/1.1", b"Host: x"),
    "authority": lines(b"CONNECT evil.example:443 HTTP/1.1", b"Host: x"),
    "authority of GET": lines(b"GET evil.example:443 HTTP/1.1", b"Host: x"),
    "query alone of CONNECT": lines(b"CONNECT ?a HTTP/1.1", b"Host: x"),
    "method in lower case": lines(b"get /livez HTTP/1.1", b"Host: x"),
    "method of 21 letters": lines(b"X" * 21 + b" /livez HTTP/1.1", b"Host: x"),
    "blank before a colon": get(b"X-A : b"),
    "no colon": get(b"X-A"),
    "no name": get(b": b"),
    "folded": get(b"X-A: b", b" c"),
    "folded at once": lines(b"GET /livez HTTP/1.1", b" Host: x"),
    "underscore": get(b"X_A: b"),
    "underscore and dash": get(b"X-A: a", b"X_A: b"),
    "twice": get(b"X-A: a", b"X-A: b"),
    "two types": get(b"Content-Type: a/b", b"Content-Type: c/d"),
    "two lengths": get(b"Content-Length: 2", b"Content-Length: 2"),
    "length with a sign": get(b"Content-Length: +2"),
    "length below zero": get(b"Content-Length: -2"),
    "length in superscript": get(b"Content-Length: \xb2"),
    "list of lengths": get(b"Content-Length: 2, 2"),
    "no length": get(b"Content-Length:"),
    "length of 63 bits": get(b"Content-Length: 9223372036854775807"),
    "length of more than 63 bits": get(b"Content-Length: 9223372036854775808"),
    "length of 5,000 digits": get(b"Content-Length: " + b"9" * 5000),
    "length and chunks": get(b"Content-Length: 2", b"Transfer-Encoding: chunked"),
    "chunks": get(b"Transfer-Encoding: chunked"),
    "chunks in upper case": get(b"Transfer-Encoding: CHUNKED"),
    "chunks in 1.0": lines(b"GET /livez HTTP/1.0", b"Transfer-Encoding: chunked"),
    "chunks twice": get(b"Transfer-Encoding: chunked", b"Transfer-Encoding: chunked"),
    "gzip in chunks": get(b"Transfer-Encoding: gzip, chunked"),
    "gzip in chunks by two fields": get(b"Transfer-Encoding: gzip", b"Transfer-Encoding: chunked"),
    "chunks in gzip": get(b"Transfer-Encoding: chunked, gzip"),
    "gzip": get(b"Transfer-Encoding: gzip"),
    "identity": get(b"Transfer-Encoding: identity"),
    "unknown coding": get(b"Transfer-Encoding: xchunked"),
    "unknown coding in chunks": get(b"Transfer-Encoding: x, chunked"),
    "chunks with a parameter": get(b"Transfer-Encoding: chunked;a=b"),
    "no coding": get(b"Transfer-Encoding:"),
    "vertical tab in the coding": get(b"Transfer-Encoding: chunked\x0b"),
    "other expectation": get(b"Expect: wonders"),
    "long line": lines(b"GET /" + b"a" * 4100 + b" HTTP/1.1", b"Host: x"),
    "long field": get(b"X-A: " + b"a" * 8200),
    "64 fields": get(*[b"X-A: b"] * 63),
    "scheme of a proxy, twice": get(b"X-Forwarded-Proto: http", b"X-Forwarded-Ssl: on"),
}  # fmt: skip

# Where C and Python differ. Neither difference changes where the next request begins.
C_AND_PYTHON = {
    "length of more than 63 bits": "C can't hold the number, 400; Python can, and the body is 413",
}
# Where h11 differs from both: `+` it accepts what we refuse, `-` it refuses what we accept.
H11 = {
    "empty line before": "- RFC 9112, 2.2: a server should ignore one",
    "version 2.0": "+ leaves it to its caller",
    "host with a blank": "+ leaves it to its caller",
    "host with a slash": "+ leaves it to its caller",
    "bare line feeds": "+ takes them for ends of lines, as RFC 9112, 2.2 allows: a proxy might not",
    "one bare line feed": "+ the same",
    "asterisk of GET": "+ leaves it to its caller",
    "authority of GET": "+ leaves it to its caller",
    "method in lower case": "+ a token all the same; none of ours",
    "method of 21 letters": "+ the same",
    "folded": "+ unfolds it; RFC 9112, 5.2 allows to refuse it",
    "two types": "+ leaves it to its caller",
    "two lengths": "+ both are the same; RFC 9110, 8.6 allows to refuse them",
    "list of lengths": "+ the same",
    "length of more than 63 bits": "+ Python can hold the number",
    "length and chunks": "+ the chunks count; RFC 9112, 6.1 allows to refuse it",
    "chunks in 1.0": "+ a framing that is surely faulty (RFC 9112, 6.1)",
    "other expectation": "+ leaves it to its caller",
    "long line": "+ bounds the head as a whole",
    "long field": "+ bounds the head as a whole",
}


def outcome(parser: Parser, head: bytes) -> dict[str, Any] | str:
    """The environment, or the code of the refusal."""
    try:
        return read_head(head, hostile.OWN, parser) | {"wsgi.url_scheme": "http"}
    except BadHead as refusal:
        return str(refusal)


@both
@pytest.mark.parametrize("name", HEADS)
def test_parser_in_c_and_gunicorns_own_read_a_head_alike(name: str) -> None:
    in_c, in_python = outcome(parse_in_c, HEADS[name]), outcome(parse_in_python, HEADS[name])

    assert (in_c != in_python) == (name in C_AND_PYTHON), (in_c, in_python)


@both
def test_parsers_accept_the_same_random_heads_and_find_the_same_in_them() -> None:
    random = Random(1)
    accepted = 0
    for _ in range(2_000):
        head = hostile.head(random).partition(b"\r\n\r\n")[0] + b"\r\n\r\n"
        in_c, in_python = outcome(parse_in_c, head), outcome(parse_in_python, head)
        if isinstance(in_c, str) and isinstance(in_python, str):
            continue  # with several faults, each parser names the one it met first
        accepted += 1
        assert in_c == in_python, head

    assert accepted > 400


@both
@pytest.mark.parametrize("name", HEADS)
def test_h11_accepts_the_same_heads(name: str) -> None:
    h11 = pytest.importorskip("h11")
    peer = h11.Connection(h11.SERVER, max_incomplete_event_size=65_536)
    peer.receive_data(HEADS[name])
    try:
        event = peer.next_event()
    except h11.RemoteProtocolError:
        event = None
    ours = outcome(parse_in_c, HEADS[name])

    accepts = isinstance(event, h11.Request)
    sign = "" if accepts == isinstance(ours, dict) else "+" if accepts else "-"
    assert H11.get(name, "")[:1] == sign, (event, ours)
    if accepts and isinstance(ours, dict):
        assert ours["REQUEST_METHOD"].encode() == event.method


@pytest.mark.parametrize(
    ("name", "code"),
    [("no host", "malformed-request"), ("host with a slash", "malformed-request"),
     ("latin-1 in the target", "malformed-request"), ("latin-1 in the query", "malformed-request"),
     ("gzip in chunks", "coding-not-supported"), ("chunks in gzip", "malformed-request"),
     ("gzip", "malformed-request"), ("identity", "malformed-request"),
     ("long line", "address-too-long"), ("other expectation", "malformed-request")],
)  # fmt: skip
@pytest.mark.parametrize("parser", PARSERS)
def test_what_no_parser_checks_is_checked_by_us(parser: Parser, name: str, code: str) -> None:
    assert outcome(parser, HEADS[name]) == code


@pytest.mark.parametrize("parser", PARSERS)
def test_target_is_kept_as_sent_without_our_own_origin(parser: Parser) -> None:
    own, foreign = (
        outcome(parser, HEADS[f"absolute, {whose}"])["PATH_INFO"]  # type: ignore[index]
        for whose in ("own", "foreign")
    )
    encoded = outcome(parser, lines(b"GET /%6civez?a=%62 HTTP/1.1", b"Host: x"))
    versions = {
        outcome(parser, HEADS[f"version {each}"])["SERVER_PROTOCOL"]  # type: ignore[index]
        for each in ("1.0", "1.2")
    }

    assert (own, foreign) == ("/livez", "http://evil.example/livez")
    assert isinstance(encoded, dict)
    assert (encoded["PATH_INFO"], encoded["QUERY_STRING"]) == ("/%6civez", "a=%62")
    assert versions == {"HTTP/1.0", "HTTP/1.1"}


@pytest.mark.parametrize(
    ("version", "connection", "stays"),
    [("1.1", None, True), ("1.1", "close", False), ("1.1", "keep-alive", True), ("1.1", "Close", False),
     ("1.1", "close, keep-alive", False), ("1.1", "keep-alive ,\tclose", False), ("1.1", "x-close", True),
     ("1.0", None, False), ("1.0", "Keep-Alive", True), ("1.0", "close, keep-alive", False)],
)  # fmt: skip
def test_connection_keeps_alive_as_http_says(
    version: str, connection: str | None, *, stays: bool
) -> None:
    environ = {"REQUEST_METHOD": "GET", "SERVER_PROTOCOL": f"HTTP/{version}"}

    assert keeps_alive(environ | ({"HTTP_CONNECTION": connection} if connection else {})) is stays
