"""How long one request waits for a Redis that does not answer: for two replies in all.

Counted for each thread (a greenlet, in a worker), since a request asks Redis in many places, and
whichever comes third must not wait again. Outside of a request nobody counts.
"""

from __future__ import annotations

import threading

_MOST_LOST = 2


class _Request(threading.local):
    lost: int | None = None


_request = _Request()


def begin_request() -> None:
    """From now on count the replies that this thread's request loses."""
    _request.lost = 0


def end_request() -> None:
    """Count no more."""
    _request.lost = None


def count_lost() -> None:
    """A reply did not come."""
    if _request.lost is not None:
        _request.lost += 1


def is_used_up() -> bool:
    """Whether the request has lost as many replies as it may wait for."""
    return _request.lost is not None and _request.lost >= _MOST_LOST
