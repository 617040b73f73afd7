"""Several items in one request: each has its own result, and one bad item stops no other."""

from __future__ import annotations

from collections.abc import Callable

from cartproxy.carts.errors import ItemGone, ItemNotFound, NothingApplied
from cartproxy.errors import CartProxyError, Outcome
from cartproxy.model.cart import ItemResult
from cartproxy.store.errors import StoreNotFound, StoreRejected

_ABOUT_THE_ITEM = (StoreRejected, StoreNotFound, ItemNotFound)


class Batch:
    """Collects results in the order of the request.

    A failure that is about the item leaves the next one its chance. Any other is about the store:
    the rest is then not tried, and fails in the same way.
    """

    def __init__(self) -> None:
        self._results: list[ItemResult] = []
        self._errors: list[CartProxyError] = []
        self._stopped = False

    def run(self, call: Callable[[], str]) -> None:
        """Make the next part's call, which returns a line's id, and keep what became of it."""
        index = len(self._results)
        if self._stopped:
            code = self._errors[-1].code
            self._results.append(ItemResult(index, Outcome.NOT_APPLIED, code=code))
            return
        try:
            self._results.append(ItemResult(index, Outcome.APPLIED, call()))
        except CartProxyError as error:
            outcome = error.outcome or Outcome.NOT_APPLIED
            self._results.append(ItemResult(index, outcome, code=error.code))
            self._errors.append(error)
            self._stopped = not isinstance(error, _ABOUT_THE_ITEM)

    @property
    def results(self) -> tuple[ItemResult, ...]:
        """One result per part, in the order of the request."""
        return tuple(self._results)

    @property
    def applied(self) -> bool:
        """Whether any part took effect."""
        return any(result.outcome is Outcome.APPLIED for result in self._results)

    @property
    def unknown(self) -> bool:
        """Whether it is not known of any part."""
        return any(result.outcome is Outcome.UNKNOWN for result in self._results)

    @property
    def touched(self) -> bool:
        """Whether the cart may be other than it was last read."""
        return self.applied or self.unknown or self.found_gone

    @property
    def found_gone(self) -> bool:
        """Whether the store has removed a line that the cart had."""
        return any(isinstance(error, ItemGone) for error in self._errors)

    @property
    def refused_entirely(self) -> bool:
        """Whether the store refused every part, as it also does when the cart is gone."""
        refused = sum(isinstance(error, (StoreRejected, StoreNotFound)) for error in self._errors)
        return 0 < refused == len(self._results)

    def failure(self) -> NothingApplied:
        """The error for a request of which nothing took effect, or nothing is known to have."""
        doubtful = (error for error in self._errors if error.outcome is Outcome.UNKNOWN)
        return NothingApplied(next(doubtful, self._errors[0]), self.results)
