"""What a write's idempotency key stands for, and the answer that is kept under it."""

from __future__ import annotations

import base64
import hashlib
import re
from dataclasses import dataclass

import orjson

from cartproxy.compact import compact
from cartproxy.errors import Outcome
from cartproxy.model.cart import ItemResult, NewItem
from cartproxy.model.shape import checked

_OUTCOMES = {outcome[0]: outcome for outcome in Outcome}  # by its initial
_INITIAL = re.compile("|".join(_OUTCOMES))
_RESULT = {(int, _INITIAL, str | None), (int, _INITIAL, str | None, str)}


@dataclass(frozen=True, slots=True)
class IdempotencyKey:
    """A caller's key: `entry` names it within its cart and route, `fingerprint` its body."""

    entry: str
    fingerprint: str

    @classmethod
    def of(cls, key: str, route: str, path: str, body: bytes) -> IdempotencyKey:
        """The key for a call: its scope is the route, and the same key goes with the same body."""
        return cls(_digest(f"{route}\n{key}".encode()), _digest(f"{path}\n".encode() + body))


@dataclass(frozen=True, slots=True)
class Intent:
    """What a write is about to do: its key, the label for those behind it, what it means to add."""

    key: IdempotencyKey | None = None
    label: str = ""
    items: tuple[NewItem, ...] = ()


@dataclass(frozen=True, slots=True)
class KeptAnswer:
    """What is kept of an answer: the results, and whether a cart was made. The cart is not.

    In few characters: Redis keeps a cart's entries as a list, 240 bytes smaller than a table, as
    long as none has more than 64, of which 31 are not the answer.
    """

    results: tuple[ItemResult, ...] = ()
    created: bool = False

    def encode(self) -> str:
        """As text."""
        results = [
            [each.index, each.outcome[0], each.item_id, *([] if each.code is None else [each.code])]
            for each in self.results
        ]
        return compact([int(self.created), *results])

    @classmethod
    def decode(cls, text: str | bytes) -> KeptAnswer:
        """From text. Raises ValueError for anything else."""
        created, *results = checked(orjson.loads(text), list) or [None]
        checked([created, results], (range(2), [_RESULT]))
        return cls(
            tuple(
                ItemResult(index, _OUTCOMES[initial], *more) for index, initial, *more in results
            ),
            bool(created),
        )


def _digest(text: bytes) -> str:
    """96 bits, in the fewest characters that text may have without a blank."""
    return base64.urlsafe_b64encode(hashlib.sha256(text).digest()[:12]).decode()
