"""What the edge refuses by itself."""

from __future__ import annotations

from collections.abc import Sequence

from cartproxy.errors import CartProxyError


class Refused(CartProxyError):
    """The edge refuses a request before anything else is touched.

    `errors` are pairs of JSON pointer and text.
    """

    def __init__(
        self,
        code: str,
        detail: str,
        *,
        errors: Sequence[tuple[str, str]] = (),
        retry_after: int | None = None,
    ) -> None:
        super().__init__(detail, retry_after=retry_after)
        self.code = code  # type: ignore[misc] # one per refusal, not per class
        self.errors = errors
        self.retryable = retry_after is not None  # type: ignore[misc]
