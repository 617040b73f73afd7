"""Which call to make next.

Pure: it reads a record and an aim, and makes no call. One step at a time, since each answer may
change what is left to do.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum

from cartproxy.model.cart import Addresses
from cartproxy.model.record import Record
from cartproxy.model.wishes import Phase


class Step(Enum):
    """A call to the store that sends no wish."""

    CREATE = "make a cart, with the aim's addresses"
    ADDRESSES = "write the aim's addresses"
    LOOK = "read the cart"


@dataclass(frozen=True)
class Aim:
    """What a request is after.

    `entry`: whose wishes it may send, beside those that are owed. `began_ms`: when it began.
    `create`: a cart is wanted even with nothing in it. `look`: end with the store's own cart.
    `newer_than_ms`: begin with a reading newer than this. `created`: this request has made the
    cart. `halted`: send nothing more, only look.
    """

    entry: str
    began_ms: int = 0
    addresses: Addresses | None = None
    create: bool = False
    look: bool = True
    newer_than_ms: int = 0
    created: bool = False
    halted: bool = False


def next_step(record: Record, aim: Aim) -> Step | int | None:
    """The next call, or None when all is done that may be done now: a list of priorities.

    A number sends the wish at this place of the record.
    """
    if _must_look(record, aim):
        return Step.LOOK
    at = next(_sendable(record, aim), None)
    if record.order_key is None:
        return Step.CREATE if at is not None or (aim.create and not aim.halted) else None
    if at is not None:
        return at
    if aim.addresses and not aim.halted:
        return Step.ADDRESSES
    return Step.LOOK if aim.look and record.outdated else None


def foreseen(record: Record, aim: Aim) -> int:
    """How many calls the steps are if each goes well."""
    looks = _must_look(record, aim)
    writes = sum(1 for _ in _sendable(record, aim, all_known=True))
    if record.order_key is not None:
        writes += bool(aim.addresses)
    elif writes or aim.create:
        writes += 1
    ends = aim.look and (writes > 0 or (record.outdated and not looks))
    return looks + writes + ends


def _must_look(record: Record, aim: Aim) -> bool:
    """Whether only a reading can show what to do next."""
    if record.order_key is None:
        return False
    for wish in record.wishes:
        mine = wish.owed or wish.entry == aim.entry
        since_ms = wish.at_ms if wish.owed else max(wish.at_ms, aim.began_ms)
        if wish.phase is Phase.SENT and mine and record.as_of_ms < since_ms:
            return True
    refused = takes_nothing(record, aim) and not aim.created
    return record.as_of_ms < (aim.began_ms if refused else aim.newer_than_ms)


def takes_nothing(record: Record, aim: Aim) -> bool:
    """Whether the store has refused every add of a request.

    A cart that is gone, or that became an order, looks like this.
    """
    adds = [w for w in record.wishes if (w.owed or w.entry == aim.entry) and not w.sets]
    return any(wish.phase is Phase.REFUSED for wish in adds) and not any(
        wish.waits or (wish.has_landed and wish.at_ms >= aim.began_ms) for wish in adds
    )


def _sendable(record: Record, aim: Aim, *, all_known: bool = False) -> Iterator[int]:
    """The places of wishes that this request may send: changes first, else in their order.

    An add that the store merges into a line would be undone by that line's change. With an answer
    missing, the rest of its request waits until it is known.
    """
    sent = (w for w in record.wishes if w.phase is Phase.SENT and w.entry == aim.entry)
    unknown = not all_known and any(sent)
    for at, wish in sorted(enumerate(record.wishes), key=lambda each: not each[1].sets):
        mine = wish.owed or (wish.entry == aim.entry and not unknown)
        # Another cart's line is never named to the store.
        there = not wish.sets or bool(record.quantity(record.current_id(wish.sets)))
        there |= all_known and any(wish.sets == each.replaces for each in record.wishes)
        if mine and wish.waits and there and not aim.halted:
            yield at
