"""Which limits a request falls under, and the RateLimit fields of its answer.

The fields are those of the IETF's draft "RateLimit header fields for HTTP" (version 10).
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache

from cartproxy.limits.addresses import network
from cartproxy.limits.rate_limiter import Limit, RateLimiter, Standing
from cartproxy.store.limits import Payer


@dataclass(frozen=True, slots=True)
class RateLimits:
    """The limits of the whole service.

    `of_address` and `of_cart` are requests a minute by kind, 0 for no limit. `key` turns addresses
    into names that show nothing of them.
    """

    limiter: RateLimiter
    of_address: Mapping[str, int]
    of_cart: Mapping[str, int]
    trusted_hops: int
    key: bytes

    def address(self, forwarded_for: str | None, peer: str | None) -> str | None:
        """Where the shopper's address is counted: IPv6 by its /64, None where it isn't limited.

        The trusted proxies each append to X-Forwarded-For the address that called them, so the
        shopper's is the entry of the first of them, counted from the end; the client can write any
        entry before it. An address of this machine or of a private network is a proxy of the
        operator's, or the operator: counting it would count all shoppers as one. An invalid address
        counts as it is written.
        """
        if forwarded_for is None or not self.trusted_hops:
            return network(peer) if peer else None  # a unix socket has no address
        chain = forwarded_for.split(",")
        address = chain[-self.trusted_hops] if self.trusted_hops <= len(chain) else chain[0]
        try:
            return network(address)
        except ValueError:
            self.limiter.note_unreadable_address()
            return f"unreadable {address.strip()}"

    def take(
        self, kind: str, address: str | None, cart: str | None, site: Limit | None = None
    ) -> Standing | None:
        """Count a request of the kind against the address, the cart, and the quota of the site.

        One address can use up half of a site's quota. New carts are counted exactly: each costs the
        store three calls. Raises RateLimited.
        """
        limits = [] if site is None else [site]
        if address is not None:
            name = _name(self.key, address)
            limits.append(_limit("address", kind, self.of_address, name))
            if site:
                half = (site.per_minute + 1) // 2
                limits.append(Limit(f"address-{kind}", f"{site.key}:{name}", half))
            if cart:
                limits.append(_limit("cart", kind, self.of_cart, _digest(self.key, cart)))
        counting = [each for each in limits if each.per_minute]
        return self.limiter.take(counting, exactly=kind == "creates")

    def payer(self, whose: str, part: float, *, is_address: bool = False) -> Payer:
        """A payer that may use this part of a store's calls, under a name that reveals nothing."""
        return Payer(_name(self.key, whose), part, is_address)


def _limit(whose: str, kind: str, quotas: Mapping[str, int], digest: str) -> Limit:
    return Limit(f"{whose}-{kind}", f"{whose}-{kind}:{digest}", quotas.get(kind, 0))


def _digest(key: bytes, whose: str) -> str:
    return hmac.new(key, whose.encode(), hashlib.sha256).hexdigest()[:16]


_name = lru_cache(4096)(_digest)  # of an address or a site: they come again


def limit_fields(standing: Standing) -> dict[str, str]:
    """The headers that say how much of the tightest limit is left."""
    name, quota = standing.limit.name, standing.limit.per_minute
    return {
        "RateLimit-Policy": f'"{name}";q={quota};w=60',
        "RateLimit": f'"{name}";r={standing.remaining};t={standing.reset_seconds}',
    }
