"""The demo as a stranger meets it: started by its command, used in a real Chromium."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, expect
from support.browser_fixtures import new_context
from support.servers import PATIENT, ROOT, free_port
from support.waiting import PATIENCE_SECONDS, wait_for

OTHER_SITE = "http://localhost:5173"  # a developer's own, which need not be running


class Demo:
    """The running demo: `blog`, `store` and `proxy` are base URLs."""

    def __init__(self, log: Path) -> None:
        ports = [free_port() for _ in range(3)]
        self.proxy, self.store, self.blog = (f"http://localhost:{port}" for port in ports)
        command = [sys.executable, "-m", "cartproxy", "demo"]
        for name, port in zip(("--port", "--store-port", "--blog-port"), ports, strict=True):
            command += [name, str(port)]
        command += ["--origin", OTHER_SITE]
        self._log = log.open("wb")
        self.process = subprocess.Popen(
            command,
            stdout=subprocess.PIPE,
            stderr=self._log,
            cwd=ROOT,
            env=os.environ | PATIENT,
            text=True,
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
        code = self.process.wait(PATIENCE_SECONDS)
        if self.process.stdout is not None:
            self.process.stdout.close()
        self._log.close()
        return code


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Demo]:
    running = Demo(tmp_path_factory.mktemp("demo") / "log")
    yield running
    running.stop()


@pytest.fixture
def post(page: Page, demo: Demo, tidy: list[str]) -> Page:
    """The blog's post, opened; in the end nothing may have gone wrong in the page."""
    page.goto(demo.blog)
    return page


def test_demo_says_where_it_is_and_ends_cleanly(tmp_path: Path) -> None:
    demo = Demo(tmp_path / "log")

    answers = [requests.get(url, timeout=60).status_code for url in (demo.blog, demo.store)]
    code = demo.stop()

    assert demo.said[-1] == "ready"
    assert all(any(url.rpartition(":")[2] in line for line in demo.said) for url in
               (demo.blog, demo.store, demo.proxy))  # fmt: skip
    assert answers == [200, 200]
    assert code == 0
    with pytest.raises(requests.ConnectionError):
        requests.get(demo.blog, timeout=60)


def test_second_demo_on_the_same_ports_ends_at_once(demo: Demo) -> None:
    ports = [url.rpartition(":")[2] for url in (demo.proxy, demo.store, demo.blog)]
    options = zip(("--port", "--store-port", "--blog-port"), ports, strict=True)

    second = subprocess.run(
        [sys.executable, "-m", "cartproxy", "demo", *(each for pair in options for each in pair)],
        capture_output=True,
        text=True,
        timeout=PATIENCE_SECONDS,
        check=False,
    )

    said = f"cartproxy demo: port {ports[0]}: Address already in use.\n"
    assert (second.returncode, second.stdout, second.stderr) == (1, "", said)


def test_no_part_outlives_a_demo_that_is_killed(tmp_path: Path) -> None:
    demo = Demo(tmp_path / "log")

    demo.process.kill()
    demo.stop()

    for url in (demo.blog, f"{demo.proxy}/livez", demo.store):
        wait_for(lambda url=url: not _reached(url), f"{url} has ended")  # type: ignore[misc]


def _reached(url: str) -> bool:
    try:
        requests.get(url, timeout=60)
    except requests.ConnectionError:
        return False
    return True


@pytest.mark.parametrize(("origin", "listed"), [(OTHER_SITE, True), ("http://x.example", False)])
def test_demo_takes_pages_of_the_sites_that_it_is_given(
    demo: Demo, origin: str, listed: bool
) -> None:
    headers = {"Origin": origin, "Cartproxy-Client": "tests/1"}

    url = f"{demo.proxy}/v1/stores/demo/cart/items"
    added = requests.post(url, json={"catalog_id": 3829}, headers=headers, timeout=90)

    assert added.status_code == (201 if listed else 403)


@pytest.mark.browser
def test_shopper_presses_the_buttons_and_orders(post: Page, demo: Demo) -> None:
    mug, shirt = post.locator("section.product").all()

    mug.get_by_role("button", name="Add to cart").click()
    expect(post.get_by_role("button", name="Cart 1")).to_be_visible()
    shirt.get_by_label("Size").select_option(label="X-Large (+$2.00)")
    shirt.get_by_role("link", name="Add to cart").click()
    post.get_by_role("button", name="Cart 2").click()
    drawer = post.get_by_role("dialog", name="Your cart")
    expect(drawer.locator("[part=subtotal]")).to_have_text("$31.98")
    drawer.get_by_label("Quantity: Pint mug").fill("3")
    drawer.get_by_label("Quantity: Pint mug").press("Tab")
    expect(drawer.locator("[part=subtotal]")).to_have_text("$51.96")
    drawer.get_by_role("button", name="Remove: Heavy cotton T-shirt").click()
    expect(drawer.get_by_role("listitem")).to_have_count(1)
    drawer.get_by_role("button", name="Checkout").click()
    post.get_by_role("button", name="Place order").click()
    post.get_by_role("button", name="Approve").click()

    expect(post.get_by_role("heading", name="Thank you for your order")).to_be_visible()
    post.goto(demo.blog)
    expect(post.get_by_role("button", name="Cart 0")).to_be_visible()


@pytest.mark.browser
def test_cart_is_there_again_after_a_reload_and_in_a_second_tab(post: Page, demo: Demo) -> None:
    post.locator("section.product").first.get_by_role("button", name="Add to cart").click()
    expect(post.get_by_role("button", name="Cart 1")).to_be_visible()

    post.reload()
    tab = post.context.new_page()
    tab.goto(demo.blog)

    for page in (post, tab):
        expect(page.get_by_role("button", name="Cart 1")).to_be_visible()


@pytest.mark.browser
@pytest.mark.parametrize(("product", "option"), [(0, None), (1, "Size: X-Large")])
def test_forms_lead_to_the_checkout_without_javascript(
    browser: Browser, demo: Demo, product: int, option: str | None
) -> None:
    with new_context(browser, java_script_enabled=False) as context:
        page = context.new_page()
        page.goto(f"{demo.blog}/no-js")
        form = page.locator("section.product").nth(product)
        if option:
            form.get_by_label("Size").select_option(label="X-Large (+$2.00)")

        form.get_by_role("button").click()

        expect(page.get_by_role("heading", name="Secure checkout")).to_be_visible()
        if option:
            expect(page.get_by_text(option)).to_be_visible()


@pytest.mark.browser
def test_the_post_itself_works_without_javascript(browser: Browser, demo: Demo) -> None:
    with new_context(browser, java_script_enabled=False) as context:
        page = context.new_page()
        page.goto(demo.blog)

        page.get_by_role("button", name="Add to cart").click()

        expect(page.get_by_role("heading", name="Secure checkout")).to_be_visible()


@pytest.mark.browser
def test_the_post_works_under_a_strict_policy(page: Page, demo: Demo, tidy: list[str]) -> None:
    page.goto(f"{demo.blog}/csp")

    page.get_by_role("button", name="Add to cart").click()
    page.get_by_role("button", name="View cart").click()
    expect(page.get_by_role("dialog").locator("img")).to_be_visible()
    page.get_by_role("button", name="Checkout").click()

    expect(page.get_by_role("heading", name="Secure checkout")).to_be_visible()


@pytest.mark.browser
def test_the_arabic_post_runs_from_right_to_left(page: Page, demo: Demo, tidy: list[str]) -> None:
    page.goto(f"{demo.blog}/rtl")

    page.get_by_role("link", name="أضف إلى السلة").click()
    page.get_by_role("button", name="عرض السلة").click()

    drawer = page.get_by_role("dialog", name="سلة التسوق")
    expect(drawer.get_by_text("Pint mug")).to_be_visible()
    place = drawer.bounding_box()
    assert place is not None
    assert place["x"] == 0


@pytest.mark.browser
@pytest.mark.parametrize("path", ["/", "/no-js", "/csp", "/rtl"])
def test_axe_finds_nothing_wrong_with_the_blog(page: Page, demo: Demo, path: str) -> None:
    page.goto(demo.blog + path)
    page.wait_for_load_state("networkidle")

    results = Axe().run(page)

    assert results.violations_count == 0, results.generate_report()


@pytest.mark.browser
def test_docs_page_loads_nothing_from_elsewhere(page: Page, demo: Demo) -> None:
    asked: list[str] = []
    wrong: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.on("console", lambda said: wrong.append(said.text))

    page.goto(f"{demo.proxy}/docs")

    expect(page.get_by_role("heading", name="The cartproxy API")).to_be_visible()
    assert all(url.startswith(demo.proxy) for url in asked)
    assert wrong == []
