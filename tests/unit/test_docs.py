"""The documents name tests that exist."""

from __future__ import annotations

import re

from servers import ROOT

TEXT = (ROOT / "docs/reliability.md").read_text()


def test_every_fault_has_a_row_and_every_row_a_test_that_exists() -> None:
    rows = re.findall(r"^\| (\d+) \|.*\|(.*)\|$", TEXT, re.MULTILINE)

    assert [int(number) for number, _ in rows] == list(range(1, 35))
    for _, tests in rows:
        named = re.findall(r"`(tests/[\w/]+\.py)::(test_\w+)`", tests)
        assert named
        for path, name in named:
            assert f"def {name}(" in (ROOT / path).read_text(), name
