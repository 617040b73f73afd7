"""The gunicorn worker: what the server itself refuses is answered like everything else, and soon.

gunicorn answers a request that it can't read before the application hears of it, with a page that
no script may read and that repeats part of the request.
"""

from __future__ import annotations

import contextlib
import secrets
import socket
import threading
import time
from typing import Any

import structlog
from gunicorn import util
from gunicorn.http.errors import LimitRequestHeaders, LimitRequestLine, ParseException
from gunicorn.workers.gthread import ThreadWorker

from cartproxy.web.problems import server_refusal

_WATCH_SECONDS = 0.5
log = structlog.get_logger("cartproxy.server")


class Worker(ThreadWorker):  # type: ignore[misc] # gunicorn has no types
    """gunicorn's thread worker with problem documents of ours, and with an end to its patience.

    gunicorn reads a request's head for as long as the client likes, on a thread: a few hundred
    clients who send theirs byte by byte would leave none, not even for health checks. (For the
    body see `web.bodies`.)
    """

    def load_wsgi(self) -> None:
        """Load the application in the new process, and watch from now on how long heads take."""
        super().load_wsgi()
        self._reading: dict[socket.socket, float] = {}
        seconds: float = self.wsgi.config["REQUEST_SECONDS"]
        threading.Thread(target=self._watch, args=(seconds,), daemon=True, name="heads").start()

    def handle(self, conn: Any) -> Any:
        """Read a request and answer it."""
        self._reading[conn.sock] = time.monotonic()
        try:
            return super().handle(conn)
        finally:
            self._reading.pop(conn.sock, None)

    def handle_request(self, req: Any, conn: Any) -> Any:
        """Answer a request whose head has been read."""
        self._reading.pop(conn.sock, None)
        return super().handle_request(req, conn)

    def _watch(self, seconds: float) -> None:
        while True:
            time.sleep(_WATCH_SECONDS)
            late = time.monotonic() - seconds
            for client, began in list(self._reading.items()):
                if began < late:
                    with contextlib.suppress(OSError):
                        client.shutdown(socket.SHUT_RD)

    def handle_error(self, req: Any, client: Any, addr: Any, exc: BaseException) -> None:
        """Answer in the application's stead; the name of the error alone is logged."""
        code = _code(exc)
        request_id = secrets.token_hex(8)
        # What was said may hold a piece of the request, and so a secret.
        (log.error if code == "internal-error" else log.info)(
            "refused_by_server", code=code, error=type(exc).__name__, request_id=request_id
        )
        answer = server_refusal(code, self.wsgi.config["OWN_ORIGIN"], request_id)
        with contextlib.suppress(OSError):
            util.write_nonblock(client, answer)


def _code(error: BaseException) -> str:
    if isinstance(error, LimitRequestLine):
        return "address-too-long"
    if isinstance(error, LimitRequestHeaders):
        return "headers-too-large"
    return "malformed-request" if isinstance(error, ParseException) else "internal-error"
