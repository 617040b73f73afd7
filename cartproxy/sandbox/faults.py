"""Faults on demand: which call they strike, and what they do to its connection or answer.

Applied or not: `status`, `reset`, `redirect` and `drop` strike before the call takes effect.
`apply_then_drop`, `html`, `trailing_comma`, `wrong_shape`, `huge`, `gzip_bomb`, `drip` and
`latency` strike a call that did. `drop_then_apply` takes effect later. `gone` makes the cart
disappear first. `ms` null lasts until the script is replaced. A `drop_then_apply` later than
`within_ms` never takes effect: on a busy machine the store must not be slower than a test allows.
"""

from __future__ import annotations

import errno
import fnmatch
import gzip
import socket
import struct
import threading
import time
from dataclasses import dataclass
from functools import cache
from typing import Any, NoReturn

from flask import Response, request

KINDS = {
    "latency": ("ms",),
    "drip": ("ms",),
    "reset": (),
    "status": ("status",),
    "html": (),
    "trailing_comma": (),
    "wrong_shape": (),
    "huge": (),
    "gzip_bomb": (),
    "redirect": ("to",),
    "drop": (),
    "apply_then_drop": (),
    "drop_then_apply": ("ms",),
    "gone": (),
}
BEFORE_EFFECT = frozenset(("status", "reset", "redirect", "drop"))
_BOMB_BYTES = 256 * 1024 * 1024


@dataclass
class Fault:
    """One line of the script; `times` is None for ever."""

    method: str
    path: str
    fault: str
    times: int | None = None
    ms: float | None = 0
    within_ms: float | None = None
    status: int = 500
    retry_after: int | None = None
    to: str = ""

    @classmethod
    def read(cls, raw: Any) -> Fault:
        """A line from its JSON. Raises ValueError that says what is wrong."""
        if not isinstance(raw, dict):
            raise ValueError("a fault is an object")
        kind = raw.get("fault")
        if kind not in KINDS:
            raise ValueError(f"no such fault: {kind!r}; known: {', '.join(KINDS)}")
        unknown = raw.keys() - cls.__dataclass_fields__.keys()
        if unknown:
            raise ValueError(f"no such fields: {', '.join(sorted(unknown))}")
        missing = [name for name in KINDS[kind] if name not in raw]
        if missing:
            raise ValueError(f"{kind} needs {', '.join(missing)}")
        return cls(**{"method": "*", "path": "*", **raw})

    def strikes(self, method: str, path: str) -> bool:
        """Whether the call is meant. In the pattern `*` also crosses slashes, as fnmatch has it."""
        return self.method in ("*", method) and fnmatch.fnmatchcase(path, self.path)


class Script:
    """The faults in force, in order: the first that fits strikes; its turns are counted down."""

    def __init__(self) -> None:
        self._lock = threading.Condition()
        self._faults: list[Fault] = []

    def replace(self, raw: Any) -> None:
        """Take a new script. Raises ValueError and keeps the old one."""
        if not isinstance(raw, list):
            raise ValueError("the script is a list of faults")
        faults = [Fault.read(each) for each in raw]
        with self._lock:
            self._faults = faults
            self._lock.notify_all()

    def show(self) -> list[dict[str, Any]]:
        """What is left of the script."""
        with self._lock:
            return [vars(fault).copy() for fault in self._faults]

    def take(self, method: str, path: str) -> Fault | None:
        """The fault that strikes this call, if any."""
        with self._lock:
            for fault in self._faults:
                if fault.times != 0 and fault.strikes(method, path):
                    if fault.times is not None:
                        fault.times -= 1
                    return fault
        return None

    def wait(self, fault: Fault) -> None:
        """Let the fault's time pass."""
        if fault.ms is not None:
            time.sleep(fault.ms / 1000)
            return
        with self._lock:
            self._lock.wait_for(lambda: not any(each is fault for each in self._faults))


def hang_up() -> NoReturn:
    """Close the connection without an answer."""
    _client().shutdown(socket.SHUT_RDWR)
    raise ConnectionResetError(errno.ECONNRESET, "hung up on purpose")


def reset() -> NoReturn:
    """Close the connection by a TCP reset."""
    client = _client()
    client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    client.close()
    raise ConnectionResetError(errno.ECONNRESET, "reset on purpose")


def drip(response: Response, ms: float) -> NoReturn:
    """Send the answer byte by byte, headers and all, `ms` apart; then close."""
    lines = [f"HTTP/1.1 {response.status}", "Connection: close"]
    lines += [f"{name}: {value}" for name, value in response.headers]
    client = _client()
    for byte in "\r\n".join([*lines, "", ""]).encode() + response.get_data():
        client.sendall(bytes([byte]))
        time.sleep(ms / 1000)
    hang_up()


def corrupt(response: Response, fault: str) -> Response:
    """The answer to a call that took effect, as the fault would have it."""
    if fault == "html":
        page = "<!DOCTYPE html><html><body><h1>Runtime Error</h1></body></html>"
        return Response(page, response.status_code, content_type="text/html; charset=utf-8")
    if fault == "trailing_comma":
        response.set_data(response.get_data().replace(b"}]", b",}]").replace(b"}", b",}", 1))
    elif fault == "wrong_shape":
        response.set_data(b'{"Result":{"Nested":[1,2,3]}}')
    elif fault == "huge":
        response.set_data(b'[{"Key":"' + b"x" * (2 * 1024 * 1024) + b'"}]')
    elif fault == "gzip_bomb":
        response.set_data(_bomb())
        response.headers["Content-Encoding"] = "gzip"
    return response


@cache
def _bomb() -> bytes:
    return gzip.compress(b" " * _BOMB_BYTES, 9)


def _client() -> socket.socket:
    client: socket.socket = request.environ["gunicorn.socket"]
    return client
