"""How the worker sends an answer: in one piece, framed as HTTP wants it."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from cartproxy.server import _Answer


class Client:
    """A socket that keeps what was sent, call by call."""

    def __init__(self) -> None:
        self.sent: list[bytes] = []

    def sendall(self, data: bytes) -> None:
        self.sent.append(data)


def answer(
    status: str,
    headers: list[tuple[str, str]],
    body: bytes,
    *,
    method: str = "GET",
    version: tuple[int, int] = (1, 1),
) -> tuple[list[str], bytes]:
    """The lines of the head and what follows them, which went out by one call."""
    client = Client()
    request = SimpleNamespace(
        method=method, version=version, should_close=lambda: version == (1, 0)
    )
    made = _Answer(request, client, SimpleNamespace())
    made.start_response(status, headers)
    made.write(body)
    made.close()
    (sent,) = client.sent
    head, _, rest = sent.partition(b"\r\n\r\n")
    return head.decode().split("\r\n"), rest


def test_head_and_body_go_out_together() -> None:
    head, body = answer("200 OK", [("Content-Length", "2"), ("ETag", '"a"')], b"{}")

    assert head[0] == "HTTP/1.1 200 OK"
    assert head[1].startswith("Date: ")
    assert head[2:] == ["Connection: keep-alive", "Content-Length: 2", 'ETag: "a"']
    assert body == b"{}"


@pytest.mark.parametrize(
    ("method", "status", "length"),
    [("HEAD", "200 OK", ["Content-Length: 2"]), ("GET", "304 NOT MODIFIED", ["Content-Length: 2"]),
     ("GET", "204 NO CONTENT", [])],
)  # fmt: skip
def test_answer_that_has_no_body_is_its_head(method: str, status: str, length: list[str]) -> None:
    head, body = answer(status, [("Content-Length", "2")], b"", method=method)

    assert head[3:] == length
    assert body == b""


def test_what_the_server_sets_is_not_there_twice() -> None:
    head, _ = answer(
        "200 OK", [("Date", "never"), ("connection", "close"), ("Content-Length", "0")], b""
    )

    assert [line.partition(":")[0] for line in head[1:]] == ["Date", "Connection", "Content-Length"]
    assert "never" not in head[1]


def test_body_of_unknown_length_comes_in_chunks_or_ends_with_the_connection() -> None:
    client = Client()
    made = _Answer(
        SimpleNamespace(method="GET", version=(1, 1), should_close=lambda: False),
        client,
        SimpleNamespace(),
    )
    made.start_response("200 OK", [])
    made.write(b"twelve bytes")
    made.close()
    old, body = answer("200 OK", [], b"twelve bytes", version=(1, 0))

    assert client.sent[0].endswith(b"Transfer-Encoding: chunked\r\n\r\nC\r\ntwelve bytes\r\n")
    assert client.sent[1:] == [b"0\r\n\r\n"]
    assert old[0] == "HTTP/1.0 200 OK"
    assert "Connection: close" in old
    assert body == b"twelve bytes"
