"""The clients of this process that are waited for, and the end of that patience.

A client that sends byte by byte, or nothing at all, would hold its connection for ever. A time-out
of the socket can't end this: it starts anew at every byte.
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


class Readers:
    """Who is being listened to, who is idle between two requests, and each one's last moment.

    `seconds`: how long a head or a body may take. `most_idle`: connections kept between requests;
    one more, and that which has been idle for longest is closed.
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
            del self._idle[longest]  # now, for it notices only later, and the next one cuts another
            _cut(longest)
        self._idle[client] = time.monotonic() + _IDLE_SECONDS
        try:
            yield
        finally:
            self._idle.pop(client, None)

    def part(self) -> None:
        """End the idle connections: this process is about to go."""
        for client in list(self._idle):
            _cut(client)

    def watch(self) -> None:
        """Cut off who is late, in the background; in each worker, after the fork."""
        threading.Thread(target=self._watch, daemon=True, name="readers").start()

    def _watch(self) -> None:
        while True:
            time.sleep(_WATCH_SECONDS)
            now = time.monotonic()
            for client, ends in [*self._reading.items(), *self._idle.items()]:
                if ends < now:
                    _cut(client)


def _cut(client: socket.socket) -> None:
    """End what this client can say; what has come before is still read, and it hears the answer.

    By a second descriptor, since gevent lets a wait at a socket fail that is shut down.
    """
    with (
        contextlib.suppress(OSError),
        socket.socket(fileno=os.dup(client.fileno())) as twin,
    ):
        twin.shutdown(socket.SHUT_RD)
