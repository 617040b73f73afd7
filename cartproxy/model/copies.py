"""`dataclasses.replace` at a twentieth of its cost: an add makes twelve such copies."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:  # mypy checks the names and the types of the fields of this one
    from dataclasses import replace as replace
else:
    T = TypeVar("T")

    def replace(value: T, **changes: Any) -> T:
        """A copy of a dataclass without slots, with these fields changed."""
        copy = object.__new__(type(value))
        object.__setattr__(copy, "__dict__", vars(value) | changes)
        return copy
