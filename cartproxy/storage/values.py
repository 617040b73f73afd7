"""What is kept in Redis, by kind, and what becomes of a value that can't be read.

It counts as absent, and the log says so: whoever waits for it to become readable waits for ever.
"""

from __future__ import annotations

from typing import NamedTuple, cast

import redis
from redis.exceptions import ResponseError

from cartproxy.storage.errors import log_seldom, typed_errors

_SHOWN_KEY = 16  # of a cart's record the prefix, and the twelve characters that logs show
_WRONG_TYPE = "WRONGTYPE"


class Kind(NamedTuple):
    """A kind of value: its name in the log, and the type that Redis keeps it as."""

    name: str
    type: str


def note_unreadable(kind: Kind, key: str) -> None:
    """Log that the value of this key counts as absent; never what it is."""
    log_seldom("unreadable_value", kind=kind.name, key=key[:_SHOWN_KEY])


def is_wrong_type(error: ResponseError) -> bool:
    """Whether a command met a value of another type, be it inside a script."""
    return _WRONG_TYPE in str(error)


def read_text(client: redis.Redis, kind: Kind, key: str, *, operation: str) -> bytes | None:
    """The text at this key; None also for a value of another type. Raises StorageError."""
    with typed_errors(operation):
        try:
            return cast("bytes | None", client.get(key))
        except ResponseError as error:
            if not is_wrong_type(error):
                raise
    note_unreadable(kind, key)
    return None
