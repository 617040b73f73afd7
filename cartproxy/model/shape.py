"""Whether JSON from Redis still has the shape in which it was written.

Its reader can then use it without checking each value, and damaged JSON fails here and not later.
"""

from __future__ import annotations

import re
from typing import Any

# A Decimal's text, finite and of a size that money and quantities can have.
DECIMAL = re.compile(r"-?[0-9]{1,70}(?:\.[0-9]{1,70})?(?:E[+-]?[0-9]{1,2})?")
TIME_MS = range(2**47)  # since 1970: until the year 6429, so that it is a date too


def fits(value: Any, shape: Any) -> bool:
    """Whether JSON has a shape.

    A type or union stands for itself, a pattern for a text that it matches, a range for a whole
    number in it, `[shape]` for a list of any length, a tuple for a list of just these, a dict for
    an object of just these members, and a set for any of its shapes.
    """
    if isinstance(shape, tuple):
        same = isinstance(value, list) and len(value) == len(shape)
        return same and all(map(fits, value, shape))
    if isinstance(shape, list):
        return isinstance(value, list) and all(fits(each, shape[0]) for each in value)
    if isinstance(shape, dict):
        same = isinstance(value, dict) and value.keys() == shape.keys()
        return same and all(fits(value[name], shape[name]) for name in shape)
    if isinstance(shape, set):
        return any(fits(value, each) for each in shape)
    if isinstance(shape, re.Pattern):
        return isinstance(value, str) and shape.fullmatch(value) is not None
    if isinstance(shape, range):
        return type(value) is int and value in shape
    return isinstance(value, shape)


def checked(value: object, shape: Any) -> Any:
    """The value. Raises ValueError if it does not have the shape."""
    if not fits(value, shape):
        raise ValueError("Not of the shape in which it was kept.")
    return value
