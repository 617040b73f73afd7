"""The connections of this worker, and the end of the time that their clients have.

A client that sends byte by byte, or reads nothing, or does nothing, would hold its connection for
ever. A time-out of the socket can't end this: it begins again at every byte.
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

# For requests that are on their way to a worker that stops, and for bodies that nobody has read.
_LINGER_SECONDS = 2.0
_WATCH_SECONDS = 0.5
_IDLE_SECONDS = 75.0
_PIECE_BYTES = 2048
_MOST_BYTES = 65_536  # of a head, of a body that nobody has read, and at once of one that is read
_MOST_FIELDS = 64
_MOST_FRAME_BYTES = 8192  # of a thousand chunks; a body of single bytes would take 300 times a look
_END = b"\r\n\r\n"
_BARE_LINE_FEED = re.compile(rb"(?<!\r)\n")
_RESET = struct.pack("ii", 1, 0)
# By a request gunicorn's reader of chunks checks the fields after them.
_TRAILERS = Request(GUNICORN, IterUnreader([b"GET / HTTP/1.1\r\n\r\n"]), ("", 0))
_TRAILERS.max_buffer_headers = 8192


class Connections:
    """All of a worker, and how long their clients may take.

    `seconds`: for a head, for a body, and for each step of an answer. `most_idle`: connections kept
    between two requests; one more, and the one that has been idle for longest is closed.
    """

    def __init__(self, seconds: float, most_idle: int, most_body_bytes: int) -> None:
        self.seconds, self.idle_seconds = seconds, _IDLE_SECONDS
        self.most_idle, self.most_body_bytes = most_idle, most_body_bytes
        self.open: set[Connection] = set()
        self.idle: dict[Connection, None] = {}

    def hurry(self) -> None:
        """No client has more than a moment left: this process is about to go."""
        self.seconds = self.idle_seconds = _LINGER_SECONDS
        soon = time.monotonic() + _LINGER_SECONDS
        for each in self.open:
            each.ends = min(each.ends, soon)

    def watch(self) -> None:
        """End those whose time is over, for ever."""
        while True:
            gevent.sleep(_WATCH_SECONDS)
            now = time.monotonic()
            for each in list(self.open):
                if each.ends < now:
                    each.cut()


class Connection(Unreader):  # type: ignore[misc] # gunicorn has no types
    """What one client says and is told; gunicorn's readers of bodies read from it."""

    def __init__(self, sock: socket.socket, among: Connections) -> None:
        super().__init__()
        self.ends = math.inf  # when the client's time is over; what this process takes is its own
        self.is_cut = False  # of its last request something may still come, and is no next one
        self.asks_to_go_on = False  # it waits for our word before it sends the body
        self._allowed = math.inf  # bytes of a body in chunks, with the frames around them
        self._sock, self._among = sock, among
        self._waits_for: int | None = None  # what a wait that is too long shuts down
        among.open.add(self)

    def close(self) -> None:
        """End it; at once, with something unread, the client might never see its answer."""
        self._among.open.discard(self)
        util.close_graceful(self._sock, _LINGER_SECONDS)

    def cut(self) -> None:
        """End the wait for the client; what it has sent is still read, and answered.

        By a second descriptor, since gevent lets a wait at a socket fail that is shut down.
        """
        if self._waits_for is not None:
            self.is_cut = True
            with (
                contextlib.suppress(OSError),
                socket.socket(fileno=os.dup(self._sock.fileno())) as twin,
            ):
                if self._waits_for == socket.SHUT_RDWR:  # the kernel need not keep what is unread
                    twin.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
                twin.shutdown(self._waits_for)

    def chunk(self, size_hint: int | None = None) -> bytes:
        """Some more of what the client sends, nothing when that or its time is over, or OSError."""
        if self._allowed < 0:
            raise OSError("too many chunks")
        if self.asks_to_go_on:
            self.asks_to_go_on = False
            self.send(b"HTTP/1.1 100 Continue\r\n\r\n")
        self._waits_for = socket.SHUT_RD
        try:
            said = self._sock.recv(max(_PIECE_BYTES, min(size_hint or 0, _MOST_BYTES)))
        finally:
            self._waits_for = None
        self._allowed -= len(said)
        return said

    def send(self, answer: bytes) -> None:
        """Send all of it, as long as the client takes some of it in time. Raises OSError."""
        self._waits_for = socket.SHUT_RDWR
        try:
            while answer:
                self.ends = time.monotonic() + self._among.seconds
                answer = answer[self._sock.send(answer) :]
        finally:
            self._waits_for = None

    def read_head(self) -> bytes:
        """The next head, to its empty line, and within bounds, before anybody reads what it says.

        Raises EOFError when none comes in time, BadHead, OSError.
        """
        self._allowed = math.inf
        said = bytearray(self.take_buffered() or self._begin())
        self.ends = time.monotonic() + self._among.seconds
        searched = 0
        while (end := said.find(_END, max(0, searched - 3))) < 0 and len(said) <= _MOST_BYTES:
            if _BARE_LINE_FEED.search(said, searched):
                raise BadHead("malformed-request")
            searched = len(said)
            said += self.chunk()
            if len(said) == searched:
                raise EOFError
        if not 0 <= end <= _MOST_BYTES or said.count(b"\r\n", 0, end) > _MOST_FIELDS:
            raise BadHead("headers-too-large")
        end += len(_END)
        self.unread(said[end:])
        self.ends = time.monotonic() + self._among.seconds
        return bytes(said[:end])

    def _begin(self) -> bytes:
        """Wait for the first bytes of a request."""
        idle = self._among.idle
        if len(idle) >= self._among.most_idle:
            longest = next(iter(idle))
            del idle[longest]  # at once: its greenlet runs later, and the next cuts another
            longest.cut()
        idle[self] = None
        self.ends = time.monotonic() + self._among.idle_seconds
        try:
            return self.chunk()
        finally:
            idle.pop(self, None)

    def body_of(self, environ: Environ) -> Body:
        """The body that follows the head of this environment."""
        if "HTTP_TRANSFER_ENCODING" in environ:
            self._allowed = self._among.most_body_bytes + _MOST_FRAME_BYTES
            body = Body(ChunkedReader(_TRAILERS, self))
        else:
            body = Body(LengthReader(self, int(environ.get("CONTENT_LENGTH", 0))))
        self.asks_to_go_on = "HTTP_EXPECT" in environ and environ["SERVER_PROTOCOL"] != "HTTP/1.0"
        return body

    def skip(self, body: Body) -> bool:
        """Read what nobody has read of a body; whether a head can follow."""
        self.ends = time.monotonic() + min(self._among.seconds, _LINGER_SECONDS)
        try:
            return len(body.read(_MOST_BYTES)) < _MOST_BYTES and not self.is_cut
        except (ParseException, OSError):
            return False
