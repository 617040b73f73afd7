"""A client that sends the exact bytes of a request, which no client library would."""

from __future__ import annotations

import json
import socket
from contextlib import closing
from dataclasses import dataclass
from http.client import HTTPResponse
from typing import Any
from urllib.parse import urlsplit

from support.shopper import BLOG, Store, credential

JSON = "Content-Type: application/json"
CHUNKED = "Transfer-Encoding: chunked"


@dataclass(frozen=True)
class RawAnswer:
    """What came back; `headers` are in lower case, doubled ones joined."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def code(self) -> str:
        """The problem's code."""
        return str(self.json()["code"])

    def json(self) -> Any:
        return json.loads(self.body)


class RawClient:
    """A listed page's script, whose every line can be left out, repeated or changed."""

    def __init__(self, url: str, store: Store) -> None:
        address = urlsplit(url)
        self.host, self.port = address.hostname or "", address.port or 0
        self.store = store
        self.bearer = credential()
        store.calls()

    def usual(self) -> list[str]:
        """The lines that such a script's request has."""
        return [
            "Host: proxy.example",
            f"Origin: {BLOG}",
            f"Authorization: Bearer {self.bearer}",
            "Cartproxy-Client: tests/1",
        ]

    def send(
        self,
        line: str,
        *lines: str,
        body: bytes = b"",
        leave_out: str = "",
        hang_up: bool = False,
        seconds: float = 60,
    ) -> RawAnswer:
        """One request over a connection of its own.

        `line` is method and target; `lines` are added to the usual ones, without the one named
        `leave_out`. With `hang_up` nothing more can be expected of the client after the body.
        """
        usual = [each for each in self.usual() if each.partition(":")[0] != leave_out]
        head = "\r\n".join([f"{line} HTTP/1.1", *usual, *lines, "", ""])
        return self.speak(head.encode("latin-1") + body, hang_up=hang_up, seconds=seconds)[0]

    def speak(
        self, *requests: bytes, hang_up: bool = False, seconds: float = 60
    ) -> list[RawAnswer]:
        """The answers to these bytes, over one connection; the next ones wait for the answer."""
        answers: list[RawAnswer] = []
        with socket.create_connection((self.host, self.port), timeout=seconds) as connection:
            for request in requests:
                connection.sendall(request)
                if hang_up:
                    connection.shutdown(socket.SHUT_WR)
                # An answer to HEAD has no body, whatever its length says.
                method = "HEAD" if request.startswith(b"HEAD ") else None
                answers.append(_read(connection, method))
        return answers

    def assert_store_untouched(self) -> None:
        assert self.store.calls() == []


def _read(connection: socket.socket, method: str | None) -> RawAnswer:
    with closing(HTTPResponse(connection, method=method)) as response:
        response.begin()
        headers: dict[str, str] = {}
        for name, value in response.getheaders():
            known = headers.get(name.lower())
            headers[name.lower()] = value if known is None else f"{known}, {value}"
        return RawAnswer(response.status, headers, response.read())
