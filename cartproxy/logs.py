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
Lines = queue.Queue[logging.LogRecord]


def configure(level: str) -> None:
    """Send everything of this level or above through structlog as JSON lines.

    urllib3 is kept at warning: its debug lines hold the paths of store calls, and so OrderKeys.
    """
    shared: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.make_filtering_bound_logger(level),
        cache_logger_on_first_use=True,
    )
    formatter = structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=shared,
        processors=[
            structlog.stdlib.ProcessorFormatter.remove_processors_meta,
            structlog.processors.format_exc_info,
            structlog.processors.JSONRenderer(),
        ],
    )
    lines: Lines = queue.Queue(_WAITING_LINES)
    handler = _Dropping(lines)
    handler.setFormatter(formatter)
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(level.upper())
    logging.getLogger("urllib3").setLevel(logging.WARNING)
    threading.Thread(target=_write, args=(lines,), daemon=True, name="logs").start()
    atexit.register(_flush, lines)


class _Dropping(logging.handlers.QueueHandler):
    """Formats a line and leaves writing it to a thread; with too many waiting, it is dropped.

    A pipe that nobody reads would otherwise hold every request at its log line.
    """

    def enqueue(self, record: logging.LogRecord) -> None:
        with contextlib.suppress(queue.Full):
            self.queue.put_nowait(record)


def _write(lines: Lines) -> None:
    while True:
        record = lines.get()
        with contextlib.suppress(OSError, ValueError):
            sys.stderr.write(record.getMessage() + "\n")
            sys.stderr.flush()
        lines.task_done()


def _flush(lines: Lines) -> None:
    ends = time.monotonic() + _FLUSH_SECONDS
    while lines.unfinished_tasks and time.monotonic() < ends:
        time.sleep(0.005)
