"""What a write's idempotency key stands for, and the answer that is kept under it."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from typing import Any

from cartproxy.carts.errors import Outcome
from cartproxy.carts.models import ItemResult

_OUTCOMES = {outcome.value: outcome for outcome in Outcome}


@dataclass(frozen=True, slots=True)
class IdempotencyKey:
    """A caller's key: `entry` names it within its cart and route, `fingerprint` its body."""

    entry: str
    fingerprint: str

    @classmethod
    def of(cls, key: str, route: str, path: str, body: bytes) -> IdempotencyKey:
        """The key for a call: its scope is the route, and the same key goes with the same body."""
        entry = hashlib.sha256(f"{route}\n{key}".encode()).hexdigest()[:24]
        fingerprint = hashlib.sha256(f"{path}\n".encode() + body).hexdigest()[:24]
        return cls(entry, fingerprint)


@dataclass(frozen=True, slots=True)
class Intent:
    """What a write is about to do: its key, the label for those behind it, what it means to add."""

    key: IdempotencyKey | None = None
    label: str = ""
    items_json: tuple[Any, ...] = ()

    def text(self, owner: str) -> str:
        """For the record, so that a dead writer's adds can be settled; empty without any."""
        if not self.items_json:
            return ""
        entry = self.key.entry if self.key else ""
        return json.dumps([owner, entry, self.items_json], separators=(",", ":"))


@dataclass(frozen=True, slots=True)
class KeptAnswer:
    """What is kept of an answer: the results, and whether a cart was made. The cart is not."""

    results: tuple[ItemResult, ...] = ()
    created: bool = False

    def encode(self) -> str:
        """As text."""
        results = [[each.index, each.outcome, each.item_id, each.code] for each in self.results]
        return json.dumps([int(self.created), results], separators=(",", ":"))

    @classmethod
    def decode(cls, text: str) -> KeptAnswer:
        """From text."""
        created, results = json.loads(text)
        return cls(
            tuple(
                ItemResult(index, _OUTCOMES[outcome], item_id, code)
                for index, outcome, item_id, code in results
            ),
            bool(created),
        )
