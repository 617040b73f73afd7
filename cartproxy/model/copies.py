"""`dataclasses.replace` at a fifth of its cost: an add makes twelve such copies."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:  # mypy checks the names and the types of the fields of this one
    from dataclasses import replace as replace
else:

    def replace(value: Any, **changes: Any) -> Any:
        """A copy of a dataclass without slots, with these fields changed.

        Not of one with cached properties: the copy would keep what they were.
        """
        copy = object.__new__(type(value))
        object.__setattr__(copy, "__dict__", vars(value) | changes)
        return copy
