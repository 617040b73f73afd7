"""The real service and a blog, for the browser: three hosts on three different sites."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from support.servers import free_port, service, store_environment
from support.shopper import Store
from support.sites import Site, site


@pytest.fixture(scope="session")
def widget_site(
    redis_url: str, store_url: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Site]:
    """A blog, and the service that serves it: on two sites, not two ports of one.

    Of its two stores, `telling` is one that tells of orders.
    """
    blog_port = free_port()
    origins = f"http://blog.localhost:{blog_port}"
    environment = {
        "CARTPROXY_REDIS_URL": redis_url,
        "CARTPROXY_BREAKER_FAILURES": "1000000",
        **store_environment(store_url, ORIGINS=origins),
        **store_environment(store_url, "TELLING", ORIGINS=origins, HOOK_SECRET="h" * 32),
    }
    with service(environment, tmp_path_factory.mktemp("widget") / "log") as url:
        proxy = url.replace("127.0.0.1", "cart.localhost")
        with site(blog_port, proxy, store_url) as blog:
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
