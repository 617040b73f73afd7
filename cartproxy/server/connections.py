"""The connections of a worker, and the deadlines of their clients.

A client that sends byte by byte, reads nothing or does nothing would keep its connection forever. A
socket's timeout can't prevent this: it starts again with every byte.
"""

from __future__ import annotations

import contextlib
import math
import os
import re
import socket
import struct
import time

import gevent
from gunicorn import util
from gunicorn.http.body import Body, ChunkedReader, LengthReader
from gunicorn.http.errors import ParseException
from gunicorn.http.message import Request
from gunicorn.http.unreader import IterUnreader, Unreader

from cartproxy.server.heads import GUNICORN, BadHead, Environ

# For requests that are on their way to a stopping worker, and for unread bodies.
_LINGER_SECONDS = 2.0
_WATCH_SECONDS = 0.5
_IDLE_SECONDS = 75.0
_PIECE_BYTES = 2048
_MAX_BYTES = 65_536  # of a head, of a skipped body, and of one read from the socket
_MAX_FIELDS = 64
_MAX_FRAME_BYTES = 8192  # reading a body of one-byte chunks costs 300 times as much
_END = b"\r\n\r\n"
_BARE_LINE_FEED = re.compile(rb"(?<!\r)\n")
_RESET = struct.pack("ii", 1, 0)
# gunicorn's reader of chunks needs a request to check the trailer fields.
_TRAILERS = Request(GUNICORN, IterUnreader([b"GET / HTTP/1.1\r\n\r\n"]), ("", 0))
_TRAILERS.max_buffer_headers = 8192


class Connections:
    """All connections of a worker, and how long their clients may take.

    `seconds`: for a head, for a body, and for each part of an answer. `max_idle`: how many may wait
    for a next request; with one more, the one that has been idle longest is closed.
    """

    def __init__(self, seconds: float, max_idle: int, max_body_bytes: int) -> None:
        self.seconds, self.idle_seconds = seconds, _IDLE_SECONDS
        self.max_idle, self.max_body_bytes = max_idle, max_body_bytes
        self.open: set[Connection] = set()
        self.idle: dict[Connection, None] = {}

    def shorten(self) -> None:
        """Give every client at most two seconds: this process is about to stop."""
        self.seconds = self.idle_seconds = _LINGER_SECONDS
        soon = time.monotonic() + _LINGER_SECONDS
        for each in self.open:
            each.deadline = min(each.deadline, soon)

    def watch(self) -> None:
        """Cut connections whose deadline has passed. Never returns."""
        while True:
            gevent.sleep(_WATCH_SECONDS)
            now = time.monotonic()
            for each in list(self.open):
                if each.deadline < now:
                    each.cut()


class Connection(Unreader):  # type: ignore[misc] # gunicorn has no types
    """One client's connection, from which gunicorn's body readers read."""

    def __init__(self, sock: socket.socket, among: Connections) -> None:
        super().__init__()
        self.deadline = math.inf  # by which the client must send or read something
        self.is_cut = False  # what still comes belongs to the last request, not to a next one
        self.expects_continue = False  # the client sends no body before `100 Continue`
        self._chunked_bytes_left = math.inf  # including framing
        self._sock, self._among = sock, among
        self._waits_for: int | None = None  # the direction that `cut` shuts down
        among.open.add(self)

    def close(self) -> None:
        """Close it after a delay: with unread bytes, the client might never get its answer."""
        self._among.open.discard(self)
        util.close_graceful(self._sock, _LINGER_SECONDS)

    def cut(self) -> None:
        """Stop waiting for the client; what it has already sent is still read and answered.

        It uses a second descriptor, since gevent would end a wait on this one with an error.
        """
        if self._waits_for is not None:
            self.is_cut = True
            with (
                contextlib.suppress(OSError),
                socket.socket(fileno=os.dup(self._sock.fileno())) as twin,
            ):
                if self._waits_for == socket.SHUT_RDWR:  # drop what the client has not read
                    twin.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
                twin.shutdown(self._waits_for)

    def chunk(self, size_hint: int | None = None) -> bytes:
        """Some more bytes; none at the end or after the client's time. Raises OSError."""
        if self._chunked_bytes_left < 0:
            raise OSError("too many chunks")
        if self.expects_continue:
            self.expects_continue = False
            self.send(b"HTTP/1.1 100 Continue\r\n\r\n")
        self._waits_for = socket.SHUT_RD
        try:
            received = self._sock.recv(max(_PIECE_BYTES, min(size_hint or 0, _MAX_BYTES)))
        finally:
            self._waits_for = None
        self._chunked_bytes_left -= len(received)
        return received

    def send(self, answer: bytes) -> None:
        """Send everything, if the client reads each part in time. Raises OSError."""
        self._waits_for = socket.SHUT_RDWR
        try:
            while answer:
                self.deadline = time.monotonic() + self._among.seconds
                answer = answer[self._sock.send(answer) :]
        finally:
            self._waits_for = None

    def read_head(self) -> bytes:
        """The next head, up to its empty line; its size is checked before it is parsed.

        Raises EOFError if none comes in time, BadHead for one that is too large, OSError.
        """
        self._chunked_bytes_left = math.inf
        head = bytearray(self.take_buffered() or self._wait_for_request())
        self.deadline = time.monotonic() + self._among.seconds
        searched = 0
        while (end := head.find(_END, max(0, searched - 3))) < 0 and len(head) <= _MAX_BYTES:
            if _BARE_LINE_FEED.search(head, searched):
                raise BadHead("malformed-request")
            searched = len(head)
            head += self.chunk()
            if len(head) == searched:
                raise EOFError
        if not 0 <= end <= _MAX_BYTES or head.count(b"\r\n", 0, end) > _MAX_FIELDS:
            raise BadHead("headers-too-large")
        end += len(_END)
        self.unread(head[end:])
        self.deadline = time.monotonic() + self._among.seconds
        return bytes(head[:end])

    def _wait_for_request(self) -> bytes:
        """Wait for the first bytes of a request."""
        idle = self._among.idle
        if len(idle) >= self._among.max_idle:
            longest = next(iter(idle))
            del idle[longest]  # now, since its greenlet runs later
            longest.cut()
        idle[self] = None
        self.deadline = time.monotonic() + self._among.idle_seconds
        try:
            return self.chunk()
        finally:
            idle.pop(self, None)

    def body_of(self, environ: Environ) -> Body:
        """The body of the request with this environment."""
        if "HTTP_TRANSFER_ENCODING" in environ:
            self._chunked_bytes_left = self._among.max_body_bytes + _MAX_FRAME_BYTES
            body = Body(ChunkedReader(_TRAILERS, self))
        else:
            body = Body(LengthReader(self, int(environ.get("CONTENT_LENGTH", 0))))
        self.expects_continue = "HTTP_EXPECT" in environ and environ["SERVER_PROTOCOL"] > "HTTP/1.0"
        return body

    def reaches_end(self, body: Body) -> bool:
        """Whether another request can follow: so little is left of the body that it can be skipped.

        A chunked one does not say how much is left, so it is skipped here, before the answer.
        """
        if isinstance(body.reader, ChunkedReader):
            return self.skip(body)
        return bool(body.reader.length < _MAX_BYTES)

    def skip(self, body: Body) -> bool:
        """Read the rest of a body. Returns whether another request can follow."""
        self.deadline = time.monotonic() + min(self._among.seconds, _LINGER_SECONDS)
        try:
            return len(body.reader.read(_MAX_BYTES)) < _MAX_BYTES and not self.is_cut
        except (ParseException, OSError):
            return False
