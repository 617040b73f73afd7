"""Ends the demo's parts when the demo was killed: `python -m cartproxy.demo.survivors`.

The demo writes the parts' process ids to its standard input, one a line, and keeps that open. When
the demo is gone, however it ended, the system closes it.
"""

from __future__ import annotations

import contextlib
import os
import signal
import sys


def end_survivors() -> None:
    """Wait for the demo's end, then stop the parts that it has not stopped."""
    for part in [int(line) for line in sys.stdin]:
        with contextlib.suppress(ProcessLookupError):
            os.kill(part, signal.SIGTERM)


if __name__ == "__main__":
    end_survivors()
