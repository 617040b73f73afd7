"""Checks the addresses from the store that browsers will follow: they must lead to the store."""

from __future__ import annotations

import re
from collections.abc import Collection
from urllib.parse import urljoin, urlsplit

from cartproxy.sites import is_local
from cartproxy.store.text import remembered, tidy

_HEADER_SAFE = re.compile(r"[\x21-\x7e]+", re.ASCII)  # it is sent as Location
_MAX_LENGTH = 4096
_DEFAULT_PORTS = {"https": 443, "http": 80}


class Links:
    """One store's addresses. `shop_url` is the base of its relative images and pages.

    `checkout_hosts` are the hosts (with port, if it is not the scheme's default) to which a shopper
    may be sent to pay; images and pages may be on these and on the shop's host. Plain http is only
    accepted for this machine.
    """

    def __init__(self, shop_url: str, checkout_hosts: Collection[str]) -> None:
        pay = frozenset(map(_host, checkout_hosts))
        show = pay | {_host(urlsplit(shop_url).netloc)}

        @remembered
        def absolute(value: str) -> str | None:
            value = tidy(value)
            try:
                url = value and urljoin(shop_url, value)
            except ValueError:
                return None
            return url if _leads_to(url, show) else None

        self._pay = pay
        self._absolute = absolute

    def checkout(self, url: object) -> str | None:
        """The address where a shopper pays; None for one that leads elsewhere."""
        if not isinstance(url, str) or not _HEADER_SAFE.fullmatch(url):
            return None
        return url if _leads_to(url, self._pay) else None

    def absolute(self, value: str) -> str | None:
        """The absolute address of an image or a page; None for one that leads elsewhere."""
        return self._absolute(value[:_MAX_LENGTH])


def _host(text: str) -> tuple[str | None, int | None]:
    parts = urlsplit(f"//{text.lower()}")
    return parts.hostname, parts.port


def _leads_to(url: str, hosts: Collection[tuple[str | None, int | None]]) -> bool:
    """Whether a browser would go to one of the hosts.

    Browsers read a backslash as a slash; a URL with a user name is meant to be misread.
    """
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
        secure = parts.scheme == "https" or (parts.scheme == "http" and is_local(url))
    except ValueError:
        return False
    if not secure or "\\" in url or "@" in parts.netloc or len(url) > _MAX_LENGTH:
        return False
    usual = _DEFAULT_PORTS[parts.scheme]
    return (host, port or usual) in hosts or (port in (None, usual) and (host, None) in hosts)
