"""Recipes of the documents, built as a blogger does; their buttons are pressed."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect
from support.examples import files_in, write
from support.servers import ROOT
from support.shopper import Store
from support.sites import Site

# A theme that knows nothing of us.
THEME = "<!doctype html><title>{{ .Title }}</title><link rel='icon' href='data:,'>{{ .Content }}"


@pytest.fixture
def hugo_site(tmp_path: Path) -> Path:
    """The recipe's files, in a site with a theme."""
    if not shutil.which("hugo"):
        pytest.skip("no hugo on this machine")
    recipe = (ROOT / "docs/recipes.md").read_text().partition("\n## Hugo\n")[2]
    files = files_in(recipe.partition("\n## ")[0])
    write(tmp_path, {**files, "layouts/_default/single.html": THEME})
    return tmp_path


def build(folder: Path, **settings: str) -> subprocess.CompletedProcess[str]:
    command = ["hugo", "--source", folder]
    environment = {**os.environ, **settings}
    return subprocess.run(command, env=environment, capture_output=True, text=True)


@pytest.mark.browser
def test_button_of_the_hugo_recipe_adds(
    page: Page, hugo_site: Path, blog: Site, store: Store, tidy: list[str]
) -> None:
    done = build(hugo_site, HUGO_PARAMS_CARTPROXY_SERVICE=blog.proxy)
    assert done.returncode == 0, done.stdout + done.stderr
    blog.publish(hugo_site / "public")

    page.goto(blog.url + "/posts/mug/")
    page.get_by_role("link", name="Add to cart").click()

    expect(page.locator("cart-button [role=status]")).to_have_text("Added to the cart")
    (cart,) = store.carts()
    assert [line["catalog_id"] for line in cart["lines"]] == [3829]


def test_hugo_recipe_says_where_a_product_is_missing(hugo_site: Path) -> None:
    post = hugo_site / "content/posts/mug.md"
    post.write_text(post.read_text().replace('id="3829" ', ""))

    done = build(hugo_site)

    assert done.returncode != 0
    assert "posts/mug.md:8:1" in done.stdout + done.stderr
