"""A Redis whose clock can be set, by libfaketime (Debian: faketime)."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import redis

from support.servers import redis_server

LIBRARY = next(Path("/usr/lib").glob("*/faketime/libfaketimeMT.so.1"), None)


@contextmanager
def stepped_redis(folder: Path) -> Iterator[tuple[str, Callable[[int], None]]]:
    """A server's URL, and a function that sets its clock off by a number of seconds."""
    file = folder / "clock"
    file.write_text("+0\n")
    environment = {
        "LD_PRELOAD": str(LIBRARY),
        "FAKETIME_TIMESTAMP_FILE": str(file),
        "FAKETIME_NO_CACHE": "1",
        "DONT_FAKE_MONOTONIC": "1",
    }
    with redis_server(environment=environment) as url, redis.Redis.from_url(url) as client:

        def step(seconds: int) -> None:
            new = folder / "new"
            new.write_text(f"{seconds:+d}\n")
            os.replace(new, file)
            while abs(client.time()[0] - time.time() - seconds) > 60:
                time.sleep(0.01)

        yield url, step
