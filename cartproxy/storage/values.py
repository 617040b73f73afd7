"""The kinds of values in Redis, and how a value that can't be read is handled.

It counts as absent, and is logged: it would never become readable.
"""

from __future__ import annotations

from typing import NamedTuple, cast

import redis
from redis.exceptions import ResponseError

from cartproxy.storage.errors import log_seldom, typed_errors

_SHOWN_KEY = 16  # a record's prefix, and the twelve characters of its name that logs show
_WRONG_TYPE = "WRONGTYPE"


class Kind(NamedTuple):
    """A kind of value: its name in the log, and its type in Redis."""

    name: str
    type: str


def note_unreadable(kind: Kind, key: str) -> None:
    """Log that the value of this key counts as absent, but not the value."""
    log_seldom("unreadable_value", kind=kind.name, key=key[:_SHOWN_KEY])


def is_wrong_type(error: ResponseError) -> bool:
    """Whether a command found a value of the wrong type, also inside a script."""
    return _WRONG_TYPE in str(error)


def read_text(client: redis.Redis, kind: Kind, key: str, *, operation: str) -> bytes | None:
    """The text at this key; None also for a value of the wrong type. Raises StorageError."""
    with typed_errors(operation):
        try:
            return cast("bytes | None", client.get(key))
        except ResponseError as error:
            if not is_wrong_type(error):
                raise
    note_unreadable(kind, key)
    return None
