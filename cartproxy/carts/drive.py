"""The one loop that calls the store: plan a step, make the call, fold in what it means."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from dataclasses import dataclass, field

from cartproxy.carts.errors import AddressRejected, ItemGone, OutcomeUnknown
from cartproxy.carts.fold import is_order, landed, lost, refused, saw, unrefused, vanished
from cartproxy.carts.plan import Aim, Step, next_step, takes_nothing
from cartproxy.errors import CartProxyError, Outcome
from cartproxy.metrics import count_cart, count_doubts
from cartproxy.model.cart import Addresses, NewItem
from cartproxy.model.copies import replace
from cartproxy.model.record import Record
from cartproxy.model.wishes import Phase, Wish
from cartproxy.store.client import StoreClient
from cartproxy.store.errors import (
    StoreBadResponse,
    StoreBusy,
    StoreError,
    StoreForeignAnswer,
    StoreNotFound,
    StoreRejected,
)
from cartproxy.store.limits import Allowance


@dataclass
class Drive:
    """One request on the way to its aim: steps until none is left or the store stops it.

    `now_ms` tells Redis' time. `keep` saves the record of a cart just made, before anything is put
    into it, and raises StoreBadResponse where the cart is another shopper's. `admit` is asked
    before one is made, and may raise RateLimited. `checked_out` tells when the cart's checkout was
    handed out, perhaps since this request began.

    `record` says how far it has come, `errors` why single wishes failed, by their place, `stopped`
    why the rest was not tried. `stale`: the last reading failed. `is_scarce`: the store's calls
    did not suffice for all, or none were to be made. `touched`: the cart is not as it was.
    """

    store: StoreClient
    record: Record
    aim: Aim
    allowance: Allowance
    now_ms: Callable[[], int]
    settle_ms: int
    keep: Callable[[Record], None] = lambda _: None
    admit: Callable[[], None] = lambda: None
    checked_out: Callable[[], int | None] = lambda: None
    errors: dict[Hashable, CartProxyError] = field(default_factory=dict)
    stopped: CartProxyError | None = None
    stale: bool = False
    is_scarce: bool = False
    touched: bool = False
    _vanished: bool = False
    _lost: int = 0
    _last_ms: int = 0

    def run(self) -> Drive:
        """Take the steps. What the store refuses is noted; raises what `keep` and `admit` raise."""
        self.is_scarce = self.aim.halted
        goes_on = True
        while goes_on and (step := next_step(self.record, self.aim)) is not None:
            if self.allowance.is_spent and not self.is_scarce:
                self._leave_the_rest(step)
                continue
            match step:
                case Step.CREATE:
                    goes_on = self._create()
                case Step.ADDRESSES:
                    goes_on = self._write_addresses()
                case Step.LOOK:
                    goes_on = self._look()
                case at:
                    goes_on = self._send(at, self.record.wishes[at])
        return self

    def _leave_the_rest(self, step: Step | int) -> None:
        """No calls are left, except for readings that must show what was done."""
        self.is_scarce = True
        if step is not Step.LOOK:
            self.stopped = StoreBusy("The store's budget of calls is used up.")
        self.aim = replace(self.aim, halted=True, look=False)

    def own(self) -> list[Wish]:
        """The request's own wishes."""
        return [wish for wish in self.record.wishes if wish.entry == self.aim.entry]

    def _create(self) -> bool:
        putting_back = any(wish.owed and not wish.is_new for wish in self.record.wishes)
        if not self.record.owes:
            self.admit()
        addresses = self.aim.addresses or Addresses()
        addresses = replace(addresses, customer_id=addresses.customer_id or self.record.customer_id)
        try:
            key = self.store.create_cart(addresses, self.allowance)
            customer_id = addresses.customer_id
            made = replace(self.record, order_key=key, outdated=True, customer_id=customer_id)
            self.keep(made)
        except StoreError as error:
            is_alone = self.record.customer_id and not self.aim.addresses
            if is_alone and isinstance(error, StoreRejected):
                # The customer may be gone; the shopper must get a cart all the same.
                self.record = replace(self.record, customer_id=None)
                return True
            # Nothing is in a cart whose key nobody knows, so trying again is safe.
            error.outcome = Outcome.NOT_APPLIED
            return self._halt(_about_address(error))
        if not putting_back:
            count_cart(self.store.id, "created")
        self.aim = replace(self.aim, create=False, addresses=None, created=True)
        self.record = made
        return True

    def _send(self, at: int, wish: Wish) -> bool:
        key, line_id = self._key, self.record.current_id(wish.sets)
        try:
            if not wish.sets:
                line_id = self._add(wish.item)
            elif wish.item.quantity:
                self.store.change_item(key, line_id, wish.item.quantity, self.allowance)
            else:
                self.store.remove_item(key, line_id, self.allowance)
        except StoreError as error:
            gone = bool(wish.sets) and isinstance(error, StoreNotFound)
            if wish.item.quantity or not gone:
                return self._failed(at, wish, error, gone=gone)
        self.record = landed(self.record, at, line_id, self._now())
        self.touched = True
        return True

    def _add(self, item: NewItem) -> str:
        """Add a line; returns its id. A known one has to be of the same product and options.

        Raises StoreError, also where it is not: then the answer is another add's.
        """
        line_id = self.store.add_item(self._key, item, self.allowance)
        if line_id in self.record.since or self.record.snapshot.item(line_id):
            line = self.record.lines().get(line_id)
            if line is None or replace(line, quantity=item.quantity) != item:
                detail = "The store's answer names the line of another add."
                raise StoreForeignAnswer(detail, outcome=Outcome.UNKNOWN)
        return line_id

    def _failed(self, at: int, wish: Wish, error: StoreError, *, gone: bool) -> bool:
        """Note why a wish failed; whether others have a chance."""
        is_unread = self.record.as_of_ms < self.aim.began_ms and not self.aim.created
        if isinstance(error, StoreNotFound) and not wish.sets and is_unread:
            # It is the cart that is gone, unless a reading shows it.
            self.aim = replace(self.aim, newer_than_ms=self.aim.began_ms)
            return True
        reason = ItemGone("The cart has no such line any more.") if gone else error
        self.errors[wish.place] = reason
        if unknown := error.outcome is Outcome.UNKNOWN:
            self.record = lost(self.record, at, self._now(), final=error.answered)
        if unknown and not wish.sets:
            count_doubts(self.store.id, "raised")
            self._lost += 1
            return True
        if unknown or gone:  # a reading tells whether the change is made, the line or the cart gone
            self.record = replace(self.record, outdated=True)
            self.aim = replace(self.aim, look=True)
            self.touched = True
        if isinstance(error, StoreRejected | StoreNotFound):
            self.record = refused(self.record, at, reason)
            return True
        return self._halt(error)

    def _write_addresses(self) -> bool:
        addresses = self.aim.addresses or Addresses()
        try:
            self.store.update_cart(self._key, addresses, self.allowance)
        except StoreNotFound:
            return self._vanish()
        except StoreError as error:
            return self._halt(_about_address(error))
        self.aim = replace(self.aim, addresses=None)
        customer_id = addresses.customer_id or self.record.customer_id
        self.record = replace(self.record, outdated=True, customer_id=customer_id)
        self.touched = True
        return True

    def _look(self) -> bool:
        began_ms = self._now()
        try:
            snapshot = self.store.get_cart(self._key, self.allowance)
        except StoreNotFound:
            return self._vanish()
        except StoreError as error:
            self.stale = True
            self.stopped = self.stopped or error
            if takes_nothing(self.record, self.aim):
                # It may be gone, or an order: then what was refused is still to be sent.
                self.record = unrefused(self.record, self.aim.entry)
                self.errors.clear()
            return False
        sent = {wish.place for wish in self.record.wishes if wish.phase is Phase.SENT}
        known = self.record.lines()
        self.record = saw(self.record, snapshot, began_ms, self.settle_ms)
        for wish in self.record.wishes:
            self._conclude(wish, began_ms)
        now = [wish for wish in self.record.wishes if wish.place in sent]
        merged = any(wish.line_id in known for wish in now if wish.has_landed)
        if merged and not self.store.was_seen_to_merge:
            self.store.was_seen_to_merge = True
            self._lost = 0  # no answer was lost: the id of a known line was not believed
        count_doubts(self.store.id, "settled_applied", sum(w.has_landed for w in now))
        count_doubts(self.store.id, "settled_not_applied", sum(w.waits for w in now))
        return True

    def _conclude(self, wish: Wish, began_ms: int) -> None:
        """Stop if a reading does not show what happened to a wish, or shows no effect."""
        error = self.errors.get(wish.place)
        if wish.phase is Phase.SENT and (error or wish.entry == self.aim.entry):
            left_ms = max(1, wish.at_ms + self.settle_ms - began_ms)
            wait = None if error else -(-left_ms // 1000)  # after a fresh loss, soon
            self.errors[wish.place] = unknown = OutcomeUnknown(because=error, retry_after=wait)
            self._halt(unknown)
        elif error is not None and error.outcome is Outcome.UNKNOWN and not wish.sets:
            error.outcome = Outcome.NOT_APPLIED  # of what has not been tried
            if wish.has_landed:
                del self.errors[wish.place]
                self.touched = True
            if not wish.has_landed or self._lost > 1:
                self._halt(error)

    def _vanish(self) -> bool:
        """The store no longer has the cart."""
        if self._vanished or self.aim.created:
            self._halt(StoreBadResponse("The store does not find a cart that it has just made."))
            self.stale = True
            return False
        at_ms = self.record.checkout_at_ms or self.checked_out()
        self.record = replace(self.record, checkout_at_ms=at_ms)
        if not is_order(self.record):
            count_cart(self.store.id, "lost")
        elif self.record.checkout_at_ms is not None:
            count_cart(self.store.id, "ordered")
        self.record = vanished(self.record)
        self.aim = replace(self.aim, look=True, newer_than_ms=0)
        self.errors = {}
        self._vanished = True
        return True

    def _halt(self, error: CartProxyError) -> bool:
        """Send nothing more; go on to a last reading if anything has been done."""
        self.stopped = error
        self.aim = replace(self.aim, halted=True)
        return self.touched

    @property
    def _key(self) -> str:
        assert self.record.order_key is not None  # noqa: S101 - the plan makes a cart first
        return self.record.order_key

    def _now(self) -> int:
        """Redis' time in ms, later than the last time asked: so moments can be put in order."""
        self._last_ms = max(self._last_ms + 1, self.now_ms())
        return self._last_ms


def _about_address(error: StoreError) -> CartProxyError:
    return AddressRejected(error.detail) if isinstance(error, StoreRejected) else error
