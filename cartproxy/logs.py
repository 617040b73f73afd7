"""Structured logs: one JSON object a line on standard error, for us and for the libraries."""

from __future__ import annotations

import atexit
import contextlib
import logging
import logging.handlers
import queue
import sys
import threading
import time

import structlog

_WAITING_LINES = 10_000
_FLUSH_SECONDS = 1.0
_GATHER_SECONDS = 0.02
Lines = queue.Queue[str]


def configure(level: str) -> None:
    """Send everything of this level or above through structlog as JSON lines.

    Our own lines take the short way; those of libraries come by the standard library's logging.
    urllib3 is kept at warning: its debug lines hold the paths of store calls, and so OrderKeys.
    """
    lines: Lines = queue.Queue(_WAITING_LINES)
    shared: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    rendering: list[structlog.typing.Processor] = [
        structlog.processors.format_exc_info,
        structlog.processors.JSONRenderer(),
    ]
    structlog.configure(
        processors=[*shared, *rendering],
        logger_factory=lambda name="cartproxy": _Logger(lines, name),
        wrapper_class=structlog.make_filtering_bound_logger(level),
        cache_logger_on_first_use=True,
    )
    formatter = structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=shared,
        processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *rendering],
    )
    handler = _Dropping(lines)
    handler.setFormatter(formatter)
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(level.upper())
    logging.getLogger("urllib3").setLevel(logging.WARNING)
    threading.Thread(target=_write, args=(lines,), daemon=True, name="logs").start()
    atexit.register(_flush, lines)


def _put(lines: Lines, line: str) -> None:
    """Leave a line to the thread that writes; with too many waiting, it is dropped.

    A pipe that nobody reads would otherwise hold every request at its log line.
    """
    with contextlib.suppress(queue.Full):
        lines.put_nowait(line)


class _Logger:
    """The end of structlog's chain: takes the finished line."""

    def __init__(self, lines: Lines, name: str) -> None:
        self._lines = lines
        self.name = name

    def info(self, line: str) -> None:
        _put(self._lines, line)

    debug = warning = error = exception = critical = info


class _Dropping(logging.handlers.QueueHandler):
    """Formats a library's line and puts it beside ours."""

    def __init__(self, lines: Lines) -> None:
        super().__init__(lines)
        self._lines = lines

    def enqueue(self, record: logging.LogRecord) -> None:
        _put(self._lines, record.getMessage())


def _write(lines: Lines) -> None:
    """Write lines as they come, some at once: to be woken for each costs more than the line."""
    while True:
        gathered = [lines.get()]
        time.sleep(_GATHER_SECONDS)
        with contextlib.suppress(queue.Empty):
            while True:
                gathered.append(lines.get_nowait())
        with contextlib.suppress(OSError, ValueError):
            sys.stderr.write("\n".join(gathered) + "\n")
            sys.stderr.flush()
        for _ in gathered:
            lines.task_done()


def _flush(lines: Lines) -> None:
    ends = time.monotonic() + _FLUSH_SECONDS
    while lines.unfinished_tasks and time.monotonic() < ends:
        time.sleep(0.005)
