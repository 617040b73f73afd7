"""What an operator can do with the carts in Redis: list them, look at one, revoke.

Revoking a cart deletes its record: its credential then opens an empty cart. At the store the cart
stays until the store deletes it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import cast

import redis

from cartproxy.model.record import Record
from cartproxy.records import live_carts
from cartproxy.records.form import record_of
from cartproxy.records.pending import list_key
from cartproxy.records.records import RECORD, record_key
from cartproxy.records.seal import Seal
from cartproxy.storage.errors import StorageNewer, StorageUnavailable, typed_errors
from cartproxy.storage.values import read_value

_PAGE = 1000


@dataclass(frozen=True, slots=True)
class Entry:
    """A cart as an operator sees it: no key, no address, no checkout URL.

    `name` begins with the twelve characters that logs show.
    """

    name: str
    created: datetime | None
    expires_seconds: int
    record: Record | None


class CartAdmin:
    """All carts of one Redis."""

    def __init__(self, client: redis.Redis, seal: Seal) -> None:
        self._client = client
        self._seal = seal

    def names(self, beginning: str = "", site: str = "") -> Iterator[str]:
        """Names of carts with this beginning, only of that site (`sessions.site_name`) if given."""
        before, after = record_key("*").split("*")
        pattern = record_key(f"{beginning}*{site}")
        with typed_errors("list"):
            for key in self._client.scan_iter(match=pattern, count=_PAGE):
                yield bytes(key).decode(errors="replace").removeprefix(before).removesuffix(after)

    def look(self, name: str) -> Entry | None:
        """A cart, without extending its life; None when it is gone.

        Its record is None where this release can't read it, or no key that is set opens it.
        """
        key = record_key(name)
        text: bytes | None = read_value(self._client, "get", RECORD, key, operation="look")
        if text is None:
            return None
        with typed_errors("look"):
            left_ms = self._client.pttl(key)
        record = None
        with suppress(ValueError, StorageNewer, StorageUnavailable):
            record, _ = record_of(text.decode(), self._seal)
        made = datetime.fromtimestamp(record.made_ms / 1000, UTC) if record else None
        return Entry(name, made, max(0, left_ms // 1000), record)

    def revoke(self, names: Sequence[str]) -> None:
        """Delete the carts, which leave their room to others; answers to their keys expire."""
        revoked = {name.encode() for name in names}
        with typed_errors("revoke"):
            for key in self._client.scan_iter(f"{list_key('*')}*", _PAGE, _type="zset"):
                if waiting := revoked.intersection(
                    cast(list[bytes], self._client.zrange(key, 0, -1))
                ):
                    self._client.zrem(key, *waiting)
            for name in names:
                self._client.unlink(record_key(name))
                live_carts.remove(self._client, name)
