"""The gunicorn worker: what the server itself refuses is answered like everything else.

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

log = structlog.get_logger("cartproxy.server")


class Worker(ThreadWorker):  # type: ignore[misc] # gunicorn has no types
    """gunicorn's thread worker with problem documents of ours."""

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
