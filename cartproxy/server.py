"""The gunicorn worker: what the server itself refuses is answered like everything else, and soon.

gunicorn answers a request that it can't read before the application hears of it, with a page that
no script may read and that repeats part of the request.
"""

from __future__ import annotations

import contextlib
import secrets
from typing import Any

import structlog
from gunicorn import util
from gunicorn.http.errors import LimitRequestHeaders, LimitRequestLine, ParseException
from gunicorn.workers.gthread import ThreadWorker

from cartproxy.web.problems import server_refusal
from cartproxy.web.readers import Readers

log = structlog.get_logger("cartproxy.server")


class Worker(ThreadWorker):  # type: ignore[misc] # gunicorn has no types
    """gunicorn's thread worker with problem documents of ours, and with an end to its patience.

    gunicorn reads a request's head for as long as the client likes, on a thread: a few hundred
    clients who send theirs byte by byte would leave none, not even for health checks. (For the
    body see `web.bodies`.)
    """

    def load_wsgi(self) -> None:
        """Load the application in the new process, and watch from now on how long reading takes."""
        super().load_wsgi()
        self._readers: Readers = self.wsgi.extensions["cartproxy"].readers
        self._readers.watch()

    def handle(self, conn: Any) -> Any:
        """Read a request and answer it."""
        self._readers.begin(conn.sock)
        try:
            return super().handle(conn)
        finally:
            self._readers.end(conn.sock)

    def handle_request(self, req: Any, conn: Any) -> Any:
        """Answer a request whose head has been read."""
        self._readers.end(conn.sock)
        return super().handle_request(req, conn)

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
