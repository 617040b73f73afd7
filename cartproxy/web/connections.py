"""The connections of this process that wait for their client, and the end of that wait.

A client that sends byte by byte, or nothing at all, would hold its connection for ever. A time-out
of the socket can't end this: it starts again at every byte.
"""

from __future__ import annotations

import contextlib
import os
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

_WATCH_SECONDS = 0.5
_IDLE_SECONDS = 75.0


class Connections:
    """Which are read from, which are idle between two requests, and when each one's time is over.

    `seconds`: how long a head or a body may take. `most_idle`: connections kept between requests;
    one more, and the one that has been idle for longest is closed.
    """

    def __init__(self, seconds: float, most_idle: int) -> None:
        self._seconds = seconds
        self._most_idle = most_idle
        self._reading: dict[socket.socket, float] = {}
        self._idle: dict[socket.socket, float] = {}

    @contextmanager
    def reading(self, client: socket.socket | None) -> Iterator[None]:
        """Around the reading of a head or body; None where the server does not show its socket."""
        if client is None:
            yield
            return
        self._reading[client] = time.monotonic() + self._seconds
        try:
            yield
        finally:
            del self._reading[client]

    @contextmanager
    def idle(self, client: socket.socket) -> Iterator[None]:
        """Around the wait for a request's first byte."""
        if len(self._idle) >= self._most_idle:
            longest = next(iter(self._idle))
            del self._idle[longest]  # at once: its greenlet runs later, and the next cuts another
            _cut(longest)
        self._idle[client] = time.monotonic() + _IDLE_SECONDS
        try:
            yield
        finally:
            self._idle.pop(client, None)

    def close_idle(self) -> None:
        """End the idle connections: this process is about to go."""
        for client in list(self._idle):
            _cut(client)

    def watch(self) -> None:
        """Cut those whose time is over, in the background; in each worker, after the fork."""
        threading.Thread(target=self._watch, daemon=True, name="connections").start()

    def _watch(self) -> None:
        while True:
            time.sleep(_WATCH_SECONDS)
            now = time.monotonic()
            for client, ends in [*self._reading.items(), *self._idle.items()]:
                if ends < now:
                    _cut(client)


def _cut(client: socket.socket) -> None:
    """End what this client can send; what has come is still read, and the client gets its answer.

    By a second descriptor, since gevent lets a wait at a socket fail that is shut down.
    """
    with (
        contextlib.suppress(OSError),
        socket.socket(fileno=os.dup(client.fileno())) as twin,
    ):
        twin.shutdown(socket.SHUT_RD)
