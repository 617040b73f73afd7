"""What a check finds: how bad it is, what is wrong, and what to do."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum


class Level(StrEnum):
    """How bad it is: an error keeps shoppers from their carts, or their secrets from being kept."""

    OK = "ok"
    WARNING = "warning"
    ERROR = "error"


@dataclass(frozen=True, slots=True)
class Finding:
    """One line of the report. `about` says of what; no field ever holds a secret."""

    level: Level
    code: str
    about: str
    detail: str
    advice: str = ""


def ok(code: str, about: str, detail: str) -> Finding:
    """All is well."""
    return Finding(Level.OK, code, about, detail)


def warning(code: str, about: str, detail: str, advice: str) -> Finding:
    """It works, and will not always."""
    return Finding(Level.WARNING, code, about, detail, advice)


def error(code: str, about: str, detail: str, advice: str) -> Finding:
    """It does not work, or must not."""
    return Finding(Level.ERROR, code, about, detail, advice)


def guarded(code: str, about: str, check: Callable[[], Iterable[Finding]]) -> Iterator[Finding]:
    """What the check finds; where it fails itself, that is a finding and hides no other check.

    The failure's text is left out: it may quote an address with its password.
    """
    try:
        yield from check()
    except Exception as failure:
        yield error(
            f"{code}-check-failed",
            about,
            f"This could not be checked: {type(failure).__name__}.",
            "If the other findings don't explain it, report it as a bug of cartproxy.",
        )
