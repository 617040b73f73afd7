"""Clients that send too slowly are cut off: byte by byte, each would hold a thread for ever.

A time-out of the socket can't do this: it starts anew at every byte.
"""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

_WATCH_SECONDS = 0.5


class Readers:
    """Which clients of this process are being listened to, and since when."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._since: dict[socket.socket, float] = {}

    def begin(self, client: socket.socket) -> None:
        """A head or body of this client is being read from now on."""
        self._since[client] = time.monotonic()

    def end(self, client: socket.socket) -> None:
        """It has been read."""
        self._since.pop(client, None)

    @contextmanager
    def reading(self, client: socket.socket | None) -> Iterator[None]:
        """Around the reading of a body; None where the server does not show its socket."""
        if client is None:
            yield
            return
        self.begin(client)
        try:
            yield
        finally:
            self.end(client)

    def watch(self) -> None:
        """Cut off who is late, from a thread of its own; in each worker, after the fork."""
        threading.Thread(target=self._watch, daemon=True, name="readers").start()

    def _watch(self) -> None:
        while True:
            time.sleep(_WATCH_SECONDS)
            late = time.monotonic() - self._seconds
            for client, began in list(self._since.items()):
                if began < late:
                    with contextlib.suppress(OSError):
                        client.shutdown(socket.SHUT_RD)
