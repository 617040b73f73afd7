"""A log line: JSON in ASCII, and of an object only its repr."""

from __future__ import annotations

import json

import pytest

from cartproxy import logs
from cartproxy.model.record import Record


@pytest.mark.parametrize("more", [{}, {"typed": "gr\u00fcn \u009b31m"}, {"typed": "\ud800"}])
def test_line_is_ascii_and_shows_no_field_of_an_object(more: dict[str, str]) -> None:
    event = {"event": "odd", "record": Record("very-secret"), **more}

    line = logs._as_line(event, repr)

    assert line.isascii()
    assert "very-secret" not in line
    assert json.loads(line) == {**event, "record": repr(event["record"])}
