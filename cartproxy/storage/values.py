"""The kinds of values in Redis, and how a value that can't be read is handled.

It counts as absent, and is logged: it would never become readable.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import redis
from redis.exceptions import ResponseError

from cartproxy.storage.errors import log_seldom, typed_errors

_SHOWN_KEY = 16  # a record's prefix, and the twelve characters of its name that logs show


class Kind(NamedTuple):
    """A kind of value: its name in the log, and its type in Redis."""

    name: str
    type: str


def note_unreadable(kind: Kind, key: str) -> None:
    """Log that the value of this key counts as absent, but not the value."""
    log_seldom("unreadable_value", kind=kind.name, key=key[:_SHOWN_KEY])


def is_wrong_type(error: ResponseError) -> bool:
    """Whether a command found a value of the wrong type, also inside a script."""
    return "WRONGTYPE" in str(error)


def read_value(
    client: redis.Redis, command: str, kind: Kind, key: str, *more: str, operation: str
) -> Any:
    """What redis-py's method of this name finds; None for a value of the wrong type.

    Raises StorageError, also where a cluster's client connects only now.
    """
    with typed_errors(operation):
        try:
            return getattr(client, command)(key, *more)
        except ResponseError as error:
            if not is_wrong_type(error):
                raise
    note_unreadable(kind, key)
    return None
