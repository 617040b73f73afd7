"""Reads a service's log, which is written with a delay."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from support.waiting import wait_for


def log_lines(log: Path) -> list[dict[str, Any]]:
    """The service's own lines so far, without an incomplete last one."""
    whole = log.read_text().rpartition("\n")[0]
    return [json.loads(line) for line in whole.splitlines() if line[:1] == "{"]


def request_line(log: Path, request_id: str) -> dict[str, Any]:
    """The one line of this request, once it is there."""

    def found() -> list[dict[str, Any]]:
        return [line for line in log_lines(log) if line.get("request_id") == request_id]

    (line,) = wait_for(found, f"the log line of {request_id}")
    return line
