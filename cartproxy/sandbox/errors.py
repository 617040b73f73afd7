"""How the simulated store refuses a call."""

from __future__ import annotations


class Refusal(Exception):
    """A call is refused with this status and reason. The real error texts are not known."""

    def __init__(self, status: int, message: str, *, retry_after: int | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.retry_after = retry_after
