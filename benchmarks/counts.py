"""Round trips to Redis and calls to the store for one action of the service."""

from __future__ import annotations

import json
import statistics
from collections.abc import Callable

import redis
import requests

from benchmarks import traffic
from benchmarks.contenders import Contender, Surroundings
from benchmarks.load import Connection

_REPEATS = 9


class Counter:
    """Watches Redis and the store while one shopper acts on one connection.

    A command that a script runs inside the server is no round trip: MONITOR marks it `lua`.
    """

    def __init__(self, around: Surroundings, contender: Contender, connection: Connection) -> None:
        self._client = redis.Redis.from_url(around.redis_url)
        self._calls_url = f"{around.store_url}/_calls"
        self._database = contender.database
        self._connection = connection

    @classmethod
    async def of(cls, around: Surroundings, contender: Contender) -> Counter:
        """A counter with a connection of its own."""
        return cls(around, contender, await Connection.to(contender.port))

    async def first_add(self) -> tuple[int, int]:
        """Round trips and store calls of an add for which the cart has to be made."""
        return await self._median(lambda: traffic.add_item(traffic.new_bearer()))

    async def get(self, bearer: str) -> tuple[int, int]:
        """Of a look at the cart."""
        return await self._median(lambda: traffic.get_cart(bearer))

    async def add(self, bearer: str, *, minimal: bool = False) -> tuple[int, int]:
        """Of an add."""
        return await self._median(lambda: traffic.add_item(bearer, minimal=minimal))

    async def _median(self, make_request: Callable[[], bytes]) -> tuple[int, int]:
        counted = [await self._count(make_request()) for _ in range(_REPEATS)]
        trips, calls = zip(*counted, strict=True)
        return int(statistics.median(trips)), int(statistics.median(calls))

    async def _count(self, request: bytes) -> tuple[int, int]:
        before = self._store_calls()
        with self._client.monitor() as monitor:  # type: ignore[no-untyped-call]
            status, _ = await self._connection.ask(request)
            if status >= 300:
                raise RuntimeError(f"answered {status}")
            self._client.echo("done")
            trips = 0
            for command in monitor.listen():
                if command["command"].startswith("ECHO"):
                    break
                own = str(command["db"]) == str(self._database)
                trips += own and command["client_type"] != "lua"
        return trips, self._store_calls() - before

    def _store_calls(self) -> int:
        return int(json.loads(requests.get(self._calls_url, timeout=5).text))
