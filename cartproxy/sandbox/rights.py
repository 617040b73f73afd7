"""The rights of an application's key: a call without its right gets 401, as documented."""

from __future__ import annotations

from typing import Any

from cartproxy.sandbox.resources import RESOURCES

NAMES = ("Cart", *(each.name for each in RESOURCES.values()), "StoreSettings")
_KINDS = ("read", "write")


def is_right(text: Any) -> bool:
    """Whether this names a right: `Cart` (both), `Cart:read` or `Cart:write`, in any case."""
    if not isinstance(text, str):
        return False
    name, colon, kind = text.lower().partition(":")
    known = name in {each.lower() for each in NAMES}
    return known and (kind in _KINDS if colon else True)


def allows(rights: list[str] | None, method: str, path: str) -> bool:
    """Whether these rights cover the call; None is all of them.

    To list the customers of a group, either the right to customers or to groups is enough.
    """
    if rights is None:
        return True
    first, *rest = path.strip("/").lower().split("/")
    names = {first} | ({"customers"} if rest[1:2] == ["customers"] else set())
    kind = "read" if method == "GET" else "write"
    held = {each.lower() for each in rights}
    return any(name in held or f"{name}:{kind}" in held for name in names)
