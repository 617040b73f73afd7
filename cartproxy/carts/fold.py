"""What an answer of the store means for a record. Pure: from a record to the next one."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from decimal import Decimal

from cartproxy.carts.claims import explain
from cartproxy.errors import CartProxyError
from cartproxy.model.cart import EMPTY, Change, LineItem, NewItem, QuantityChange, Snapshot
from cartproxy.model.changes import altered
from cartproxy.model.copies import replace
from cartproxy.model.record import Record, with_wish
from cartproxy.model.wishes import OURS, RESTORED, Phase, Wish


def wishing(record: Record, entry: str, parts: Sequence[NewItem | QuantityChange]) -> Record:
    """The record with a wish for each part; parts that an earlier attempt completed are kept.

    What the store refused then may be sent again. A new change replaces one that is owed.
    """
    known = {wish.index for wish in record.wishes if wish.entry == entry}
    new = [_new(record, entry, at, part) for at, part in enumerate(parts) if at not in known]
    changed = {wish.sets for wish in new if wish.sets}
    wishes = tuple(
        wish.waiting() if wish.entry == entry and wish.phase is Phase.REFUSED else wish
        for wish in record.wishes
        if not (wish.owed and wish.sets in changed)
    )
    return replace(record, wishes=(*wishes, *new))


def _new(record: Record, entry: str, index: int, part: NewItem | QuantityChange) -> Wish:
    if isinstance(part, NewItem):
        return Wish(entry, index, part)
    line_id = record.names.get(part.item_id) or part.item_id
    return Wish(entry, index, NewItem(0, part.quantity), sets=line_id)


def owing(record: Record, entry: str, lines: Mapping[int, LineItem]) -> Record:
    """The record that owes to the store what this request has not had done.

    Adds with a line, as it is estimated, in `lines` by their place in the request; and changes, of
    which the last of each line counts. One that the store has taken and not shown is shown so.
    """
    wishes: list[Wish] = []
    named, shown = record.named, record.shown
    back = {wish.replaces for wish in record.wishes if wish.owed and wish.replaces}
    unread: dict[str, LineItem] = {}
    for wish in record.wishes:
        mine = wish.entry == entry
        if mine and wish.index in lines:
            line = lines[wish.index]._replace(chosen=wish.item.options)
            if wish.line_id in back:  # it landed in a cart that has vanished: it is owed already
                unread[wish.line_id] = line
            else:
                named += 1
                name = f"{OURS}{named}"
                line = line._replace(item_id=name)
                wish = replace(wish, owed=True, replaces=name, line=line)
        elif mine and wish.sets and wish.waits and shown.item(record.current_id(wish.sets)):
            wishes = [each for each in wishes if not (each.owed and each.sets == wish.sets)]
            wish = replace(wish, owed=True)
        wishes.append(wish)
    with_lines = (
        replace(wish, line=unread[wish.replaces]).of(wish.item.quantity)
        if wish.line is None and wish.replaces in unread
        else wish
        for wish in wishes
    )
    return replace(record, wishes=tuple(with_lines), named=named)


def still_owing(record: Record, entry: str, before: Record) -> Record:
    """The record after a request; what it has not replaced of what was owed `before` is still owed.

    A change that is owed goes when another one of its line is asked for, and that one may fail.
    """
    own = [wish for wish in record.wishes if wish.entry == entry and wish.sets]
    failed = {wish.sets for wish in own}
    failed -= {wish.sets for wish in own if wish.has_landed or wish.owed}
    again = [wish for wish in before.wishes if wish.owed and wish.sets in failed]
    if not again:
        return record
    free = _free_index(record)
    numbered = (replace(wish, index=free + at) for at, wish in enumerate(again))
    return _with_targets(asking(replace(record, wishes=(*numbered, *record.wishes))))


def inherited(record: Record, since_ms: int) -> Record:
    """The record in which all that dead writers may have sent counts as sent at `since_ms`."""
    if not record.intents:
        return record
    if record.order_key is None:
        return replace(record, intents=())  # a new cart's key is kept before anything is sent to it
    meant = {(entry, at): item for entry, items in record.intents for at, item in enumerate(items)}
    known = {wish.place for wish in record.wishes}
    new = (Wish(*place, item) for place, item in meant.items() if place not in known)
    record = replace(record, wishes=(*record.wishes, *new))
    return feared(record, {entry for entry, _ in record.intents}, since_ms)


def feared(record: Record, entries: Collection[str], until_ms: int) -> Record:
    """The record as the next writer must see it if this one dies: all may have been sent.

    By these entries, and by any what is owed. `until_ms` is the last moment at which it can have
    been: what was known to be absent may have been sent again.
    """
    wishes = (
        _perhaps_sent(wish, until_ms) if wish.owed or wish.entry in entries else wish
        for wish in record.wishes
    )
    return replace(record, wishes=tuple(wishes), intents=())


def _perhaps_sent(wish: Wish, at_ms: int) -> Wish:
    if wish.sets:
        return wish
    if wish.waits or wish.phase is Phase.REFUSED:
        return wish.sent(at_ms)
    return replace(wish, at_ms=at_ms, final=False)


def believed(record: Record, now_ms: int) -> Record:
    """The record without times in the future, which remain when a clock was set back."""
    if record.as_of_ms > now_ms:
        record = replace(record, as_of_ms=0, outdated=True)
    if any(wish.at_ms > now_ms for wish in record.wishes):
        wishes = (replace(wish, at_ms=min(wish.at_ms, now_ms)) for wish in record.wishes)
        record = replace(record, wishes=tuple(wishes))
    return record


def landed(record: Record, at: int, line_id: str, now_ms: int) -> Record:
    """The store has confirmed the wish as this line, or as a part of it.

    A change of that line that is still owed was asked of what it was before.
    """
    wish = record.wishes[at]
    if wish.sets:
        line = replace(record.lines()[line_id], quantity=wish.item.quantity)
    else:
        total = record.quantity(line_id) + wish.item.quantity
        line = replace(wish.item, quantity=total)
    wishes = [
        each.of(each.item.quantity + wish.item.quantity)
        if not wish.sets and _is_owed_change(each) and record.current_id(each.sets) == line_id
        else each
        for each in record.wishes
    ]
    wishes[at] = wish.landed(line_id, now_ms)
    since = {**record.since, line_id: line}
    record = replace(record, wishes=tuple(wishes), outdated=True, since=since)
    if not line.quantity:  # what the shopper has removed is not put back
        kept = tuple(w for w in record.wishes if not (w.owed and w.line_id == line_id))
        return replace(record, wishes=kept)
    return _followed(record, {wish.replaces: line_id}) if wish.replaces else record


def refused(record: Record, at: int, error: CartProxyError) -> Record:
    """The store does not take the wish."""
    wish = replace(record.wishes[at], phase=Phase.REFUSED, code=error.code, reason=error.detail)
    return with_wish(record, at, wish)


def unrefused(record: Record, entry: str) -> Record:
    """The record in which what the store refused of a request, and of what is owed, waits again."""
    wishes = (
        wish.waiting()
        if wish.phase is Phase.REFUSED and (wish.owed or wish.entry == entry)
        else wish
        for wish in record.wishes
    )
    return replace(record, wishes=tuple(wishes))


def lost(record: Record, at: int, now_ms: int, *, final: bool) -> Record:
    """It is not known whether the store took the wish; `final`: it has finished with the call.

    A change may be sent again, but until a reading shows the result, growth of its line is not
    attributed to adds.
    """
    wish = record.wishes[at]
    if wish.sets:
        line_id = record.current_id(wish.sets)
        since = {**record.since, line_id: record.lines()[line_id]}
        return replace(record, outdated=True, since=since)
    return with_wish(record, at, replace(record.wishes[at].sent(now_ms), final=final))


def asking(record: Record) -> Record:
    """The record in which changes of lines that are still to be sent have changed those wishes.

    A change that is owed changes even one that was refused: it may be sent again.
    """
    wishes = list(record.wishes)
    phases = (Phase.WAITING, Phase.REFUSED)
    back = {w.replaces: at for at, w in enumerate(wishes) if w.owed and w.phase in phases}
    for at, wish in enumerate(wishes):
        target = back.get(wish.sets) if wish.sets and wish.waits else None
        if target is not None and (wishes[target].waits or wish.owed):
            wishes[target] = wishes[target].of(wish.item.quantity)
            wishes[at] = wish.landed(wish.sets, 0)
    wanted = (wish for wish in wishes if wish.item.quantity or wish.sets or not wish.owed)
    return replace(record, wishes=tuple(wanted))


def as_asked(before: Record, after: Record) -> Record:
    """The record with what was open in it done: so its shopper will have seen it.

    As changes that are owed ask, and with the adds that `after` says have landed in known lines,
    since a store may merge lines; without a line that was confirmed, where `after` has another.
    """
    since = dict(before.since)
    lines = before.lines()
    for wish in before.wishes:
        line_id = before.current_id(wish.sets)
        if wish.owed and wish.sets and wish.is_open and line_id in lines:
            since[line_id] = lines[line_id] = replace(lines[line_id], quantity=wish.item.quantity)
    adds = {wish.place for wish in before.wishes if wish.is_open and not wish.sets}
    was = {w.place: w.line_id for w in before.wishes if w.has_landed and not w.sets}
    asked = {w.sets: w.item.quantity for w in before.wishes if w.owed and w.sets and w.is_open}
    for wish in after.wishes:
        if wish.place in adds and wish.has_landed and (line := lines.get(wish.line_id)):
            more = asked.get(wish.replaces, wish.item.quantity)
            line = replace(line, quantity=line.quantity + more)
            since[wish.line_id] = lines[wish.line_id] = line
        elif wish.has_landed and was.get(wish.place) not in (None, wish.line_id):
            since.pop(was[wish.place], None)
    return replace(before, since=since)


def released(record: Record, own: str) -> Record:
    """The record in which what a request owes belongs to no request: it has been answered."""
    free = _free_index(record)
    wishes = []
    for wish in record.wishes:
        if wish.owed and wish.entry == own:
            wish = replace(wish, entry=RESTORED, index=free)
            free += 1
        wishes.append(wish)
    return replace(record, wishes=tuple(wishes))


def saw(record: Record, snapshot: Snapshot, began_ms: int, settle_ms: int) -> Record:
    """The record after a reading that began then, which settles what it can.

    An add that was confirmed and does not show counts as sent, and not known. A sent one that no
    line explains is surely without effect once it is final or `settle_ms` old, and waits again.
    """
    for at, wish in enumerate(record.wishes):
        if wish.sets and wish.waits and record.quantity(known := record.current_id(wish.sets)):
            now = snapshot.item(known)
            if wish.item.quantity == (now.quantity if now else 0):
                record = landed(record, at, known, wish.at_ms)
    record = _as_shown(record, snapshot)
    wishes = list(record.wishes)
    sent = [wish for wish in wishes if wish.phase is Phase.SENT]
    back = {wish.line_id for wish in record.wishes if wish.owed and wish.has_landed}
    changes: list[Change] = []
    if sent or back:
        found, likely, left = explain(sent, record, snapshot)
        for at, wish in enumerate(wishes):
            if wish.phase is Phase.SENT:
                line = likely.get(wish.place)
                over = wish.final or began_ms - wish.at_ms >= settle_ms
                if wish.place in found:
                    wishes[at] = wish.landed(found[wish.place], wish.at_ms)
                elif line is not None and over:
                    wishes[at] = wish.landed(line.item_id, wish.at_ms)
                    changes.append(altered(wish.item, line))
                else:
                    wish = replace(wish, line_id=line.item_id if line else "")
                    wishes[at] = wish.waiting() if over else wish
        wishes = _with_parts(record, wishes, found, snapshot)
        unknown = {wish.item.catalog_id for wish in wishes if wish.phase is Phase.SENT}
        for line in snapshot.items:
            if line.item_id in back and left.get(line.item_id) and line.catalog_id not in unknown:
                asked = NewItem(line.catalog_id, line.quantity - left[line.item_id])
                changes.append(altered(asked, line))
    ids = {wish.replaces: wish.line_id for wish in wishes if wish.replaces and wish.has_landed}
    record = replace(
        record,
        snapshot=_with_chosen(snapshot, record, wishes),
        as_of_ms=began_ms,
        outdated=False,
        since={},
        wishes=tuple(wishes),
        changes=(*record.changes, *changes),
    )
    if any(wish.owed and wish.sets for wish in record.wishes):
        record = _with_targets(asking(record))
    return _followed(record, ids) if ids else record


def _with_parts(
    record: Record, wishes: list[Wish], found: Mapping[tuple[str, int], str], now: Snapshot
) -> list[Wish]:
    """The wishes, where changes of what the store has merged into one line set the whole line.

    Each was asked of a part of it: of what the line was before, or of an owed add that is `found`.
    """
    asked = {wish.sets: wish.item.quantity for wish in wishes if wish.sets and wish.waits}
    owed = {found[w.place] for w in wishes if asked and w.replaces and w.place in found}
    for line in now.items:
        # A change of a line that the record does not know yet is meant for all of it.
        is_whole = line.item_id in asked and not record.quantity(line.item_id)
        if line.item_id not in owed or is_whole:
            continue
        adds = [wish for wish in wishes if found.get(wish.place) == line.item_id]
        whole = line.quantity - sum((w.item.quantity for w in adds), Decimal(0))
        own = [at for at in asked if record.current_id(at) == line.item_id]
        if own:
            whole = asked[own[-1]]
        whole += sum((asked.get(w.replaces, w.item.quantity) for w in adds), Decimal(0))
        parts = {*own, *(wish.replaces for wish in adds)}
        wishes = [w.of(whole) if w.sets and w.waits and w.sets in parts else w for w in wishes]
    return wishes


def _with_targets(record: Record) -> Record:
    """The record without owed changes of lines that do not exist and will not."""
    open_names = {wish.replaces for wish in record.wishes if wish.owed and wish.is_open}
    wishes = (
        wish
        for wish in record.wishes
        if not (wish.owed and wish.sets and wish.waits)
        or wish.sets in open_names
        or record.quantity(record.current_id(wish.sets))
    )
    return replace(record, wishes=tuple(wishes))


def is_order(record: Record) -> bool:
    """Whether a vanished cart needs no replacement: it was paid for, or should be empty.

    While a line is still to be put back, no checkout is given out.
    """
    unfinished = any(wish.owed and not wish.has_landed for wish in record.wishes)
    return record.checkout_at_ms is not None or not (unfinished or record.lines())


def vanished(record: Record) -> Record:
    """The record after the store has lost its cart.

    If the cart became an order, its lines are dropped. Otherwise each line becomes an owed wish,
    before all others; derived lines come along with the line they belong to. Wishes that were sent
    to the lost cart, or refused by it, wait again; so do wishes that the order did not include. The
    next cart keeps the customer, except after an order: another person may begin the next one.
    """
    record = with_likely_lines(record)
    order = is_order(record)
    owed = [wish for wish in record.wishes if wish.owed]
    if order:
        pending = {wish.replaces for wish in owed if _is_pending(wish)}
        owed = [wish for wish in owed if _is_pending(wish) or wish.sets in pending]
    earlier = {wish.line_id: wish for wish in owed if wish.has_landed and not wish.sets}
    again: dict[str, Wish] = {}  # by the id that the line has had until now
    for line_id, item in ({} if order else record.lines()).items():
        line = record.snapshot.item(line_id)
        if line is None or not line.derived:
            first = Wish(RESTORED, 0, item, owed=True, replaces=line_id, line=line)
            before = earlier.get(line_id, first)
            wish = replace(first, replaces=before.replaces, line=line or before.line)
            again[line_id] = wish.of(item.quantity)
    names = {line_id: wish.replaces for line_id, wish in again.items()}
    restored = [*again.values(), *(wish.waiting() for wish in owed if not wish.has_landed)]
    numbered = (
        replace(wish, index=at, sets=names.get(wish.sets, wish.sets))
        for at, wish in enumerate(restored)
    )
    others = (w if w.has_landed else w.waiting() for w in record.wishes if not w.owed)
    gone = replace(
        record,
        order_key=None,
        snapshot=EMPTY,
        outdated=True,
        since={},
        wishes=(*numbered, *others),
        changes=record.changes if record.checkout_at_ms is None else (),
        customer_id=record.customer_id if record.checkout_at_ms is None else None,
        checkout_at_ms=None,
    )
    return asking(_followed(gone, names))


def _free_index(record: Record) -> int:
    """The first place that no wish has which belongs to no request."""
    return 1 + max((wish.index for wish in record.wishes if wish.entry == RESTORED), default=-1)


def _is_owed_change(wish: Wish) -> bool:
    return wish.owed and bool(wish.sets) and not wish.has_landed


def _is_pending(wish: Wish) -> bool:
    """Whether it is a line that the store has never had."""
    return wish.is_new and not wish.sets and not wish.has_landed


def with_likely_lines(record: Record) -> Record:
    """The record in which an add in doubt is the line that may be its own: no other can come."""
    lines, wishes, changes = record.lines(), list(record.wishes), record.changes
    for at, wish in enumerate(wishes):
        if wish.phase is Phase.SENT and wish.line_id in lines:
            wishes[at] = wish.landed(wish.line_id, wish.at_ms)
            line = record.snapshot.item(wish.line_id)
            changes += (altered(wish.item, line),) if line else ()
    return replace(record, wishes=tuple(wishes), changes=changes)


def _followed(record: Record, ids: Mapping[str, str]) -> Record:
    """The record whose landed wishes know their lines by the ids that these have now."""
    wishes = (
        replace(wish, line_id=ids[wish.line_id])
        if not wish.owed and wish.has_landed and wish.line_id in ids
        else wish
        for wish in record.wishes
    )
    return replace(record, wishes=tuple(wishes))


def _as_shown(record: Record, snapshot: Snapshot) -> Record:
    """The record in which an add counts as sent if the store confirmed its line and shows none.

    So does one that is no part of the line that was confirmed, but seems to be a line of its own:
    that answer was another add's, and the line is known without it. A line that is to be put back
    is known by the id that it had before.
    """
    back = {w.line_id: w.replaces for w in record.wishes if w.has_landed and w.replaces}
    unseen = {
        line_id
        for line_id, line in record.since.items()
        if line.quantity and not (record.snapshot.item(line_id) or snapshot.item(line_id))
    }
    new = {
        (each.catalog_id, each.quantity)
        for each in snapshot.items
        if not record.quantity(each.item_id)
    }
    for at, wish in enumerate(record.wishes):
        if not wish.has_landed or wish.sets:
            continue
        item, line_id, now = wish.item, wish.line_id, snapshot.item(wish.line_id)
        rest = record.quantity(line_id) - item.quantity  # if it is no part of this line
        if now and now.quantity <= rest and (item.catalog_id, item.quantity) in new:
            if line := record.since.get(line_id):
                since = {**record.since, line_id: replace(line, quantity=rest)}
                record = replace(record, since=since)
            wish = wish.sent(wish.at_ms)
        elif line_id in unseen and line_id in back and not wish.owed:
            wish = replace(wish, line_id=back[line_id])
        elif line_id in unseen:
            wish = wish.sent(wish.at_ms)
        record = with_wish(record, at, wish)
    return record


def _with_chosen(snapshot: Snapshot, record: Record, wishes: Iterable[Wish]) -> Snapshot:
    """The snapshot with the options as they were chosen, which the store does not return."""
    chosen = {line_id: item.options for line_id, item in record.lines().items()}
    adds = (wish for wish in wishes if wish.has_landed and not wish.sets)
    chosen |= {wish.line_id: wish.item.options for wish in adds}
    lines = tuple(
        line._replace(chosen=chosen[line.item_id]) if chosen.get(line.item_id) else line
        for line in snapshot.items
    )
    return Snapshot(lines, snapshot.checkout_url)
