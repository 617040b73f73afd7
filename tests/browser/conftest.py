"""A real Chromium, the real service, and a blog: three hosts on three different sites."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from browser_settings import ARGUMENTS, CHROMIUM
from conftest import store_environment
from playwright.sync_api import Browser, BrowserContext, Page, Playwright, sync_playwright
from servers import free_port, service
from shopper import Store
from sites import Site, site


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Skip by name what needs a browser where there is none."""
    if CHROMIUM is None:
        for item in items:
            if item.get_closest_marker("browser"):
                item.add_marker(pytest.mark.skip(reason="no chromium on this machine"))


@pytest.fixture(scope="session")
def playwright() -> Iterator[Playwright]:
    with sync_playwright() as started:
        yield started


@pytest.fixture(scope="session")
def browser(playwright: Playwright) -> Iterator[Browser]:
    """Chromium as it comes with Playwright's defaults: third-party cookies are blocked."""
    launched = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
    yield launched
    launched.close()


@pytest.fixture(scope="session")
def widget_site(
    redis_url: str, store_url: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Site]:
    """A blog, and the service that serves it: on two sites, not two ports of one."""
    blog_port = free_port()
    environment = {
        "CARTPROXY_REDIS_URL": redis_url,
        "CARTPROXY_BREAKER_FAILURES": "1000000",
        **store_environment(store_url, ORIGINS=f"http://blog.localhost:{blog_port}"),
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


@pytest.fixture
def context(browser: Browser) -> Iterator[BrowserContext]:
    """A fresh browser profile."""
    made = browser.new_context()
    yield made
    made.close()


@pytest.fixture
def page(context: BrowserContext) -> Page:
    """A tab."""
    return context.new_page()


@pytest.fixture
def tidy(page: Page) -> Iterator[list[str]]:
    """Errors of the page and its console, of which there must be none in the end."""
    wrong: list[str] = []
    page.on("pageerror", lambda error: wrong.append(str(error)))
    page.on("console", lambda said: wrong.append(said.text) if said.type == "error" else None)
    yield wrong
    assert wrong == []


@pytest.fixture(scope="session")
def screenshots(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where tests leave pictures for people."""
    return tmp_path_factory.mktemp("screenshots")
