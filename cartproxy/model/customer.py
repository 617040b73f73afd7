"""A customer of the store, as far as a cart needs one."""

from __future__ import annotations

from typing import NamedTuple


class Customer(NamedTuple):
    """`customer_id` never leaves the service; who is not `enabled` can't log in at the store."""

    customer_id: int
    enabled: bool
