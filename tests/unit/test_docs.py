"""The documents name tests that exist."""

from __future__ import annotations

import re

import pytest
from servers import ROOT

TEXT = (ROOT / "docs/reliability.md").read_text()
SECURITY = (ROOT / "docs/security.md").read_text()
NAMED = re.compile(r"`(tests/[\w/]+\.py)::(test_\w+)`")


def test_every_fault_has_a_row_and_every_row_a_test_that_exists() -> None:
    rows = re.findall(r"^\| (\d+) \|.*\|(.*)\|$", TEXT, re.MULTILINE)

    assert [int(number) for number, _ in rows] == list(range(1, 35))
    for _, tests in rows:
        named = NAMED.findall(tests)
        assert named
        for path, name in named:
            assert f"def {name}(" in (ROOT / path).read_text(), name


@pytest.mark.parametrize(("path", "name"), NAMED.findall(SECURITY))
def test_what_the_security_page_names_exists(path: str, name: str) -> None:
    assert f"def {name}(" in (ROOT / path).read_text()
