"""The demo as a stranger meets it: started by its command, used in a real Chromium."""

from __future__ import annotations

import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests
from playwright.sync_api import Browser, Page, expect, sync_playwright
from servers import ROOT, free_port

CHROMIUM = shutil.which("chromium")
needs_chromium = pytest.mark.skipif(CHROMIUM is None, reason="no chromium on this machine")


class Demo:
    """The running demo: `blog`, `store` and `proxy` are base URLs."""

    def __init__(self, log: Path) -> None:
        ports = [free_port() for _ in range(3)]
        self.proxy, self.store, self.blog = (f"http://localhost:{port}" for port in ports)
        command = [sys.executable, "-m", "cartproxy", "demo"]
        for name, port in zip(("--port", "--store-port", "--blog-port"), ports, strict=True):
            command += [name, str(port)]
        self._log = log.open("wb")
        self.process = subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=self._log, cwd=ROOT, text=True
        )
        assert self.process.stdout is not None
        self.said = []
        for line in self.process.stdout:
            self.said.append(line.strip())
            if line.strip() == "ready":
                break

    def stop(self) -> int:
        """Ask it to stop as Ctrl-C does; its exit code."""
        self.process.send_signal(signal.SIGINT)
        code = self.process.wait(40)
        if self.process.stdout is not None:
            self.process.stdout.close()
        self._log.close()
        return code


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Demo]:
    running = Demo(tmp_path_factory.mktemp("demo") / "log")
    yield running
    running.stop()


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        launched = playwright.chromium.launch(
            executable_path=CHROMIUM,
            args=["--no-sandbox", "--disable-gpu", "--disable-background-networking"],
        )
        yield launched
        launched.close()


@pytest.fixture
def page(browser: Browser, demo: Demo) -> Iterator[Page]:
    context = browser.new_context()
    page = context.new_page()
    wrong: list[str] = []
    page.on("pageerror", lambda error: wrong.append(str(error)))
    page.on("console", lambda said: wrong.append(said.text) if said.type == "error" else None)
    page.goto(demo.blog)
    yield page
    context.close()
    assert wrong == []


def test_demo_says_where_it_is_and_ends_cleanly(tmp_path: Path) -> None:
    demo = Demo(tmp_path / "log")

    answers = [requests.get(url, timeout=10).status_code for url in (demo.blog, demo.store)]
    code = demo.stop()

    assert demo.said[-1] == "ready"
    assert all(any(url.rpartition(":")[2] in line for line in demo.said) for url in
               (demo.blog, demo.store, demo.proxy))  # fmt: skip
    assert answers == [200, 200]
    assert code == 0
    with pytest.raises(requests.ConnectionError):
        requests.get(demo.blog, timeout=10)


@pytest.mark.browser
@needs_chromium
def test_shopper_presses_the_button_and_orders(page: Page, demo: Demo) -> None:
    mug, shirt = page.locator("section.product").all()

    mug.get_by_role("button", name="Add to cart").click()
    expect(page.locator("#count")).to_have_text("1")
    shirt.get_by_label("Size").select_option(label="X-Large (+$2.00)")
    shirt.get_by_role("button", name="Add to cart").click()
    expect(page.locator("#lines li")).to_have_count(2)
    expect(page.locator("#subtotal")).to_have_text("$31.98")
    page.get_by_label("Quantity of Pint mug").fill("3")
    page.get_by_label("Quantity of Pint mug").press("Enter")
    page.get_by_label("Quantity of Pint mug").blur()
    expect(page.locator("#count")).to_have_text("4")
    page.locator("#lines li").nth(1).get_by_role("button", name="Remove").click()
    expect(page.locator("#lines li")).to_have_count(1)
    page.get_by_role("button", name="Go to the checkout").click()
    page.get_by_role("button", name="Place order").click()

    expect(page.get_by_role("heading", name="Thank you for your order")).to_be_visible()
    page.goto(demo.blog)
    expect(page.get_by_text("Nothing in it yet.")).to_be_visible()


@pytest.mark.browser
@needs_chromium
def test_cart_is_there_again_after_a_reload_and_in_a_second_tab(page: Page, demo: Demo) -> None:
    page.locator("section.product").first.get_by_role("button", name="Add to cart").click()
    expect(page.locator("#count")).to_have_text("1")

    page.reload()
    tab = page.context.new_page()
    tab.goto(demo.blog)

    expect(page.locator("#count")).to_have_text("1")
    expect(tab.locator("#count")).to_have_text("1")


@pytest.mark.browser
@needs_chromium
def test_without_javascript_the_form_leads_to_the_checkout(browser: Browser, demo: Demo) -> None:
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(demo.blog)

    page.locator("section.product").nth(1).get_by_role("button", name="Add to cart").click()

    expect(page.get_by_role("heading", name="Secure checkout")).to_be_visible()
    expect(page.get_by_text("Size: Small")).to_be_visible()
    context.close()


@pytest.mark.browser
@needs_chromium
def test_docs_page_loads_nothing_from_elsewhere(browser: Browser, demo: Demo) -> None:
    page = browser.new_page()
    asked: list[str] = []
    wrong: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.on("console", lambda said: wrong.append(said.text))

    page.goto(f"{demo.proxy}/docs")

    expect(page.get_by_role("heading", name="The cartproxy API")).to_be_visible()
    assert all(url.startswith(demo.proxy) for url in asked)
    assert wrong == []
    page.close()
