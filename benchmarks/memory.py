"""What carts cost in Redis: a real one of the service, copied under other names."""

from __future__ import annotations

import secrets
from collections.abc import Iterator

import redis

from benchmarks import traffic
from benchmarks.contenders import Contender, Surroundings
from benchmarks.load import ask_once

_BATCH = 2000


class Copies:
    """Copies of one real cart in the service's own database: of all its keys, or the record alone.

    The cart has three lines, added one by one, each with an idempotency key of its own.
    """

    def __init__(self, around: Surroundings, contender: Contender) -> None:
        # Deleting a million carts takes longer than the client's default timeout.
        url = around.database(contender.database)
        self._client = redis.Redis.from_url(url, socket_timeout=300)
        self._port = contender.port
        self._model: list[tuple[bytes, int, bytes]] = []
        self._name = b""
        self.count = 0

    async def make_model(self) -> None:
        """Make the cart that is copied."""
        known = set(self._carts())
        bearer = traffic.new_bearer()
        for item in traffic.THREE_LINES:
            await ask_once(self._port, traffic.add_item(bearer, item))
        made = sorted(set(self._carts()) - known)
        self._name = made[0].split(b"{")[1].split(b"}")[0]
        self._model = [(key, self._client.pttl(key), self._client.dump(key) or b"") for key in made]

    @property
    def keys_per_cart(self) -> int:
        """The record, and the hash of its idempotency entries."""
        return len(self._model)

    def grow_to(self, count: int, keys: int | None = None) -> None:
        """Copy the cart until there are `carts`; with the first `keys` of its keys, or all."""
        while self.count < count:
            pipeline = self._client.pipeline(transaction=False)
            for _ in range(min(_BATCH, count - self.count)):
                name = secrets.token_hex(len(self._name) // 2).encode()
                for key, life_ms, content in self._model[:keys]:
                    pipeline.restore(key.replace(self._name, name), life_ms, content)
                self.count += 1
            pipeline.execute()

    def bytes_per_cart(self, count: int, keys: int | None = None) -> float:
        """Memory of so many carts, divided by their number; they are gone afterwards."""
        before = self._used()
        self.grow_to(count, keys)
        used = self._used() - before
        self.clear()
        return used / count

    def clear(self) -> None:
        """Forget all carts."""
        # By default Valkey frees memory in the background, during the next measurement.
        self._client.execute_command("FLUSHDB", "SYNC")  # type: ignore[no-untyped-call]
        self.count = 0

    def _carts(self) -> Iterator[bytes]:
        return self._client.scan_iter("cp:*", count=10_000)

    def _used(self) -> int:
        return int(self._client.info("memory")["used_memory"])
