"""Which address a shopper is counted by, in every notation of a proxy in front."""

from __future__ import annotations

import fakeredis
import pytest

from cartproxy.limits.rate_limiter import RateLimiter
from cartproxy.web.rate_limits import RateLimits


def limits(hops: int = 1) -> RateLimits:
    return RateLimits(RateLimiter(fakeredis.FakeRedis()), {}, {}, hops, b"k")


@pytest.mark.parametrize(
    ("written", "counted"),
    [
        ("8.8.1.2", "8.8.1.2"), ("8.8.1.2:4711", "8.8.1.2"), (" 8.8.1.2 ", "8.8.1.2"),
        ('"8.8.1.2"', "8.8.1.2"), ("8.8.1.2%0", "8.8.1.2"), ("8.8.1.2%0:80", "8.8.1.2"),
        ("[2001:db8::1]:443", "2001:db8::/64"), ("[2001:db8::2]", "2001:db8::/64"),
        ('"[2001:db8::3]:80"', "2001:db8::/64"), ("2001:DB8::5%eth0", "2001:db8::/64"),
        ("[2001:db8::5%25eth0]:80", "2001:db8::/64"), ("[8.8.1.8]:80", "8.8.1.8"),
        ("::ffff:8.8.1.6", "8.8.1.6"), ("[::ffff:8.8.1.7]:1", "8.8.1.7"), ("a, b, 8.8.1.2", "8.8.1.2"),
        ("64:ff9b::808:102", "8.8.1.2"), ("64:ff9b::10.0.0.1", "10.0.0.1"), ("64:ff9b:1::808:102", "64:ff9b:1::/64"),
    ],
)  # fmt: skip
def test_address_is_the_same_with_port_brackets_quotes_and_zone(written: str, counted: str) -> None:
    assert limits().address(written, "127.0.0.1") == counted


@pytest.mark.parametrize(
    "written",
    ["junk", "unknown", "_hidden", "8.8.1.256", "08.8.1.8", "8.8.1.9:", "8.8.1.9:port", "8.8.1", "x" * 3000,
     "for=8.8.1.10", "\xe9", "", " ", "127.0.0.1x", "10.0.0.1 x", "fe80::1%eth0 x", "::1]", "[::1", "[::1]x",
     "127.0.0.1:port", "127.0.0.1:", "127.0.0.1:1:2", "127.0.0.1%", "2130706433",
     "0x7f.1", "127.1", '"127.0.0.1', "127.0.0.1%a b", "\u0661\u0662\u0667.0.0.1", "%eth0", ":80", "[]:80"],
    ids=lambda text: repr(text)[:20],
)  # fmt: skip
def test_invalid_address_is_limited_as_written_and_logged(written: str) -> None:
    reader = limits()

    assert reader.address(f"8.8.8.8,{written}", "127.0.0.1") == f"unreadable {written.strip()}"
    assert reader.limiter._has_unreadable


@pytest.mark.parametrize(
    "near", ["127.0.0.1", "127.0.0.1:5", "[::1]:80", "::1", "10.1.2.3", "fe80::1%eth0", "::ffff:10.0.0.1"]
)  # fmt: skip
def test_this_machine_and_private_networks_are_not_limited(near: str) -> None:
    assert limits().address(near, "8.8.8.8") is None


def test_without_the_header_or_without_a_proxy_the_peer_counts() -> None:
    assert limits(hops=1).address(None, "8.8.8.8") == "8.8.8.8"
    assert limits(hops=0).address("9.9.9.9", "8.8.8.8") == "8.8.8.8"
    assert limits(hops=0).address("9.9.9.9", "") is None  # a unix socket
    assert limits(hops=3).address("9.9.9.9, 10.0.0.1", "127.0.0.1") == "9.9.9.9"
    assert limits(hops=2).address("7.7.7.7, 9.9.9.9, 8.8.8.8", "127.0.0.1") == "9.9.9.9"
