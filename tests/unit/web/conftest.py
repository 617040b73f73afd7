"""The application in this process, with the embedded storage."""

from __future__ import annotations

import pytest
from support.edge import Edge, settings

from cartproxy.app import create_app
from cartproxy.settings_source import load


@pytest.fixture(scope="module")
def edge() -> Edge:
    return Edge(create_app(load(settings())).test_client())
