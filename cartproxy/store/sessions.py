"""The process's Session, whose adapter keeps the connections to the stores, with their TLS."""

from __future__ import annotations

import socket
import struct
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, cast
from urllib.parse import urlsplit

import requests
from requests.adapters import HTTPAdapter
from requests.utils import DEFAULT_CA_BUNDLE_PATH
from urllib3.connection import HTTPConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.util.ssl_ import create_urllib3_context

from cartproxy.store.exchange import Exchange

# Closing drops what the peer has not received yet. Otherwise the system would go on sending a call
# that was given up: a network that recovers after minutes would deliver an add that was retried.
_DROP_ON_CLOSE = (socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
_LATE_SECONDS = 10.0  # an answer is not repeated later than this
_READ = b"GET "
_SOCKET_OPTIONS = [*HTTPConnection.default_socket_options, _DROP_ON_CLOSE]


class StorePool(HTTPConnectionPool):
    """The kept connections to one host.

    An answer that comes a second time must not be read as the answer to the next request:
    docs/decisions/0010-an-answer-belongs-to-its-question.md.
    """

    @contextmanager
    def exchange(self, request: bytes, connect_seconds: float, ends: float) -> Iterator[Exchange]:
        """Send a request over a kept connection, or over a new one where the store has closed it.

        Afterwards the connection is kept if the answer is `reusable`, else closed. Raises what
        `Exchange` raises, and the errors of urllib3 and ssl if no connection can be opened.
        """
        request_line = request.partition(b"\r\n")[0]
        connection = self._take(request_line)
        kept = None
        try:
            if connection.sock is None:
                connection.timeout = connect_seconds
                connection.connect()
                connection.sent = {}  # type: ignore[attr-defined]
            sent: dict[bytes, float] = connection.sent  # type: ignore[attr-defined]
            sent.pop(request_line, None)  # so that the latest is the last
            sent[request_line] = time.monotonic()
            answer = Exchange(connection.sock, request, ends)
            yield answer
            kept = connection if answer.reusable else None
        finally:
            if kept is None:
                connection.close()
            self._put_conn(kept)

    def _take(self, request_line: bytes) -> HTTPConnection:
        """A kept connection on which no late answer can be mistaken for this one's, or a new one.

        Equal calls alternate between two connections: so a late answer has the time of a whole call
        to be noticed.
        """
        connection = cast(HTTPConnection, self._get_conn())
        if _may_confuse(connection, request_line):
            other = cast(HTTPConnection, self._get_conn())
            self._put_conn(connection)
            connection = other
            if request_line.startswith(_READ) and _may_confuse(connection, request_line):
                connection.close()
        return connection


def _may_confuse(connection: HTTPConnection, request_line: bytes) -> bool:
    """Whether an answer on this connection may be a late one to an earlier, equal request.

    A write is only confused with the last request. A read must differ from all recent ones: a late
    answer would show the cart as it was before the write between them.
    """
    if connection.sock is None:
        return False
    sent: dict[bytes, float] = connection.sent  # type: ignore[attr-defined]
    long_ago = time.monotonic() - _LATE_SECONDS
    while sent and sent[first := next(iter(sent))] < long_ago:
        del sent[first]
    return request_line in (sent if request_line.startswith(_READ) else [*sent][-1:])


class _TlsPool(StorePool, HTTPSConnectionPool):
    pass


class _StoreAdapter(HTTPAdapter):
    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        super().init_poolmanager(*args, socket_options=_SOCKET_OPTIONS, **kwargs)
        self.poolmanager.pool_classes_by_scheme = {"http": StorePool, "https": _TlsPool}

    def pool(self, url: str, ca_file: str | None) -> StorePool:
        parts = urlsplit(url)
        settings = {}
        if parts.scheme == "https":
            # One for all connections: reading the usual authorities takes some 20 ms of CPU.
            settings["ssl_context"] = context = create_urllib3_context()
            context.load_verify_locations(ca_file or DEFAULT_CA_BUNDLE_PATH)
        pool = self.poolmanager.connection_from_host(
            parts.hostname, parts.port, parts.scheme, pool_kwargs=settings
        )
        return cast(StorePool, pool)


def new_session(max_connections: int) -> requests.Session:
    """A keep-alive Session that reads nothing from the environment and never retries."""
    session = requests.Session()
    session.trust_env = False
    adapter = _StoreAdapter(pool_connections=16, pool_maxsize=max_connections, max_retries=0)
    session.mount("https://", adapter)
    session.mount("http://", adapter)
    return session


def store_pool(session: requests.Session, url: str, ca_file: str | None) -> StorePool:
    """The Session's connections to the URL's host; without `ca_file` the usual authorities count.

    Raises OSError if the file does not exist or holds no certificates.
    """
    return cast(_StoreAdapter, session.get_adapter(url)).pool(url, ca_file)
