"""The real service and a blog, for the browser: three hosts on three different sites."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from support.shopper import Store
from support.sites import Site, blog_and_service


@pytest.fixture(scope="session")
def widget_site(
    redis_url: str, store_url: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Site]:
    with blog_and_service(redis_url, store_url, tmp_path_factory.mktemp("widget") / "log") as blog:
        yield blog


@pytest.fixture
def blog(widget_site: Site, store: Store) -> Site:
    """The blog without pages; the store as new."""
    widget_site.pages.clear()
    return widget_site


@pytest.fixture(scope="session")
def screenshots(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where tests leave pictures for people."""
    return tmp_path_factory.mktemp("screenshots")
