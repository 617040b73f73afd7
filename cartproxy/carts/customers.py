"""From an e-mail address to the store's customer, who is made if there is none.

The store may accept the same address twice, so one request at a time makes a customer. After a lost
answer no other request makes one until the lost one would certainly be found.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress

from cartproxy.carts.errors import AddressRejected
from cartproxy.deadline import Deadline
from cartproxy.errors import Outcome
from cartproxy.model.customer import Customer
from cartproxy.records.locks import Locks
from cartproxy.storage.errors import StorageError
from cartproxy.store.client import StoreClient
from cartproxy.store.errors import StoreBusy, StoreError, StoreRejected
from cartproxy.store.limits import CHANGE, Allowance, Payer

_POINTER = "/customer/email"
_LOCK = "customer"


class Customers:
    """One store's customers."""

    def __init__(self, store: StoreClient, locks: Locks, *, settle_seconds: float) -> None:
        """After `settle_seconds` a customer whose creation got no answer does not exist."""
        self._store = store
        self._locks = locks
        self._settle_seconds = settle_seconds

    def id_of(self, email: str, deadline: Deadline, payers: Sequence[Payer]) -> int:
        """The id of the customer with this address: one call, and another where there is none.

        Raises AddressRejected, StoreError and StorageError.
        """
        allowance = self._store.allow(1, deadline, CHANGE, payers=payers)
        customer_id = self._found(email, allowance)
        if customer_id is not None:
            return customer_id
        # For whoever dies: longer than a lost call can take effect.
        if not self._locks.take(
            _LOCK, email.casefold(), deadline.remaining() + self._settle_seconds
        ):
            raise StoreBusy("Another request is making this customer.", retry_after=2)
        try:
            customer_id = self._make(email, allowance)
        except StoreError as error:
            self._leave(email, made=error.outcome is Outcome.UNKNOWN)
            if isinstance(error, StoreRejected):
                raise AddressRejected(error.detail, _POINTER) from None
            raise
        self._leave(email, made=True)
        return customer_id

    def _make(self, email: str, allowance: Allowance) -> int:
        """Make the customer; if the answer is lost, look whether it was made."""
        try:
            return self._store.create_customer(email, allowance)
        except StoreError as error:
            customer_id = None
            if error.outcome is Outcome.UNKNOWN:
                with suppress(StoreError):
                    customer_id = self._found(email, allowance)
            if customer_id is None:
                raise
            return customer_id

    def _leave(self, email: str, *, made: bool) -> None:
        """Let others make the customer: soon, if it may have been made and not been seen yet."""
        with suppress(StorageError):  # the lock ends by itself
            self._locks.keep(_LOCK, email.casefold(), self._settle_seconds if made else 0)

    def _found(self, email: str, allowance: Allowance) -> int | None:
        customers = self._store.find_customers(email, allowance)
        enabled = oldest(customers)
        if customers and enabled is None:
            raise AddressRejected("The store has disabled this customer.", _POINTER)
        return enabled


def oldest(customers: Sequence[Customer]) -> int | None:
    """The lowest id of the enabled ones, so that every request finds the same one."""
    return min((each.customer_id for each in customers if each.enabled), default=None)
