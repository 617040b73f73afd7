"""Structured logs: one JSON object a line on standard error, for us and for the libraries."""

from __future__ import annotations

import atexit
import contextlib
import json
import logging
import logging.handlers
import queue
import sys
from _thread import LockType
from collections.abc import Callable, Mapping
from contextvars import ContextVar

import orjson
import structlog
from gevent.monkey import get_original

# A real thread with a real queue, also where gevent has put greenlets in their place: who writes
# into a pipe that nobody reads blocks, and would block all greenlets.
_sleep = get_original("time", "sleep")
_start_thread = get_original("_thread", "start_new_thread")
_new_lock = get_original("_thread", "allocate_lock")
_Queue = get_original("queue", "SimpleQueue")

_WAITING_LINES = 10_000
_FLUSH_SECONDS = 1.0
_GATHER_SECONDS = 0.02
Lines = queue.SimpleQueue[str | None]
# What each line of a request says of it. structlog's own way looks at all context variables.
request_fields: ContextVar[Mapping[str, str]] = ContextVar("request_fields")


def configure(level: str) -> None:
    """Send everything of this level or above through structlog as JSON lines.

    Our own lines take the short way; those of libraries come by the standard library's logging.
    urllib3 is kept at warning: its debug lines hold the paths of store calls, and so OrderKeys.
    """
    lines: Lines = _Queue()
    shared: list[structlog.typing.Processor] = [
        lambda _, __, event: {**request_fields.get({}), **event},
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    rendering: list[structlog.typing.Processor] = [
        structlog.processors.format_exc_info,
        structlog.processors.JSONRenderer(_as_line),
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
    written = _new_lock()
    written.acquire()
    _start_thread(_write, (lines, written))
    atexit.register(_flush, lines, written)


def _as_line(event: object, default: Callable[[object], object]) -> str:
    """The event as JSON in ASCII: beyond it are characters that a terminal obeys.

    Of an object its `repr` alone: orjson would write the fields of a dataclass, secret or not.
    """
    with contextlib.suppress(TypeError):  # a number of more than 64 bits, half a surrogate pair
        line = orjson.dumps(event, default, orjson.OPT_PASSTHROUGH_DATACLASS)
        if line.isascii():
            return line.decode()
    return json.dumps(event, default=default, separators=(",", ":"))


def _put(lines: Lines, line: str) -> None:
    """Leave a line to the thread that writes; with too many waiting, it is dropped.

    A pipe that nobody reads would otherwise hold every request at its log line.
    """
    if lines.qsize() < _WAITING_LINES:
        lines.put(line)


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


def _write(lines: Lines, written: LockType) -> None:
    """Write lines as they come, some at once: to be woken for each costs more than the line."""
    last = False
    while not last:
        gathered = [lines.get()]
        _sleep(_GATHER_SECONDS)
        while not lines.empty():
            gathered.append(lines.get())
        last = None in gathered
        with contextlib.suppress(OSError, ValueError):
            sys.stderr.write("".join(f"{line}\n" for line in gathered if line is not None))
            sys.stderr.flush()
    written.release()


def _flush(lines: Lines, written: LockType) -> None:
    lines.put(None)
    written.acquire(timeout=_FLUSH_SECONDS)
    # Each handler that dies with the interpreter would ask for a lock of gevent's, which is gone by
    # then, and that error would be the last thing on standard error. None of them holds lines back.
    logging._handlerList.clear()  # type: ignore[attr-defined]
