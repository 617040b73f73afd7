"""The base of every error of ours, and whether what was asked for took effect.

Each error is defined beside the code that raises it; `cartproxy.web.problems` makes the answers.
"""

from __future__ import annotations

from enum import StrEnum
from typing import ClassVar


class Outcome(StrEnum):
    """Whether what was asked for took effect at the store; PENDING is kept here and owed to it."""

    APPLIED = "applied"
    PENDING = "pending"
    NOT_APPLIED = "not_applied"
    UNKNOWN = "unknown"


class CartProxyError(Exception):
    """Base of all: `code` names the problem, `retryable` whether trying again may help.

    `detail` is text for people and never holds a secret; `retry_after` is in whole seconds.
    """

    code: ClassVar[str]
    retryable: ClassVar[bool] = False
    usual_retry_after: ClassVar[int | None] = None

    def __init__(
        self,
        detail: str,
        *,
        outcome: Outcome | None = Outcome.NOT_APPLIED,
        retry_after: int | None = None,
    ) -> None:
        super().__init__(detail)
        self.detail = detail
        self.outcome = outcome
        self.retry_after = self.usual_retry_after if retry_after is None else retry_after
