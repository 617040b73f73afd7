"""The gunicorn worker: accepts connections, passes requests to the application, and stops.

Requests that it refuses itself get a problem document too.
"""

from __future__ import annotations

import os
import secrets
import signal
import time
import traceback
from contextlib import closing, suppress
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
from gunicorn import util
from gunicorn.http.wsgi import base_environ
from gunicorn.workers.ggevent import GeventWorker

from cartproxy import metrics
from cartproxy.server.connections import Connection, Connections
from cartproxy.server.heads import BadHead, keeps_alive, read_head
from cartproxy.settings import DRAINING_FLAG, STOPS
from cartproxy.web.problems import server_refusal

log = structlog.get_logger("cartproxy.server")

# How long a worker that is being replaced still accepts connections, while the new one starts.
_SUCCESSOR_SECONDS = 1.0
# How often a worker tells gunicorn's master that it is alive.
_NOTIFY_SECONDS = 1.0


class Worker(GeventWorker):  # type: ignore[misc] # gunicorn has no types
    """gunicorn's gevent worker, with our own code between connection and application."""

    sockets: list[Any]

    def init_process(self) -> None:
        """Start in the new process. A stop that is requested meanwhile is not lost."""
        self._stopping = Event()
        for each in STOPS:
            signal.signal(each, self.handle_exit)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, STOPS)  # held since before the fork
        super().init_process()

    def patch(self) -> None:
        """Make blocking calls block only their greenlet, as gunicorn does, except `select`.

        Our libraries only use `poll`, without waiting, to check whether a connection has ended.
        gevent's version needs a timer and a turn of its loop for that: eight times the cost.
        """
        gevent.monkey.patch_all(select=False)
        self.sockets = [
            gevent.socket.socket(each.FAMILY, each.sock.type, fileno=each.sock.detach())
            for each in self.sockets
        ]

    def load_wsgi(self) -> None:
        """Load the application, and start to enforce the clients' deadlines."""
        super().load_wsgi()
        self._context = own = self.wsgi.extensions["cartproxy"]
        self._connections = Connections(
            own.request_seconds, own.max_idle_connections, own.max_body_bytes
        )
        hub: Any = gevent.get_hub()
        hub.print_exception = _log_exception
        gevent.spawn(self._connections.watch)
        own.work_in_background()

    def run(self) -> None:
        """Accept connections until a stop, then finish those that are open.

        gunicorn's own version checks only once a second whether to stop, and whether it is done. So
        it may stop accepting when the workers that replace it have only just been forked.
        """
        pool = Pool(self.worker_connections)
        servers = [self._server(listener, pool) for listener in self.sockets]
        for server in servers:
            server.start()
        while self.alive:
            self.notify()
            self._stopping.wait(_NOTIFY_SECONDS)
        self._connections.shorten()
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
        # Read its address now: a stop may close it before an accepted connection is handled.
        host, port = listener.getsockname()[:2]
        environ = base_environ(self.cfg) | {
            "SCRIPT_NAME": "",
            "SERVER_NAME": host,
            "SERVER_PORT": str(port),
            "wsgi.url_scheme": "http",
        }
        server = StreamServer(listener, handle=partial(self.handle, environ), spawn=pool)
        if self.cfg.workers > 1:
            server.max_accept = 1  # leave the others to an idle worker
        return server

    def handle_exit(self, sig: int, frame: Any) -> None:
        """Stop accepting connections soon, and waiting for the open ones (see `run`)."""
        super().handle_exit(sig, frame)
        self._stopping.set()

    # Ctrl-C reaches the workers twice, by the terminal and by the master. gunicorn's own method
    # would raise SystemExit in a greenlet and cut the requests off.
    handle_quit = handle_exit

    def handle(self, environ: dict[str, Any], client: Any, addr: Any) -> None:
        """Answer the requests of a connection one after the other, until either side closes it."""
        client.setblocking(True)
        connection = Connection(client, self._connections)
        try:
            while self._serve(connection, environ | {"REMOTE_ADDR": addr and addr[0]}):
                gevent.sleep(0)  # give others their turn: this client may have sent many at once
        except BadHead as error:
            self._refuse(connection, str(error), error.__cause__ or error)
        except (EOFError, OSError) as error:
            self.log.debug("client lost: %s", type(error).__name__)
        except Exception as error:
            self._refuse(connection, "internal-error", error)
        finally:
            connection.close()

    def _serve(self, connection: Connection, environ: dict[str, Any]) -> bool:
        """Answer the next request. Returns whether another one may follow.

        Nothing is sent before the whole answer is ready: answers are small, and one that fails
        half-way can still become an error.
        """
        environ = read_head(connection.read_head(), self._context.own_origin) | environ
        environ["wsgi.input"] = body = connection.body_of(environ)
        started: list[tuple[Any, ...]] = []
        with closing(self.wsgi(environ, lambda *answer: started.append(answer))) as pieces:
            content = b"".join(pieces)
        # In these cases it is not known where the next head begins, or it is far away.
        lost = connection.is_cut or connection.expects_continue or body.failed
        keep_alive = self.alive and keeps_alive(environ) and not lost
        keep_alive = keep_alive and connection.reaches_end(body)
        connection.send(_head(*started[-1][:2], keep_alive=keep_alive) + content)
        return keep_alive and connection.skip(body)

    def _refuse(self, connection: Connection, code: str, error: BaseException) -> None:
        """Answer instead of the application. Only the type of the error is logged."""
        request_id = secrets.token_hex(8)
        # Its message may contain a part of the request, and so a secret.
        (log.error if code == "internal-error" else log.info)(
            "refused_by_server", code=code, error=type(error).__name__, request_id=request_id
        )
        metrics.count_problem("", code)
        with suppress(OSError):
            connection.send(server_refusal(code, self._context.own_origin, request_id))


def _log_exception(_context: object, kind: type, error: BaseException, tb: Any) -> None:
    """Log what gevent would print over many lines, such as that no more files can be opened.

    Like with a bug not its message, which may quote a secret; that of the system is safe.
    """
    detail = error.strerror if isinstance(error, OSError) else None
    places = [f"{each.filename}:{each.lineno}" for each in traceback.extract_tb(tb)[-8:]]
    log.error("server_error", error=kind.__name__, detail=detail, where=places)


def _head(status: str, fields: list[tuple[str, str]], *, keep_alive: bool) -> bytes:
    """The head of an answer. The application has checked it for line breaks; werkzeug adds Date."""
    lines = "".join([f"{name}: {value}\r\n" for name, value in fields if name != "Date"])
    connection = "keep-alive" if keep_alive else "close"
    return (
        f"HTTP/1.1 {status}\r\nDate: {_date(int(time.time()))}\r\n"
        f"Connection: {connection}\r\n{lines}\r\n"
    ).encode("latin-1")


@lru_cache(1)
def _date(second: int) -> str:
    return str(util.http_date(second))
