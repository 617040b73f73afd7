"""The form in which Redis holds a record: format 6, or 5, which release 0.1 reads and writes.

What the scripts see of it: `record.lua`.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from decimal import Decimal
from itertools import groupby
from operator import attrgetter
from typing import Any

import orjson

from cartproxy.compact import compact
from cartproxy.model.cart import ITEM, Change, LineItem, LineState, NewItem, Snapshot
from cartproxy.model.copies import replace
from cartproxy.model.order import Ordered
from cartproxy.model.record import BLANK, Meant, Record
from cartproxy.model.shape import DECIMAL, TIME_MS, checked
from cartproxy.model.wishes import KEYLESS, OURS, Phase, Wish
from cartproxy.records.seal import Seal
from cartproxy.storage.errors import StorageNewer

NEWEST_FORMAT = 6
_ALWAYS = 3  # fields of the state; the others are left out at the end where they are empty
_PHASES = {phase[0]: phase for phase in Phase}  # by the initial
_HEAD = re.compile(r"([0-9]{1,14}) (\S+) ([0-9]{1,14})")
_OWN_NAME = re.compile(OURS + "([0-9]{1,9})", re.ASCII)
_FLAG = range(2)
_INTENT = (str, str, [ITEM])
_WISH = (
    *(str, TIME_MS, ITEM, str, re.compile("|".join(_PHASES)), TIME_MS, str),
    *(_FLAG, _FLAG, str, str, str, list | None),
)
_CHANGE = (str, int, str, str, DECIMAL, DECIMAL, str)
_STATE = (str | None, TIME_MS, _FLAG, dict, [_WISH], [_CHANGE], dict, TIME_MS, int | None)
_STATE_5 = (str, TIME_MS, _FLAG, _FLAG, dict, [(str, TIME_MS, [ITEM], dict)])


def state_of(record: Record, seal: Seal, written_format: int = NEWEST_FORMAT) -> str:
    """All of a record that no script reads, in one line, in this format.

    A string beside what the scripts read, and not the fields of a hash, which weigh 240 bytes
    more: with a value over 64 bytes Redis keeps a hash as a table.
    """
    since = {line_id: item.as_json() for line_id, item in record.since.items()}
    if written_format == NEWEST_FORMAT:
        state, snapshot = _as_format_6(record, since), record.snapshot
    else:
        state, snapshot = _as_format_5(record, since), _without_states(record.shown)
    return seal.close(f"{written_format}:{compact(state)}\t{snapshot.text}")


def _as_format_6(record: Record, since: dict[str, Any]) -> list[Any]:
    state: list[Any] = [
        record.order_key,
        record.as_of_ms,
        int(record.outdated),
        since,
        [_wish_as_json(wish) for wish in record.wishes],
        [[*change[:4], *map(str, change[4:])] for change in record.changes],
        dict(record.names),
        record.named,
        record.customer_id,
    ]
    while len(state) > _ALWAYS and not state[-1]:
        del state[-1]
    return state


def _as_format_5(record: Record, since: dict[str, Any]) -> list[Any]:
    """A cart that is incomplete at the store counts as gone: 0.1 makes all of it again."""
    gone = record.owes or record.order_key is None
    adds = (wish for wish in record.wishes if not wish.owed and not wish.sets)
    doubts = []
    for entry, group in groupby(adds, key=attrgetter("entry")):
        wishes = list(group)
        found = {str(wish.index): wish.line_id for wish in wishes if wish.has_landed}
        items = [wish.item.as_json() for wish in wishes]
        since_ms = max(wish.at_ms for wish in wishes)
        doubts.append(["" if entry.startswith(KEYLESS) else entry, since_ms, items, found])
    key = "gone" if gone else record.order_key
    return [key, record.as_of_ms, int(record.outdated or gone), int(gone), since, doubts]


def _without_states(snapshot: Snapshot) -> Snapshot:
    lines = (line._replace(state=LineState.IN_STORE) for line in snapshot.items)
    return Snapshot(tuple(lines), snapshot.checkout_url)


def record_of(text: str, seal: Seal) -> tuple[Record, str]:
    """The record in the form in which the scripts keep it, and beside it the intents as kept.

    Raises ValueError for what is none, StorageNewer for one in a format that this release does not
    know, and StorageUnavailable for one that no key opens.
    """
    head, _, rest = text.partition("\n")
    sealed, _, intents = rest.partition("\n")
    found = _HEAD.fullmatch(head)
    if found is None:
        raise ValueError("Not a record.")
    made_ms, revision, checkout_at_ms = found.groups()
    version, colon, state = seal.open(sealed).partition(":")
    if version not in _READERS:
        if colon and version.isascii() and version.isdecimal():
            raise StorageNewer("The cart was written by another release.")
        raise ValueError("Not the state of a record.")
    record = replace(
        BLANK,
        **_READERS[version](state),
        checkout_at_ms=int(checkout_at_ms) or None,
        revision=revision,
        made_ms=int(made_ms),
    )
    return record, intents


def intent_text(owner: str, entry: str, items: Iterable[NewItem]) -> str:
    """What a write leaves in the record while it is at work: what it may have added if it dies."""
    return compact([owner, entry, [item.as_json() for item in items]])


def intent_of(text: str) -> Meant:
    """Entry and items of such a text. Raises ValueError for any other."""
    _, entry, items = checked(orjson.loads(text), _INTENT)
    return entry, tuple(map(NewItem.from_json, items))


def _wish_as_json(wish: Wish) -> list[Any]:
    return [
        wish.entry,
        wish.index,
        wish.item.as_json(),
        wish.sets,
        wish.phase[0],
        wish.at_ms,
        wish.line_id,
        int(wish.owed),
        int(wish.final),
        wish.code,
        wish.reason,
        wish.replaces,
        wish.line and wish.line.as_json(),
    ]


def _wish(raw: list[Any]) -> Wish:
    entry, index, item, sets, phase, at_ms, line_id, owed, final, code, reason, *more = raw
    replaces, line = more
    return Wish(
        entry,
        index,
        NewItem.from_json(item),
        sets,
        _PHASES[phase],
        at_ms,
        line_id,
        bool(owed),
        bool(final),
        code,
        reason,
        replaces,
        None if line is None else LineItem.from_json(line),
    )


_EMPTY: list[Any] = [None, 0, 0, {}, [], [], {}, 0, None]
_NOTHING_OPEN = [[str, int, int], [type(None), int, int]]


def _format_6(text: str) -> dict[str, Any]:
    state, _, snapshot = text.partition("\t")
    fields = orjson.loads(state)
    # Every read of a cart passes here, and most carts have nothing open.
    if type(fields) is not list or [*map(type, fields)] not in _NOTHING_OPEN:
        fields = checked(fields, list)
        fields = checked(fields + _EMPTY[len(fields) :], _STATE)
    key, as_of_ms, outdated, *more = fields
    if not (as_of_ms in TIME_MS and outdated in _FLAG):
        raise ValueError("Not a time, or not a flag.")
    known = {
        "order_key": key,
        "snapshot": Snapshot.from_text(snapshot),
        "as_of_ms": as_of_ms,
        "outdated": bool(outdated),
    }
    if not more:
        return known
    since, wishes, changes, names, named, customer_id = more
    checked([*names.values()], [str])
    return known | {
        "since": {line_id: NewItem.from_json(raw) for line_id, raw in since.items()},
        "wishes": tuple(map(_wish, wishes)),
        "changes": tuple(
            Change(item_id, catalog_id, name, change, Decimal(was), Decimal(now), reason)
            for item_id, catalog_id, name, change, was, now, reason in changes
        ),
        "names": names,
        "named": named,
        "customer_id": customer_id,
    }


def _format_5(text: str) -> dict[str, Any]:
    """What release 0.1 writes: adds in doubt by request, and a mark for a cart found gone."""
    state, _, snapshot = text.partition("\t")
    key, as_of_ms, outdated, _, written, doubts = checked(orjson.loads(state), _STATE_5)
    wishes = []
    for number, (entry, since_ms, items, found) in enumerate(doubts):
        checked([*found.values()], [str])
        for index, raw in enumerate(items):
            wish = Wish(entry or f"{KEYLESS}{number}", index, NewItem.from_json(raw))
            line_id = found.get(str(index))
            wishes.append(wish.landed(line_id, since_ms) if line_id else wish.sent(since_ms))
    lines = Snapshot.from_text(snapshot)
    ours = (_OWN_NAME.fullmatch(line.item_id) for line in lines.items)
    return {
        "order_key": key,
        "snapshot": lines,
        "as_of_ms": as_of_ms,
        "outdated": bool(outdated),
        "since": {line_id: NewItem.from_json(raw) for line_id, raw in written.items()},
        "wishes": tuple(wishes),
        # Pending lines keep their names in this form, and no other line may get one of them.
        "named": max((int(name[1]) for name in ours if name), default=0),
    }


_READERS: dict[str, Callable[[str], dict[str, Any]]] = {"6": _format_6, "5": _format_5}


@dataclass(frozen=True, repr=False)
class Loaded:
    """A record, or None where there is none, with Redis' time when it was loaded, in ms.

    `busy` says that a write is at work on it or waits; `intents` are the record's as they are kept;
    `ordered` is what was bought with the cart, if that is still to be shown.
    """

    record: Record | None
    at_ms: int
    at_monotonic: float
    busy: bool = False
    intents: str = ""
    ordered: Ordered | None = None

    def now_ms(self) -> int:
        """Redis' time now, by this machine's monotonic clock since the load."""
        return self.at_ms + int((time.monotonic() - self.at_monotonic) * 1000)
