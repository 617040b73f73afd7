"""What a route promises, declared beside it: the source of OpenAPI, tested against the routes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

from marshmallow import Schema

View = TypeVar("View", bound=Callable[..., Any])


@dataclass(frozen=True, slots=True)
class Operation:
    """A route's promise.

    `bodies` are alternatives; `form` is the body of a plain HTML form. `answers` maps a success
    status to the schema of its JSON, or None without a body. `minimal` is the schema of the answer
    to `Prefer: return=minimal`. `problems` are the codes beyond those that any route can answer.
    """

    summary: str
    answers: Mapping[int, type[Schema] | None]
    bodies: tuple[type[Schema], ...] = ()
    form: type[Schema] | None = None
    minimal: type[Schema] | None = None
    writes: bool = False
    problems: tuple[str, ...] = ()


def operation(
    summary: str, answers: Mapping[int, type[Schema] | None], **more: Any
) -> Callable[[View], View]:
    """Declare what the decorated view promises (see Operation)."""

    def declare(view: View) -> View:
        view.operation = Operation(summary, answers, **more)  # type: ignore[attr-defined]
        return view

    return declare
