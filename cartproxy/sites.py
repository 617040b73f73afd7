"""Sites by their origin: the one matcher for all that is configured per site."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Generic, TypeVar
from urllib.parse import urlsplit

LABEL = r"[a-z0-9_](?:[a-z0-9_-]*[a-z0-9_])?"
_LABEL = re.compile(LABEL, re.ASCII)
_LOCAL = ("localhost", "127.0.0.1", "::1")
T = TypeVar("T")


class Sites(Generic[T]):
    """What each site has, by its origin; `https://*.example.com` stands for one label.

    Where several entries fit a site, the exact one counts.
    """

    def __init__(self, entries: Mapping[str, T]) -> None:
        self._entries = dict(entries)
        # Whether more than one site may fit.
        self.are_several = len(self._entries) > 1 or any("*" in each for each in self._entries)

    def find(self, origin: str) -> T | None:
        """What the site of a browser's Origin has; browsers send it in canonical form."""
        if "*" in origin:
            return None
        if origin in self._entries:
            return self._entries[origin]
        scheme, _, host = origin.partition("://")
        label, _, rest = host.partition(".")
        return self._entries.get(f"{scheme}://*.{rest}") if _LABEL.fullmatch(label) else None

    def __contains__(self, origin: str) -> bool:
        return self.find(origin) is not None


def is_local(url: str) -> bool:
    """Whether the address leads to this machine only."""
    host = urlsplit(url).hostname or ""
    return host in _LOCAL or host.endswith(".localhost")
