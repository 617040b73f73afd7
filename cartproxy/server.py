"""The gunicorn worker: a greenlet for each connection, and an end to its patience.

What the server itself refuses is answered like everything else: gunicorn answers a request that it
can't read before the application hears of it, with a page that no script may read and that repeats
part of the request.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import signal
import time
from functools import lru_cache, partial
from pathlib import Path
from typing import Any

import gevent
import gevent.monkey
import gevent.socket
import structlog
from gevent.event import Event
from gevent.pool import Pool
from gevent.server import StreamServer
from gunicorn import http, util
from gunicorn.http import wsgi
from gunicorn.http.errors import (
    LimitRequestHeaders,
    LimitRequestLine,
    NoMoreData,
    ParseException,
)
from gunicorn.workers.ggevent import GeventWorker

from cartproxy.settings import DRAINING_FLAG
from cartproxy.web.connections import Connections
from cartproxy.web.problems import server_refusal

log = structlog.get_logger("cartproxy.server")

# For requests that are on their way to a worker that stops, and for bodies that nobody has read.
_LINGER_SECONDS = 2.0
# A worker whose place a new one takes goes on so long, for that one to begin.
_SUCCESSOR_SECONDS = 1.0
# How often a worker shows gunicorn's master that it lives.
_NOTIFY_SECONDS = 1.0


class Worker(GeventWorker):  # type: ignore[misc] # gunicorn has no types
    """gunicorn's gevent worker with problem documents of ours, and with deadlines for clients.

    gunicorn reads a request's head for as long as the client likes to send it byte by byte, and a
    worker that stops waits for connections on which nothing happens. (For the body see
    `web.bodies`.)
    """

    sockets: list[Any]

    def init_process(self) -> None:
        """Begin, in the new process; a stop that is asked for meanwhile is not forgotten."""
        self._stopping = Event()
        signal.signal(signal.SIGTERM, self.handle_exit)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, [signal.SIGTERM])  # held since before the fork
        super().init_process()

    def patch(self) -> None:
        """Let blocking calls wait without blocking the others, as gunicorn does, but for `select`.

        Our libraries ask by `poll` alone, and only whether a connection has ended, without waiting:
        gevent's takes a timer and a turn of its loop for that, eight times the cost.
        """
        gevent.monkey.patch_all(select=False)
        self.sockets = [
            gevent.socket.socket(each.FAMILY, each.sock.type, fileno=each.sock.detach())
            for each in self.sockets
        ]

    def load_wsgi(self) -> None:
        """Load the application in the new process, and watch from now on how long reading takes."""
        super().load_wsgi()
        self._settings = _Remembered(self.cfg)
        self._connections: Connections = self.wsgi.extensions["cartproxy"].connections
        self._connections.watch()
        self.wsgi.extensions["cartproxy"].work_in_background()

    def run(self) -> None:
        """Accept connections until a stop, then serve those that are there to their end.

        gunicorn's own looks but once a second whether it has to stop, and whether it is done. So it
        may stop accepting at once, when those that succeed it have only just been forked.
        """
        pool = Pool(self.worker_connections)
        servers = [self._server(listener, pool) for listener in self.sockets]
        for server in servers:
            server.start()
        while self.alive:
            self.notify()
            self._stopping.wait(_NOTIFY_SECONDS)
        gevent.spawn_later(_LINGER_SECONDS, self._connections.close_idle)
        if not Path(os.environ.get(DRAINING_FLAG, "")).is_file():
            gevent.sleep(_SUCCESSOR_SECONDS)
        for server in servers:
            server.close()
        ends = time.monotonic() + self.cfg.graceful_timeout
        while not pool.join(timeout=_NOTIFY_SECONDS):
            self.notify()
            if time.monotonic() > ends:
                self.log.warning("Worker graceful timeout (pid:%s)", self.pid)
                pool.kill(timeout=_NOTIFY_SECONDS)
                return

    def _server(self, listener: Any, pool: Pool) -> StreamServer:
        listener.setblocking(True)
        # Its address now: a stop may close it before what it has just accepted is begun with.
        serve = partial(self.handle, listener.getsockname())
        server = StreamServer(listener, handle=serve, spawn=pool)
        if self.cfg.workers > 1:
            server.max_accept = 1  # more are for who has nothing to do
        return server

    def handle_exit(self, sig: int, frame: Any) -> None:
        """Stop: soon no new connections, and no more waiting on the old ones (see `run`)."""
        super().handle_exit(sig, frame)
        self._stopping.set()

    def handle(self, address: Any, client: Any, addr: Any) -> None:
        """Serve a connection, one request after the other, until either side ends it."""
        client.setblocking(True)
        parser = http.get_parser(self._settings, client, addr)
        req = None
        try:
            while self._spoken_to(client, parser):
                with self._connections.reading(client):
                    req = next(parser)
                if not self.handle_request(address, req, client, addr):
                    break
                if not parser.finish_body(deadline=time.monotonic() + _LINGER_SECONDS):
                    break
        except (StopIteration, NoMoreData):
            pass
        except OSError as error:
            self.log.debug("client lost: %s", type(error).__name__)
        except Exception as error:
            self.handle_error(req, client, addr, error)
        finally:
            # Closed at once, with something unread, the client may never see its answer.
            util.close_graceful(client)

    def _spoken_to(self, client: Any, parser: Any) -> bool:
        """Wait for the beginning of the next request; whether there is one."""
        unread = parser.unreader
        if unread.buf.getvalue():
            return True
        with self._connections.idle(client):
            said = unread.chunk()
        unread.unread(said)
        return bool(said)

    def handle_request(self, listener_name: Any, req: Any, sock: Any, addr: Any) -> bool:
        """Answer a request; whether the connection may bring another.

        Nothing is sent before the whole answer is there: ours are small, and one that breaks off
        half-way can still become an error.
        """
        answer, environ = wsgi.create(req, sock, addr, listener_name, self._settings, _Answer)
        environ["wsgi.multithread"] = True
        if not self.alive:
            answer.force_close()
        pieces = self.wsgi(environ, answer.start_response)
        try:
            body = b"".join(pieces)
        finally:
            if hasattr(pieces, "close"):
                pieces.close()
        answer.write(body)
        answer.close()
        return not answer.should_close()

    def handle_error(self, req: Any, client: Any, addr: Any, exc: BaseException) -> None:
        """Answer in the application's stead; the name of the error alone is logged."""
        code = _code(exc)
        request_id = secrets.token_hex(8)
        # What was said may hold a piece of the request, and so a secret.
        (log.error if code == "internal-error" else log.info)(
            "refused_by_server", code=code, error=type(exc).__name__, request_id=request_id
        )
        answer = server_refusal(code, self.wsgi.extensions["cartproxy"].own_origin, request_id)
        with contextlib.suppress(OSError):
            util.write(client, answer)


class _Answer(wsgi.Response):  # type: ignore[misc] # gunicorn has no types
    """gunicorn's answer, in one packet with its head: half the calls and wake-ups.

    The application's headers are not examined again: werkzeug has refused line breaks in them.
    """

    headers: list[tuple[str, str]]
    headers_sent: bool
    _head = b""

    def process_headers(self, headers: list[tuple[str, str]]) -> None:
        """Take the headers but for those that are the server's to set, such as `Date`."""
        for name, value in headers:
            lowered = name.lower()
            if lowered == "content-length":
                self.response_length = int(value)
            if lowered not in util.hop_headers:
                self.headers.append((name, value))

    def send_headers(self) -> None:
        """Keep the head until there is something of the body, or nothing more to come."""
        if self._head:
            return
        lines = [
            "HTTP/{}.{} {}".format(*self.req.version, self.status),
            f"Date: {_date(int(time.time()))}",
            f"Connection: {'close' if self.should_close() else 'keep-alive'}",
            *(f"{name}: {value}" for name, value in self.headers),
        ]
        if self.chunked:
            lines.append("Transfer-Encoding: chunked")
        self._head = "\r\n".join([*lines, "", ""]).encode("latin-1")

    def _emit_body(self, data: bytes) -> None:
        if self.chunked:
            data = b"%X\r\n%b\r\n" % (len(data), data)
        if not self.headers_sent:
            data = self._head + data
            self.headers_sent = True
        self.sock.sendall(data)

    def close(self) -> None:
        """Send what is left."""
        self.send_headers()
        if self.chunked or not self.headers_sent:
            self._emit_body(b"")


@lru_cache(1)
def _date(second: int) -> str:
    return str(util.http_date(second))


class _Remembered:
    """gunicorn's settings, each looked up once: its own way is long, and thirty a request."""

    def __init__(self, settings: Any) -> None:
        self._settings = settings

    def __getattr__(self, name: str) -> Any:
        value = getattr(self._settings, name)
        setattr(self, name, value)
        return value


def _code(error: BaseException) -> str:
    if isinstance(error, LimitRequestLine):
        return "address-too-long"
    if isinstance(error, LimitRequestHeaders):
        return "headers-too-large"
    return "malformed-request" if isinstance(error, ParseException) else "internal-error"
