"""Faults on demand: which calls they affect, and what they do to connection and answer.

With `status`, `reset`, `redirect`, `drop` and `invents_id` (confirms line 999999) the call has no
effect. With `apply_then_drop`, `html`, `trailing_comma`, `wrong_shape`, `huge`, `gzip_bomb`,
`drip`, `latency`, `other_cart` and `twice` it takes effect, with `drop_then_apply` later. `gone`
deletes the cart first. With `alters_quantity` an add or a change sets the quantity `to`.

`other_cart` sends the answer for another cart (see `foreign`). `twice` sends the answer again over
the kept connection: `ms` later, or, without `ms`, before the answer to the connection's next call.
With `then: "drop"` a call that took effect gets no answer.

`ms` null lasts until the faults are replaced. A `drop_then_apply` later than `within_ms` has no
effect: on a busy machine the store must not be slower than a test allows.
"""

from __future__ import annotations

import errno
import fnmatch
import gzip
import socket
import struct
import threading
import time
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from typing import Any, NoReturn
from weakref import WeakKeyDictionary

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
    "other_cart": (),
    "twice": (),
    "alters_quantity": ("to",),
    "invents_id": (),
}
BEFORE_EFFECT = frozenset(("status", "reset", "redirect", "drop", "invents_id"))
_BOMB_BYTES = 256 * 1024 * 1024


@dataclass
class Fault:
    """One fault; `times` None means without end."""

    method: str
    path: str
    fault: str
    times: int | None = None
    ms: float | None = 0
    within_ms: float | None = None
    status: int = 500
    retry_after: int | None = None
    to: Any = ""
    then: str = ""

    @classmethod
    def read(cls, raw: Any) -> Fault:
        """A fault from its JSON. Raises ValueError that says what is wrong."""
        if not isinstance(raw, dict):
            raise ValueError("a fault must be an object")
        kind = raw.get("fault")
        if kind not in KINDS:
            raise ValueError(f"no such fault: {kind!r}; known: {', '.join(KINDS)}")
        unknown = raw.keys() - cls.__dataclass_fields__.keys()
        if unknown:
            raise ValueError(f"no such fields: {', '.join(sorted(unknown))}")
        missing = [name for name in KINDS[kind] if name not in raw]
        if missing:
            raise ValueError(f"{kind} needs {', '.join(missing)}")
        if kind == "alters_quantity" and not isinstance(raw["to"], (int, float)):
            raise ValueError("to must be a quantity")
        if raw.get("then", "") not in ("", "drop"):
            raise ValueError("then can only be drop")
        return cls(**{"method": "*", "path": "*", **raw})

    def matches(self, method: str, path: str) -> bool:
        """Whether it applies to the call. As in fnmatch, `*` also matches slashes."""
        return self.method in ("*", method) and fnmatch.fnmatchcase(path, self.path)


class Script:
    """The faults in order: the first that matches a call applies, `times` times."""

    def __init__(self) -> None:
        self._lock = threading.Condition()
        self._faults: list[Fault] = []
        self._held_back: WeakKeyDictionary[socket.socket, bytes] = WeakKeyDictionary()

    def replace(self, raw: Any) -> None:
        """Replace the faults. Raises ValueError and then keeps the old ones."""
        if not isinstance(raw, list):
            raise ValueError("the faults must be a list")
        faults = [Fault.read(each) for each in raw]
        with self._lock:
            self._faults = faults
            self._lock.notify_all()
            self._held_back.clear()

    def show(self) -> list[dict[str, Any]]:
        """The remaining faults."""
        with self._lock:
            return [vars(fault).copy() for fault in self._faults]

    def take(self, method: str, path: str) -> Fault | None:
        """The fault that applies to this call, if any."""
        with self._lock:
            for fault in self._faults:
                if fault.times != 0 and fault.matches(method, path):
                    if fault.times is not None:
                        fault.times -= 1
                    return fault
        return None

    def wait(self, fault: Fault) -> None:
        """Wait for as long as the fault says."""
        if fault.ms is not None:
            time.sleep(fault.ms / 1000)
            return
        with self._lock:
            self._lock.wait_for(lambda: not any(each is fault for each in self._faults))

    def send_twice(self, response: Response, ms: float | None) -> None:
        """Send the answer again: `ms` later, or with 0 before the connection's next answer."""
        client, answer = _client(), _as_sent(response, "Connection: keep-alive")

        def again() -> None:
            with suppress(OSError):  # the client may be gone
                client.sendall(answer)

        if ms:
            response.call_on_close(threading.Timer(ms / 1000, again).start)
        else:
            self._held_back[client] = answer

    def send_held_back(self) -> None:
        """Send the repeated answer that was held back for this call, if there is one."""
        if answer := self._held_back.pop(_client(), b""):
            _client().sendall(answer)


def hang_up() -> NoReturn:
    """Close the connection without an answer."""
    _client().shutdown(socket.SHUT_RDWR)
    raise ConnectionResetError(errno.ECONNRESET, "hung up on purpose")


def reset() -> NoReturn:
    """Close the connection with a TCP reset."""
    client = _client()
    client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    client.close()
    raise ConnectionResetError(errno.ECONNRESET, "reset on purpose")


def drip(response: Response, ms: float) -> NoReturn:
    """Send the answer, headers included, a byte every `ms`; then close."""
    client = _client()
    for byte in _as_sent(response, "Connection: close"):
        client.sendall(bytes([byte]))
        time.sleep(ms / 1000)
    hang_up()


def corrupt(response: Response, fault: str) -> Response:
    """The answer to a call that took effect, changed by the fault."""
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


def _as_sent(response: Response, connection: str) -> bytes:
    lines = [f"HTTP/1.1 {response.status}", connection]
    lines += [f"{name}: {value}" for name, value in response.headers]
    return "\r\n".join([*lines, "", ""]).encode() + response.get_data()


def _client() -> socket.socket:
    client: socket.socket = request.environ["gunicorn.socket"]
    return client
