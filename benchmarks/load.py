"""Shoppers: light keep-alive clients on one event loop, each with one request under way."""

from __future__ import annotations

import asyncio
import re
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

PATIENCE_SECONDS = 60
_CODE = re.compile(rb'"code": ?"([a-z-]+)"')


@dataclass
class Sample:
    """The result of a run; latencies in ms, of the successful requests.

    An error's kind is its status and its code, if the answer has one; or the exception.
    """

    latencies: list[float] = field(default_factory=list)
    errors: Counter[str] = field(default_factory=Counter)
    seconds: float = 0.0
    cpu_ms: float = 0.0

    @property
    def answered(self) -> int:
        """Successful requests."""
        return len(self.latencies)

    @property
    def cpu_ms_each(self) -> float:
        """The server's CPU, divided by the successful requests."""
        return self.cpu_ms / max(self.answered, 1)

    def percentile(self, share: float) -> float:
        """The latency in ms at this quantile, 0 to 1."""
        ordered = sorted(self.latencies) or [0.0]
        return ordered[min(int(len(ordered) * share), len(ordered) - 1)]


class Connection(asyncio.Protocol):
    """One connection to a server: a request at a time, answers by Content-Length."""

    def __init__(self) -> None:
        self._received = b""
        self._answer: asyncio.Future[tuple[int, bytes]] | None = None
        self.open = True

    @classmethod
    async def to(cls, port: int) -> Connection:
        """Connect to a port of this machine."""
        loop = asyncio.get_running_loop()
        _, connection = await loop.create_connection(cls, "127.0.0.1", port)
        return connection

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    async def ask(self, request: bytes) -> tuple[int, bytes]:
        """The status and the body of the answer. Raises ConnectionError when there is none."""
        self._answer = asyncio.get_running_loop().create_future()
        self._transport.write(request)
        return await self._answer

    def data_received(self, data: bytes) -> None:
        self._received += data
        head, complete, body = self._received.partition(b"\r\n\r\n")
        if not complete or self._answer is None:
            return
        head = head.lower()
        length = int(head.partition(b"content-length:")[2].partition(b"\r\n")[0] or 0)
        if len(body) < length:
            return
        self._received = b""
        self.open = self.open and b"connection: close" not in head
        if not self._answer.done():
            self._answer.set_result((int(head[9:12]), body))

    def connection_lost(self, _: Exception | None) -> None:
        self.open = False
        if self._answer is not None and not self._answer.done():
            self._answer.set_exception(ConnectionError("closed without an answer"))

    def close(self) -> None:
        """Close it."""
        self._transport.close()


async def shop(port: int, shoppers: Sequence[Iterator[bytes]], seconds: float) -> Sample:
    """Let each shopper send one request after the other for so long, or until it has no more.

    Awaits the last answers.
    """
    sample = Sample()
    began = time.monotonic()
    await asyncio.gather(*(_shop(port, each, sample, began + seconds) for each in shoppers))
    sample.seconds = time.monotonic() - began
    return sample


async def _shop(port: int, requests: Iterator[bytes], sample: Sample, ends: float) -> None:
    connection: Connection | None = None
    for request in requests:
        began = time.monotonic()
        if began >= ends:
            break
        try:
            async with asyncio.timeout(PATIENCE_SECONDS):
                connection = connection or await Connection.to(port)
                status, body = await connection.ask(request)
        except (TimeoutError, OSError) as error:
            status = 0
            sample.errors[type(error).__name__] += 1
        else:
            if 200 <= status < 300:
                sample.latencies.append((time.monotonic() - began) * 1000)
            else:
                sample.errors[_kind(status, body)] += 1
        if connection is not None and not (status and connection.open):
            connection.close()
            connection = None
    if connection is not None:
        connection.close()


def _kind(status: int, body: bytes) -> str:
    code = _CODE.search(body)
    return f"{status} {code[1].decode()}" if code else str(status)


async def ask_once(port: int, request: bytes) -> tuple[int, bytes]:
    """One request on a connection of its own."""
    connection = await Connection.to(port)
    try:
        return await connection.ask(request)
    finally:
        connection.close()
