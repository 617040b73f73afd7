"""One HTTP/1.1 exchange over a connected socket: one write, and an answer that is read strictly.

`http.client` reads header lines with its parser for mail and sends head and body separately: that
is a third of what an add costs. Knows nothing about pools, JSON or carts.
See docs/decisions/0001-deadline-in-the-reader.md.
"""

from __future__ import annotations

import re
import socket
import ssl
import time

_RECEIVE_BYTES = 64 * 1024
_MAX_HEAD_BYTES = 64 * 1024
_MAX_FIELDS = 100
_MAX_CHUNK_LINE_BYTES = 256
# Everything except the body: heads, chunk lines and trailers, each with its fixed cost.
_MAX_FRAMING_BYTES = 256 * 1024
_PIECE_BYTES = 32  # the fixed cost of a head, chunk line or trailer
_TEXT = r"[^\x00-\x08\x0a-\x1f\x7f]*"
_STATUS = re.compile(r"HTTP/1\.([01]) ([1-9][0-9]{2})(?: " + _TEXT + r")?")
# Not a folded line, and no space before the colon: two readers could read these differently.
_FIELD = re.compile(r"([!#$%&'*+.^_`|~0-9A-Za-z-]+):(" + _TEXT + r")")
_LENGTH = re.compile(r"[0-9]{1,18}", re.ASCII)
_CHUNK = re.compile(r"([0-9A-Fa-f]{1,8})[ \t]*(?:;" + _TEXT + r")?")


class BrokenAnswer(Exception):
    """What was received is not an HTTP answer, or not a complete one."""


class NotSent(Exception):
    """The peer sent something or hung up before the request, so the request was not sent."""


class AnswerTooLarge(Exception):
    """The body is longer than the limit."""


class Exchange:
    """A request that was sent, and the head of its answer; `read` reads the body.

    `headers` have lower-case names; several of one name are joined by commas. `reusable`: the
    answer was read to its end, so the connection may serve another request. The whole exchange
    ends at `ends`, on the monotonic clock: a socket's own timeout starts again with every byte.
    Raises NotSent, BrokenAnswer, TimeoutError and other OSErrors.
    """

    def __init__(self, sock: socket.socket, request: bytes, ends: float) -> None:
        self._sock = sock
        self._ends = ends
        self._held = bytearray()
        self._framing_left = _MAX_FRAMING_BYTES
        self.reusable = False
        self._require_silence()
        while request:  # gevent's `sendall` takes ten times as much
            self._limit_wait()
            request = request[sock.send(request) :]
        self._read_head()
        while self.status < 200:  # an interim answer, such as 103 Early Hints
            self._read_head()

    def read(self, limit: int) -> bytes:
        """The body, of at most `limit` bytes. Raises AnswerTooLarge, and what `Exchange` raises."""
        coding = self.headers.get("transfer-encoding")
        length = self.headers.get("content-length")
        if self.status in (204, 304):
            body = b""
        elif coding is not None:
            if coding.lower() != "chunked":
                raise BrokenAnswer("an unknown transfer encoding")
            body = self._read_chunks(limit)
        elif length is not None:
            if not _LENGTH.fullmatch(length):
                raise BrokenAnswer("an invalid length")
            body = self._read_exactly(int(length), limit)
        else:
            return self._read_to_end(limit)
        # Two framings at once, or bytes after the end, can smuggle in another answer.
        ambiguous = coding is not None and length is not None
        self.reusable = self._keeps_alive and not ambiguous and not self._held
        return body

    def _require_silence(self) -> None:
        """Raise NotSent if there is something to read: it can't be the answer to this request."""
        self._sock.settimeout(0)
        try:
            self._sock.recv(1)  # not a poll: with TLS there may be bytes that are not an answer
        except (BlockingIOError, ssl.SSLWantReadError):
            return
        raise NotSent

    def _read_head(self) -> None:
        status_line, *lines = self._read_until(b"\r\n\r\n", _MAX_HEAD_BYTES).split("\r\n")
        status = _STATUS.fullmatch(status_line)
        if not status or len(lines) > _MAX_FIELDS:
            raise BrokenAnswer("a malformed head")
        headers: dict[str, str] = {}
        for line in lines:
            field = _FIELD.fullmatch(line)
            if not field:
                raise BrokenAnswer("a malformed header line")
            name, value = field[1].lower(), field[2].strip(" \t")
            headers[name] = f"{headers[name]}, {value}" if name in headers else value
        self.status = int(status[2])
        self.headers = headers
        self._keeps_alive = (
            status[1] == "1" and "close" not in headers.get("connection", "").lower()
        )

    def _read_chunks(self, limit: int) -> bytes:
        body = bytearray()
        while size := self._read_chunk_size():
            body += self._read_exactly(size, limit - len(body))
            if self._read_exactly(2, 2) != b"\r\n":
                raise BrokenAnswer("a chunk without an end")
        while self._read_until(b"\r\n", _MAX_HEAD_BYTES):
            pass  # trailers are not used
        return bytes(body)

    def _read_chunk_size(self) -> int:
        line = _CHUNK.fullmatch(self._read_until(b"\r\n", _MAX_CHUNK_LINE_BYTES))
        if not line:
            raise BrokenAnswer("a chunk without a size")
        return int(line[1], 16)

    def _read_until(self, mark: bytes, limit: int) -> str:
        """What comes before the mark; the mark is dropped."""
        searched = 0
        while (end := self._held.find(mark, searched)) < 0:
            searched = max(0, len(self._held) - len(mark) + 1)
            if searched > limit:
                break
            self._receive_more()
        if not 0 <= end <= limit:
            raise BrokenAnswer("a line or head without an end")
        self._framing_left -= end + _PIECE_BYTES
        if self._framing_left < 0:
            raise BrokenAnswer("more framing than any answer needs")
        return self._take(end, len(mark)).decode("latin-1")

    def _read_exactly(self, size: int, limit: int) -> bytes:
        if size > limit:
            raise AnswerTooLarge
        while len(self._held) < size:
            self._receive_more()
        return self._take(size)

    def _read_to_end(self, limit: int) -> bytes:
        while len(self._held) <= limit:
            if not self._receive():
                return self._take(len(self._held))
        raise AnswerTooLarge

    def _take(self, size: int, drop: int = 0) -> bytes:
        """Remove `size` bytes from the buffer and return them; drop the next `drop` bytes."""
        taken = bytes(self._held[:size])
        del self._held[: size + drop]
        return taken

    def _receive_more(self) -> None:
        if not self._receive():
            raise BrokenAnswer("the answer ends too early")

    def _receive(self) -> bool:
        """Whether anything was received; nothing is when the peer has closed its side."""
        self._limit_wait()
        received = self._sock.recv(_RECEIVE_BYTES)
        self._held += received
        return bool(received)

    def _limit_wait(self) -> None:
        remaining = self._ends - time.monotonic()
        if remaining <= 0:
            raise TimeoutError("timed out")
        self._sock.settimeout(remaining)
