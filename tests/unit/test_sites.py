"""The one matcher for sites: the table of look-alikes, and which entry counts."""

from __future__ import annotations

import pytest

from cartproxy.sites import Sites, is_local

LISTED = Sites(
    dict.fromkeys(["https://good.com", "http://localhost:8002", "https://*.blogs.example"], True)
)


@pytest.mark.parametrize(
    "origin",
    ["https://good.com", "http://localhost:8002", "https://a.blogs.example",
     "https://xn--bcher-kva.blogs.example", "https://a-b.blogs.example"],
)  # fmt: skip
def test_listed(origin: str) -> None:
    assert origin in LISTED


@pytest.mark.parametrize(
    "origin",
    [
        "null", "", "good.com", "http://good.com", "https://good.com:443", "https://good.com:8443",
        "https://good.com.", "https://good.com.evil.com", "https://evilgood.com",
        "https://good.comm", "https://www.good.com", "https://GOOD.com", "HTTPS://good.com",
        "https://good.com/", "https://good.com/path", "https://user@good.com",
        "https://good.com@evil.com", "https://good.com#x", "https://g\u043eod.com", " https://good.com",
        "https://good.com\t", "http://localhost", "http://localhost:8003", "http://127.0.0.1:8002",
        "https://blogs.example", "https://.blogs.example", "https://a.b.blogs.example",
        "https://evil.com/.blogs.example", "https://evil.com#.blogs.example",
        "https://u@a.blogs.example", "https://A.blogs.example", "https://-.blogs.example",
        "https://*.blogs.example", "https://b\u00fccher.blogs.example", "http://a.blogs.example",
        "https://a.blogs.example:8443", "https://a\u3002blogs.example",
    ],
)  # fmt: skip
def test_not_listed(origin: str) -> None:
    assert origin not in LISTED


def test_exact_entry_takes_precedence_over_a_wildcard() -> None:
    wide, exact = ("https://*.blogs.example", 1), ("https://a.blogs.example", 2)

    for entries in ({wide[0]: 1, exact[0]: 2}, {exact[0]: 2, wide[0]: 1}):
        sites = Sites(entries)
        assert (sites.find("https://a.blogs.example"), sites.find("https://b.blogs.example")) == (
            2,
            1,
        )
        assert sites.find("https://a.b.blogs.example") is None


@pytest.mark.parametrize(
    ("origins", "several"),
    [([], False), (["https://good.com"], False), (["https://*.blogs.example"], True),
     (["https://good.com", "http://localhost:8002"], True)],
)  # fmt: skip
def test_one_wildcard_is_several_sites(origins: list[str], several: bool) -> None:
    assert Sites(dict.fromkeys(origins, True)).are_several is several


@pytest.mark.parametrize(
    ("url", "local"),
    [("http://localhost:1/x", True), ("http://127.0.0.1", True), ("http://[::1]:8000", True),
     ("https://cart.localhost", True), ("https://localhost.example", False),
     ("https://127.0.0.1.example", False), ("https://notlocalhost", False)],
)  # fmt: skip
def test_this_machine_is_recognized(url: str, local: bool) -> None:
    assert is_local(url) == local
