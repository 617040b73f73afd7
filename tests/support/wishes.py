"""Lines, wishes and records in few words, for tests of what is pure."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import Any

from cartproxy.model.cart import LineItem, NewItem, Snapshot
from cartproxy.model.record import Record
from cartproxy.model.wishes import RESTORED, Phase, Wish

MUG, SHIRT = 3829, 3828
LANDED, SENT, WAITING, REFUSED = Phase.LANDED, Phase.SENT, Phase.WAITING, Phase.REFUSED


def line(item_id: str, quantity: float = 1, catalog_id: int = MUG, **more: Any) -> LineItem:
    """A line of a cart, at 1.00 a piece."""
    count, one = Decimal(str(quantity)), Decimal("1.00")
    plain = LineItem(item_id, catalog_id, "", "Mug", (), count, one, Decimal(0), count * one, None)
    return plain._replace(**more)


def cart(*lines: LineItem) -> Snapshot:
    return Snapshot(lines)


def item(quantity: float = 1, catalog_id: int = MUG) -> NewItem:
    return NewItem(catalog_id, Decimal(str(quantity)))


def wish(phase: Phase = WAITING, quantity: float = 1, **more: Any) -> Wish:
    """An add of the request `own`, unless `entry` names another."""
    more = {"entry": "own", "index": 0, **more}
    return Wish(item=item(quantity), phase=phase, **more)


def change(line_id: str, quantity: float, **more: Any) -> Wish:
    """A change of a line's quantity, of the request `own`."""
    return replace(wish(sets=line_id, **more), item=item(quantity, catalog_id=0))


def owed(replaces: str, phase: Phase = WAITING, quantity: float = 1, **more: Any) -> Wish:
    """A wish that puts a line of a vanished cart back."""
    more = {"entry": RESTORED, "line": line(replaces, quantity), **more}
    return wish(phase, quantity, owed=True, replaces=replaces, **more)


def record(*wishes: Wish, lines: tuple[LineItem, ...] = (), **more: Any) -> Record:
    """The record of a cart as read a moment ago."""
    more = {"order_key": "key", "as_of_ms": 1000, "outdated": False, **more}
    return Record(snapshot=Snapshot(lines), wishes=wishes, **more)
