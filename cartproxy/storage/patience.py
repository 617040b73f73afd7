"""How long one request waits for a Redis that does not answer: for two replies in total.

Lost replies are counted for each request, since it uses Redis in many places, and the third one
must not wait again. Outside of requests nothing is counted.
"""

from __future__ import annotations

from contextvars import ContextVar

_MOST_LOST = 2
# Not a `threading.local`: made before gevent is in place, it is one for all greenlets of a worker.
_lost: ContextVar[int | None] = ContextVar("lost", default=None)


def begin_request() -> None:
    """Start to count the lost replies of this request."""
    _lost.set(0)


def end_request() -> None:
    """Stop counting."""
    _lost.set(None)


def count_lost() -> None:
    """Count a lost reply."""
    if (lost := _lost.get()) is not None:
        _lost.set(lost + 1)


def is_used_up() -> bool:
    """Whether the request has lost as many replies as it may wait for."""
    return (_lost.get() or 0) >= _MOST_LOST
