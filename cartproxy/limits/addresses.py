"""The one parser of client addresses, in all forms in which proxies and callers write them."""

from __future__ import annotations

import ipaddress
import re
from functools import lru_cache

_PORT = r"(?::[0-9]{1,5})?"
_WRITTEN = re.compile(
    rf'(?P<quote>"?)(?:\[(?P<six>[0-9A-Fa-f:.]+)(?:%[\w.-]+)?\]{_PORT}'
    rf"|(?P<four>[0-9.]+)(?:%[\w.-]+)?{_PORT}"
    r"|(?P<bare>[0-9A-Fa-f:.]+)(?:%[\w.-]+)?)(?P=quote)",
    re.ASCII,
)
_MAX_LENGTH = 100
_NEAR = tuple(map(ipaddress.ip_network, (
    "127.0.0.0/8", "10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "169.254.0.0/16",
    "::1/128", "fc00::/7", "fe80::/10",
)))  # fmt: skip
# The IPv4 internet, as a network sees it that has IPv6 only (RFC 6052): it is one /64.
_TRANSLATED = ipaddress.ip_network("64:ff9b::/96")


def network(written: str) -> str | None:
    """The network that an address is counted as: IPv6 by its /64, IPv4 by itself.

    None for this machine and private networks. Port, brackets, quotes and zone are ignored. Raises
    ValueError for an invalid address.
    """
    return _network(written.strip()[:_MAX_LENGTH])


@lru_cache(4096)  # shoppers return, and the operator's proxy is in every request
def _network(written: str) -> str | None:
    match = _WRITTEN.fullmatch(written)
    if match is None:
        raise ValueError("not an address")
    found = ipaddress.ip_address(match["six"] or match["four"] or match["bare"])
    if isinstance(found, ipaddress.IPv6Address):
        found = found.ipv4_mapped or found
    if any(found in each for each in _NEAR if each.version == found.version):
        return None
    if found in _TRANSLATED:
        return str(ipaddress.IPv4Address(found.packed[-4:]))
    if found.version == 6:
        return str(ipaddress.ip_network((found, 64), strict=False))
    return str(found)
