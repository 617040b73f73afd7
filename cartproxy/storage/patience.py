"""How long one request waits for a Redis that does not answer: for two replies in total.

Lost replies are counted for each thread (in a worker a greenlet), since a request uses Redis in
many places, and the third one must not wait again. Outside of requests nothing is counted.
"""

from __future__ import annotations

import threading

_MOST_LOST = 2


class _Request(threading.local):
    lost: int | None = None


_request = _Request()


def begin_request() -> None:
    """Start to count the lost replies of this thread's request."""
    _request.lost = 0


def end_request() -> None:
    """Stop counting."""
    _request.lost = None


def count_lost() -> None:
    """Count a lost reply."""
    if _request.lost is not None:
        _request.lost += 1


def is_used_up() -> bool:
    """Whether the request has lost as many replies as it may wait for."""
    return _request.lost is not None and _request.lost >= _MOST_LOST
