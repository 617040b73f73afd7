"""What Redis holds of one cart, and its form there (record format 5; its lines: `record.lua`)."""

from __future__ import annotations

import hashlib
import re
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import Any

import orjson

from cartproxy.carts.doubt import Doubt, item_as_json, item_from_json
from cartproxy.compact import compact
from cartproxy.model.cart import EMPTY, ITEM, NewItem, Snapshot
from cartproxy.model.shape import TIME_MS, checked
from cartproxy.records.seal import Seal
from cartproxy.storage.errors import StorageNewer

FORMAT = "5:"
_TEXT = re.compile(r"([0-9]{1,14}) (\S+) ([0-9]{1,14})\n([^\n]*)(.*)", re.ASCII | re.DOTALL)
_STATE_TYPES = [str, int, int, int, dict, list]
_DOUBT = (str, TIME_MS, [ITEM], dict)


@dataclass(frozen=True, slots=True, repr=False)
class Record:
    """What Redis holds of one cart.

    `as_of_ms` is when the snapshot was read, `outdated` says that a write has come since; `written`
    are the lines that such writes have made or changed, by id, with the quantity they have now.
    `lost` says that the cart was found gone at the store, with things in it. `doubts` are adds
    whose outcome is not known yet, `intents` what dead writers meant to add, in the form of the
    record. `checkout_at_ms` is when a checkout URL was last handed out; `revision` names the last
    write, `made_ms` is when the first one made the record. The last three are Redis' to set.
    """

    order_key: str
    snapshot: Snapshot = EMPTY
    as_of_ms: int = 0
    outdated: bool = True
    lost: bool = False
    written: Mapping[str, NewItem] = field(default_factory=dict)
    doubts: tuple[Doubt, ...] = ()
    intents: str = ""
    checkout_at_ms: int | None = None
    revision: str = ""
    made_ms: int = 0

    def state(self, seal: Seal) -> str:
        """All that no script reads, in one line.

        A string beside what the scripts read, and not the fields of a hash, which weigh 240 bytes
        more: with a value over 64 bytes Redis keeps a hash as a table.
        """
        state = [
            self.order_key,
            self.as_of_ms,
            int(self.outdated),
            int(self.lost),
            {item_id: item_as_json(item) for item_id, item in self.written.items()},
            [doubt.as_json() for doubt in self.doubts],
        ]
        return seal.close(f"{FORMAT}{compact(state)}\t{self.snapshot.text}")

    @classmethod
    def from_text(cls, text: str, seal: Seal) -> Record:
        """The record as the scripts keep it; its intents stay as they are kept, sealed.

        Raises ValueError for what is none, StorageNewer for one in a format that this release does
        not know, and StorageUnavailable for one that no key opens.
        """
        found = _TEXT.fullmatch(text)
        if found is None:
            raise ValueError("Not a record.")
        made_ms, revision, checkout_at_ms, state, intents = found.groups()
        version, colon, rest = seal.open(state).partition(":")
        if version not in READERS:
            if colon and version.isascii() and version.isdecimal():
                raise StorageNewer("The cart was written by another release.")
            raise ValueError("Not the state of a record.")
        return cls(
            **READERS[version](rest),
            intents=intents[1:],
            checkout_at_ms=int(checkout_at_ms) or None,
            revision=revision,
            made_ms=int(made_ms),
        )

    def lines(self) -> dict[str, NewItem]:
        """Every line that should be at the store, by id, as the shopper chose it."""
        read = {
            line.item_id: NewItem(line.catalog_id, line.quantity, line.chosen)
            for line in self.snapshot.items
        }
        return {
            item_id: item for item_id, item in (read | dict(self.written)).items() if item.quantity
        }

    def quantities(self) -> dict[str, Decimal]:
        """The quantity of every line, by id."""
        return {item_id: item.quantity for item_id, item in self.lines().items()}

    def quantity(self, item_id: str) -> Decimal:
        """The quantity of a line; 0 where there is none."""
        line = self.written.get(item_id) or self.snapshot.item(item_id)
        return line.quantity if line else Decimal(0)

    def wrote(self, lines: Mapping[str, NewItem]) -> Record:
        """The record after acknowledged writes: these lines are now so, a quantity of 0 is gone."""
        return replace(self, outdated=True, written={**self.written, **lines}) if lines else self

    def outdate(self) -> Record:
        """The record whose snapshot stands no longer."""
        return self if self.outdated else replace(self, outdated=True)

    def lose(self) -> Record:
        """The record whose cart was found gone, with things in it."""
        return replace(self, outdated=True, lost=True)

    def with_doubts(self, doubts: tuple[Doubt, ...]) -> Record:
        """The record with these adds in doubt."""
        return self if doubts == self.doubts else replace(self, doubts=doubts)

    def read(self, snapshot: Snapshot, as_of_ms: int, doubts: tuple[Doubt, ...]) -> Record:
        """The record after a reading; what was chosen stays with its line, the store forgets it."""
        chosen = {line.item_id: line.chosen for line in self.snapshot.items}
        chosen |= {item_id: item.options for item_id, item in self.written.items()}
        for doubt in doubts:
            chosen |= {item_id: doubt.items[at].options for at, item_id in doubt.found.items()}
        lines = tuple(
            line._replace(chosen=chosen[line.item_id]) if chosen.get(line.item_id) else line
            for line in snapshot.items
        )
        return replace(
            self,
            snapshot=replace(snapshot, items=lines),
            as_of_ms=as_of_ms,
            outdated=False,
            lost=False,
            written={},
            doubts=doubts,
        )


def _format_5(text: str) -> dict[str, Any]:
    """The fields of a record in format 5, which version 0.1 writes. Raises ValueError."""
    state, _, snapshot = text.partition("\t")
    fields = checked(orjson.loads(state), list)
    if [*map(type, fields)] != _STATE_TYPES or not fields[0]:
        raise ValueError("Not the fields of a record.")
    key, as_of_ms, outdated, lost, written, doubts = fields
    checked(as_of_ms, TIME_MS)
    for _, _, items, seen in checked(doubts, [_DOUBT]):
        checked([*seen.values()], [str])
        if not seen.keys() <= {str(place) for place in range(len(items))}:
            raise ValueError("A doubt about items that it does not have.")
    return {
        "order_key": key,
        "snapshot": Snapshot.from_text(snapshot),
        "as_of_ms": as_of_ms,
        "outdated": bool(outdated),
        "lost": bool(lost),
        "written": {
            item_id: item_from_json(checked(raw, ITEM)) for item_id, raw in written.items()
        },
        "doubts": tuple(Doubt.from_json(raw) for raw in doubts),
    }


# What this release reads. Another format is never overwritten: a newer release may have written it.
READERS: dict[str, Callable[[str], dict[str, Any]]] = {"5": _format_5}


@dataclass(frozen=True, slots=True, repr=False)
class Loaded:
    """A record, or None where there is none, with Redis' time when it was loaded, in ms.

    `busy` says that a write is at work on it or waits.
    """

    record: Record | None
    at_ms: int
    at_monotonic: float
    busy: bool = False

    def now_ms(self) -> int:
        """Redis' time now, by this machine's monotonic clock since the load."""
        return self.at_ms + int((time.monotonic() - self.at_monotonic) * 1000)


def entity_tag(snapshot: Snapshot) -> str:
    """A strong entity tag, quoted, of what is in the cart; when it was read is no part of it."""
    return f'"{hashlib.sha256(snapshot.text.encode()).hexdigest()[:24]}"'
