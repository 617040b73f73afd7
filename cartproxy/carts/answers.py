"""What a use case takes and answers, and what is kept of answers under idempotency keys."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass

from cartproxy.carts.drive import Drive
from cartproxy.carts.errors import ItemNotFound, NothingApplied, OutcomeUnknown
from cartproxy.carts.fold import released
from cartproxy.deadline import Deadline
from cartproxy.errors import CartProxyError, Outcome
from cartproxy.model.cart import (
    Cart,
    Change,
    ItemResult,
    Restored,
    RestoredLine,
)
from cartproxy.model.changes import altered, between
from cartproxy.model.copies import replace
from cartproxy.model.keys import IdempotencyKey, KeptAnswer
from cartproxy.model.record import REFUSED, Record
from cartproxy.model.wishes import KEYLESS, RESTORED, Phase, Wish
from cartproxy.store.errors import StoreRejected
from cartproxy.store.limits import Payer

_KEPT_REQUESTS = 32  # with something open: a shopper has a few at most


@dataclass(frozen=True, slots=True)
class Terms:
    """How a request is wanted: `if_match` lists the entity tags (or `*`) the cart must have.

    `minimal` asks for the write only: no read-back, and no cart in the answer. `key` makes the
    write one that may be sent again. `admit_creation` is asked before a new cart is made, and may
    raise RateLimited. `site` is where the shopper is, for the books.
    """

    deadline: Deadline
    if_match: Collection[str] | None = None
    minimal: bool = False
    key: IdempotencyKey | None = None
    payers: Sequence[Payer] = ()
    admit_creation: Callable[[], None] = lambda: None
    site: str = ""


@dataclass(frozen=True, slots=True)
class Written:
    """What a write did: the cart (None when a minimal answer was asked for), a result per item.

    `created` says that the cart was made, `replayed` that the same request had been answered
    before, `restored` what became of a cart that had vanished at the store.
    """

    cart: Cart | None
    results: tuple[ItemResult, ...] = ()
    created: bool = False
    replayed: bool = False
    restored: Restored | None = None


@dataclass(frozen=True, slots=True)
class Sending:
    """A checkout that goes on with the next request, in `retry_after` seconds: so many of the
    pending lines are at the store.
    """

    sent: int
    of: int
    retry_after: int


def now_of(result: ItemResult, record: Record) -> ItemResult:
    """An earlier result, as it is true now."""
    if result.outcome is not Outcome.PENDING or result.item_id is None:
        return result
    for wish in record.wishes:
        # A refused wish may be sent again if the cart turns out to be gone.
        if wish.owed and not wish.has_landed and result.item_id in (wish.replaces, wish.sets):
            return result
    if record.names.get(result.item_id) == REFUSED:
        return ItemResult(result.index, Outcome.NOT_APPLIED, code=StoreRejected.code)
    return ItemResult.applied(result.index, record.current_id(result.item_id))


def results_of(
    record: Record, drive: Drive, parts: int
) -> tuple[tuple[ItemResult, ...], NothingApplied | None]:
    """The result of each part of a request, in its order.

    And the error of a request if no part took effect, or none is known to have.
    """
    own = {wish.index: wish for wish in record.wishes if wish.entry == drive.aim.entry}
    kept = {wish.replaces: wish for wish in record.wishes if wish.owed and not wish.has_landed}
    results, errors = [], []
    for index in range(parts):
        wish = own.get(index)
        result, error = _result_of(wish, index, drive)
        if wish is not None and wish.has_landed and wish.sets and wish.sets in kept:
            add = kept[wish.sets]  # it is made by what is kept here, or not at all
            if add.is_open:
                result = ItemResult.pending(index, wish.sets)
            else:
                error = StoreRejected(add.reason)
                result = ItemResult(index, Outcome.NOT_APPLIED, code=error.code)
        results.append(result)
        if error is not None:
            errors.append(error)
    if not errors or len(errors) < parts:
        return tuple(results), None
    unknown = (error for error in errors if error.outcome is Outcome.UNKNOWN)
    return tuple(results), NothingApplied(next(unknown, errors[0]), tuple(results))


def _result_of(
    wish: Wish | None, index: int, drive: Drive
) -> tuple[ItemResult, CartProxyError | None]:
    error = drive.errors.get((drive.aim.entry, index))
    # The store's unusable answer to a change stays one; an add that was found in the cart landed.
    doubtful = wish is not None and wish.sets and error and error.outcome is Outcome.UNKNOWN
    if wish is not None and wish.owed and wish.is_open:
        return ItemResult.pending(index, wish.replaces or wish.sets), None
    if wish is not None and wish.has_landed and not doubtful:
        return ItemResult.applied(index, wish.line_id), None
    if wish is not None and wish.phase is Phase.SENT and not isinstance(error, OutcomeUnknown):
        error = OutcomeUnknown(because=error or drive.stopped)
    outcome = (error and error.outcome) or Outcome.NOT_APPLIED
    error = error or drive.stopped or ItemNotFound("The cart has no such line.")
    return ItemResult(index, outcome, code=error.code), error


def closed(record: Record, own: str) -> tuple[Record, dict[str, KeptAnswer]]:
    """The record without the wishes of requests that are known, and the answers to keep for those.

    The request `own` knows its answer itself. Of others a reading must have shown the lines. Those
    with nothing done, and none in doubt, begin again if they come again.
    """
    record = released(record, own)
    entries = list(dict.fromkeys(wish.entry for wish in record.wishes if wish.entry != RESTORED))
    answers = {}
    over = set()
    for entry in entries:
        wishes = [wish for wish in record.wishes if wish.entry == entry]
        phases = {wish.phase for wish in wishes}
        if Phase.SENT in phases:
            continue
        keyless = entry.startswith(KEYLESS)
        if entry == own or Phase.LANDED not in phases:
            over.add(entry)
        elif not record.outdated and (keyless or Phase.WAITING not in phases):
            over.add(entry)
            if not keyless:
                answers[entry] = KeptAnswer(tuple(map(_result, wishes)))
    left = [entry for entry in entries if entry not in over]
    over.update(left[:-_KEPT_REQUESTS])
    wishes_left = tuple(wish for wish in record.wishes if wish.entry not in over)
    return replace(record, wishes=wishes_left), answers


def _result(wish: Wish) -> ItemResult:
    if wish.has_landed:
        return ItemResult.applied(wish.index, wish.line_id)
    return ItemResult(wish.index, Outcome.NOT_APPLIED, code=wish.code)


def reported(record: Record) -> tuple[Record, Restored | None]:
    """The record that owes nothing more, and what happened to the lines of a vanished cart.

    What is worse than the shopper was shown goes into the record's changes. Nothing is done while a
    line or a reading is still missing.
    """
    wishes = [wish for wish in record.wishes if wish.owed]
    if not wishes or record.owes or record.outdated:
        return record, None
    lines: dict[str, list[RestoredLine]] = {"kept": [], "repriced": [], "gone": []}
    changes: list[Change] = []
    names = dict(record.names)
    for wish in wishes:
        if wish.sets:
            changes += _unchanged(record, wish)
            if wish.phase is Phase.REFUSED:
                names.setdefault(wish.sets, REFUSED)
            elif names.get(wish.sets) == REFUSED:
                del names[wish.sets]
            continue
        line = record.snapshot.item(wish.line_id) if wish.has_landed else None
        # What a line's quantity should be, `saw` knows.
        asked = replace(wish.item, quantity=line.quantity) if line else wish.item
        changes += between(wish.replaces, asked, wish.line, line, wish.reason)
        if wish.is_new:
            names[wish.replaces] = REFUSED if wish.phase is Phase.REFUSED else wish.line_id
        elif line is None:
            name = wish.line.name if wish.line else ""
            gone = RestoredLine(wish.item.catalog_id, name, wish.item.quantity, None)
            lines["gone"].append(gone)
        else:
            same = wish.line is None or wish.line.price == line.price
            lines["kept" if same else "repriced"].append(
                RestoredLine(line.catalog_id, line.name, line.quantity, line.item_id)
            )
    now = {wish.replaces: wish.line_id for wish in wishes if wish.replaces and wish.has_landed}
    names = {name: now.get(line_id, line_id) for name, line_id in names.items()}
    there = {
        name: line_id
        for name, line_id in names.items()
        if line_id == REFUSED or record.snapshot.item(line_id)
    }
    left = tuple(wish for wish in record.wishes if not wish.owed)
    changed = replace(record, wishes=left, changes=(*record.changes, *changes), names=there)
    restored = Restored(*map(tuple, lines.values())) if any(lines.values()) else None
    return changed, restored


def _unchanged(record: Record, wish: Wish) -> Iterator[Change]:
    """What the store has refused of a change that was answered as kept."""
    line = record.snapshot.item(record.current_id(wish.sets))
    if wish.phase is Phase.REFUSED and line is not None:
        yield altered(wish.item, line)._replace(reason=wish.reason)
