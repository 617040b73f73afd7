"""One exchange with a peer that answers strictly, loosely, or not at all."""

from __future__ import annotations

import socket
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from cartproxy.store.exchange import AnswerTooLarge, BrokenAnswer, Exchange, NotSent

OK = b"HTTP/1.1 200 OK\r\n"
CHUNKED = OK + b"Transfer-Encoding: chunked\r\n\r\n"


class Pair:
    """Our end of a connection, and a peer with its own thread."""

    def __init__(self, pool: ThreadPoolExecutor) -> None:
        self.ours, self.peer = socket.socketpair()
        self.pool = pool

    def answers(self, answer: bytes, *, closes: bool = False) -> None:
        """Let the peer answer once it has been asked."""

        def reply() -> None:
            self.peer.recv(1)
            self.peer.sendall(answer)
            if closes:
                self.peer.close()

        self.pool.submit(reply)


@pytest.fixture
def pair() -> Iterator[Pair]:
    with ThreadPoolExecutor(1) as pool:
        pair = Pair(pool)
        with pair.ours, pair.peer:
            yield pair


def read(pair: Pair, answer: bytes, *, limit: int = 1000) -> bytes:
    return exchanged(pair, answer, closes=True).read(limit)


def exchanged(pair: Pair, answer: bytes, *, closes: bool = False, seconds: float = 30) -> Exchange:
    pair.answers(answer, closes=closes)
    return Exchange(pair.ours, b"G", time.monotonic() + seconds)


def test_request_that_the_peer_takes_in_parts_is_sent_whole(pair: Pair) -> None:
    request = b"G" * 5_000_000

    def reply() -> int:
        received = 0
        while received < len(request):
            received += len(pair.peer.recv(65536))
        pair.peer.sendall(OK + b"Content-Length: 0\r\n\r\n")
        return received

    received = pair.pool.submit(reply)
    Exchange(pair.ours, request, time.monotonic() + 30)

    assert received.result() == len(request)


@pytest.mark.parametrize(
    ("answer", "body", "reusable"),
    [
        (OK + b"Content-Length: 2\r\n\r\n{}", b"{}", True),
        (b"HTTP/1.1 200\r\nCONTENT-LENGTH:2 \t\r\n\r\n{}", b"{}", True),
        (OK + b"Content-Length: 0\r\n\r\n", b"", True),
        (b"HTTP/1.1 204 No Content\r\n\r\n", b"", True),
        (CHUNKED + b"1\r\n{\r\n01;a=b\r\n}\r\n0\r\n\r\n", b"{}", True),
        (CHUNKED + b"2\r\n{}\r\n0\r\nX-Checksum: 1\r\n\r\n", b"{}", True),
        (b"HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n" + OK + b"Content-Length: 2\r\n\r\n{}",
         b"{}", True),
        (OK + b"Connection: Close\r\nContent-Length: 2\r\n\r\n{}", b"{}", False),
        (b"HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\n{}", b"{}", False),
        (OK + b"Content-Length: 2\r\n\r\n{}HTTP/1.1 200 OK\r\n\r\n", b"{}", False),
        (OK + b"Content-Length: 9\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n",
         b"{}", False),
    ],
)  # fmt: skip
def test_body_is_read_completely_and_the_connection_kept_unless_forbidden(
    pair: Pair, answer: bytes, body: bytes, reusable: bool
) -> None:
    exchange = exchanged(pair, answer)

    assert exchange.read(1000) == body
    assert exchange.status in (200, 204)
    assert exchange.reusable is reusable


def test_body_without_a_length_ends_with_the_connection(pair: Pair) -> None:
    exchange = exchanged(pair, OK + b"\r\n[1]", closes=True)

    assert exchange.read(1000) == b"[1]"
    assert not exchange.reusable


def test_connection_with_an_unread_body_is_not_kept(pair: Pair) -> None:
    assert not exchanged(pair, OK + b"Content-Length: 2\r\n\r\n{}").reusable


def test_header_names_are_in_lower_case_and_doubled_ones_joined(pair: Pair) -> None:
    exchange = exchanged(pair, OK + b"RETRY-After: 7\r\nX: \xe9\r\nRetry-after:\t8 \r\n\r\n")

    assert exchange.headers == {"retry-after": "7, 8", "x": "é"}


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n",
        b"HTTP/1.1 200 OK\n\n{}",
        b"HTTP/2 200\r\n\r\n",
        b"HTTP/1.1 20 OK\r\n\r\n",
        b"HTTP/1.1 200 O\x00K\r\n\r\n",
        b"220 mail.example ESMTP\r\n\r\n",
        OK + b" folded: line\r\nContent-Length: 2\r\n\r\n{}",
        OK + b"X: a\r\n folded\r\nContent-Length: 2\r\n\r\n{}",
        OK + b"Content-Length : 2\r\n\r\n{}",
        OK + b": 2\r\n\r\n{}",
        OK + b"no colon\r\n\r\n{}",
        OK + b"X: a\rb\r\nContent-Length: 2\r\n\r\n{}",
        OK + b"X: a\nContent-Length: 2\r\n\r\n{}",
        OK + b"X: a\x00\r\nContent-Length: 2\r\n\r\n{}",
        OK + b"Content-Length: 2\r\nContent-Length: 2\r\n\r\n{}",
        OK + b"Content-Length: -2\r\n\r\n{}",
        OK + b"Content-Length: +2\r\n\r\n{}",
        OK + b"Content-Length: \xb2\r\n\r\n{}",
        OK + b"Content-Length: 3\r\n\r\n{}",
        OK + b"Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
        CHUNKED,
        CHUNKED + b"x\r\n",
        CHUNKED + b"-1\r\n{\r\n",
        CHUNKED + b"1_0\r\n{\r\n",
        CHUNKED + b"1\r\n{}\r\n0\r\n\r\n",
        CHUNKED + b"2\r\n{}\r\n",
        CHUNKED + b"2\r\n{}\r\n0\r\n",
        CHUNKED + b"2;" + b"x" * 300 + b"\r\n{}\r\n0\r\n\r\n",
        OK + b"X: 1\r\n" * 101 + b"\r\n",
        OK + b"X: " + b"x" * 70_000 + b"\r\n\r\n",
    ],
)  # fmt: skip
def test_malformed_answer_is_refused(pair: Pair, answer: bytes) -> None:
    with pytest.raises(BrokenAnswer):
        read(pair, answer)


@pytest.mark.parametrize(
    "answer",
    [
        OK + b"Content-Length: 999999999999\r\n\r\n",
        CHUNKED + b"FFFFFFFF\r\n",
        CHUNKED + b"5\r\n12345\r\n6\r\n123456\r\n0\r\n\r\n",
        OK + b"\r\n12345678901",
    ],
)
def test_body_is_bounded_with_every_framing(pair: Pair, answer: bytes) -> None:
    with pytest.raises(AnswerTooLarge):
        read(pair, answer, limit=10)


# Each costs as much to read as a piece of any size.
@pytest.mark.parametrize(
    "endless",
    [CHUNKED + b"1\r\nx\r\n" * 100_000, CHUNKED + b"1;a\r\nx\r\n" * 100_000,
     CHUNKED + b"0\r\n" + b"a: b\r\n" * 100_000, b"HTTP/1.1 103 Early Hints\r\n\r\n" * 100_000],
    ids=["chunks", "extensions", "trailers", "hints"],
)  # fmt: skip
def test_pieces_of_an_answer_are_bounded_in_their_number(pair: Pair, endless: bytes) -> None:
    calls = 0

    def count(_: object, event: str, __: object) -> None:
        nonlocal calls
        calls += event == "call"

    sys.setprofile(count)
    try:
        with pytest.raises(BrokenAnswer, match="framing"):
            read(pair, endless, limit=1_000_000)
    finally:
        sys.setprofile(None)

    assert calls < 60_000


def test_answer_in_a_thousand_chunks_is_read(pair: Pair) -> None:
    answer = CHUNKED + b"2\r\n[]\r\n" * 1000 + b"0\r\n\r\n"

    assert read(pair, answer, limit=1_000_000) == b"[]" * 1000


@pytest.mark.parametrize("answer", [b"", b"HTTP", OK, CHUNKED + b"1\r\n", OK + b"\r\n12"])
def test_silence_ends_at_the_deadline(pair: Pair, answer: bytes) -> None:
    began = time.monotonic()

    with pytest.raises(TimeoutError):
        exchanged(pair, answer, seconds=0.1).read(1000)

    assert time.monotonic() - began >= 0.09


@pytest.mark.parametrize(
    ("early", "hangs_up"), [(OK + b"Content-Length: 2\r\n\r\n{}", False), (OK, True), (b"", True)]
)
def test_nothing_is_sent_to_a_peer_that_speaks_or_hangs_up_first(
    pair: Pair, early: bytes, hangs_up: bool
) -> None:
    pair.peer.sendall(early)
    if hangs_up:
        pair.peer.shutdown(socket.SHUT_WR)

    with pytest.raises(NotSent):
        Exchange(pair.ours, b"x", time.monotonic() + 30)

    pair.ours.shutdown(socket.SHUT_WR)
    assert pair.peer.recv(1) == b""


def test_answer_to_an_incompletely_sent_request_is_not_trusted(pair: Pair) -> None:
    pair.answers(OK + b"Content-Length: 2\r\n\r\n{}", closes=True)

    with pytest.raises(ConnectionError):
        Exchange(pair.ours, b"x" * 10_000_000, time.monotonic() + 30)
