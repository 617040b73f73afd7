"""What a check finds: how bad it is, what is wrong, and what to do."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from enum import StrEnum


class Level(StrEnum):
    """How bad it is: with an error, carts don't work, or secrets are not safe."""

    OK = "ok"
    WARNING = "warning"
    ERROR = "error"


@dataclass(frozen=True, slots=True)
class Finding:
    """One line of the report; no field ever holds a secret.

    `about` names what was checked; `guarded` fills it in.
    """

    level: Level
    code: str
    about: str
    detail: str
    advice: str = ""


def ok(code: str, detail: str) -> Finding:
    """Nothing is wrong."""
    return Finding(Level.OK, code, "", detail)


def warning(code: str, detail: str, advice: str) -> Finding:
    """It works now, but may fail later."""
    return Finding(Level.WARNING, code, "", detail, advice)


def error(code: str, detail: str, advice: str) -> Finding:
    """It does not work, or it is not safe."""
    return Finding(Level.ERROR, code, "", detail, advice)


def guarded(code: str, about: str, check: Callable[[], Iterable[Finding]]) -> Iterator[Finding]:
    """The check's findings; a check that fails itself is one too, and stops no other check.

    The text of the exception is left out: it may quote an address with its password.
    """
    try:
        for each in check():
            yield each if each.about else replace(each, about=about)
    except Exception as failure:
        yield Finding(
            Level.ERROR,
            f"{code}-check-failed",
            about,
            f"This could not be checked: {type(failure).__name__}.",
            "If the other findings don't explain it, report it as a bug of cartproxy.",
        )
