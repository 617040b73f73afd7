"""The npm package as a developer meets it: made, installed in a Vite site, checked, pressed."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect
from support.examples import files_in, write
from support.servers import ROOT
from support.shopper import Store
from support.sites import Site

from cartproxy.widget import releases

SOURCES = ROOT / "plugins/npm"
STRICT = {
    "strict": True,
    "exactOptionalPropertyTypes": True,
    "noUncheckedIndexedAccess": True,
    "module": "esnext",
    "moduleResolution": "bundler",
    "target": "es2022",
    "lib": ["es2022", "dom"],
    "types": [],
    "noEmit": True,
}
WRONG = {"react": "// @ts-expect-error", "vue": "<!-- @vue-expect-error -->"}
PAGE = """<!doctype html><title>A site</title><link rel="icon" href="data:,">
<script type="module" src="/src/main.ts"></script>
<cart-button catalog-id="3828"><a href="https://shop.example/">Add to cart</a></cart-button>
<cart-count></cart-count>"""

MAIN = """import { loadCartproxy } from "cartproxy-widget";
import { cartproxy } from "./cart";
import "./page";
Object.assign(window, { loadCartproxy, first: cartproxy });"""
# Whether a second call gives the same widget, and what one for another store is answered.
AGAIN = """async (service) => [
  (await loadCartproxy({ service: service + "/", store: "demo" })) === (await first),
  await loadCartproxy({ service, store: "second" }).catch((error) => error.message),
]"""


def examples(framework: str) -> dict[str, str]:
    """The page's files, by name: what is for all, and what is for this one."""
    general, _, rest = (ROOT / "docs/npm.md").read_text().partition("## With React")
    react, _, vue = rest.partition("## With Vue")
    return files_in(general + {"": "", "react": react, "vue": vue}[framework])


def run(*command: str | Path, cwd: Path) -> None:
    done = subprocess.run(command, cwd=cwd, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.fixture(scope="module")
def package(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The package as `make package` leaves it."""
    if not shutil.which("npm"):
        pytest.skip("no npm on this machine")
    made = tmp_path_factory.mktemp("package") / "npm"
    run("make", "package", f"PACKAGE={made}", cwd=ROOT)
    return made


@pytest.fixture(scope="module")
def project(package: Path) -> Path:
    """A folder in which the package is installed, and the tools."""
    # By default npm tries for eight minutes to reach a registry that does not answer.
    ping = ["npm", "ping", "--fetch-retries=0", "--fetch-timeout=20000"]
    if subprocess.run(ping, capture_output=True).returncode:
        pytest.skip("npm's registry can't be reached")
    folder = package.parent
    tools = json.loads((SOURCES / "package.json").read_text())["devDependencies"]
    (folder / "package.json").write_text(json.dumps({"type": "module", "devDependencies": tools}))
    install = ["npm", "install", "--no-audit", "--no-fund", "--no-package-lock", "--ignore-scripts"]
    (tarball,) = package.glob("*.tgz")
    run(*install, tarball, cwd=folder)
    return folder


def test_package_has_the_release_and_nothing_by_the_way(package: Path) -> None:
    described = json.loads((package / "package.json").read_text())
    (tarball,) = package.glob("*.tgz")
    packed = subprocess.run(["tar", "tzf", tarball], capture_output=True, text=True, check=True)

    assert described["version"] == releases.VERSION
    assert {*packed.stdout.split()} == {
        f"package/{name}"
        for name in (
            "LICENSE",
            "README.md",
            "custom-elements.json",
            "index.d.ts",
            "index.js",
            "package.json",
            *(f"widget/{name}" for name in releases.FILES),
        )
    }


def test_package_is_as_bundlers_and_compilers_want_it(package: Path, project: Path) -> None:
    (tarball,) = package.glob("*.tgz")

    run(project / "node_modules/.bin/publint", "--strict", tarball, cwd=project)
    attw = project / "node_modules/.bin/attw"
    run(attw, tarball, "--profile", "esm-only", cwd=project)


@pytest.mark.parametrize(
    ("framework", "compiler", "options"),
    [("react", "tsc", {"jsx": "react-jsx"}), ("vue", "vue-tsc", {"skipLibCheck": True})],
)
def test_examples_are_typed(
    project: Path, framework: str, compiler: str, options: dict[str, object]
) -> None:
    folder = project / framework
    settings = {"compilerOptions": {**STRICT, **options}, "include": ["src"]}
    write(folder, {**examples(framework), "tsconfig.json": json.dumps(settings)})
    # What the types forbid is refused.
    (product,) = folder.glob("src/Product.*")
    wrong, right = product.read_text(), "<cart-button"
    wrong = wrong.replace(right, f'{WRONG[framework]}\n{right} price-check="no"')
    product.with_stem("Wrong").write_text(wrong)

    run(project / "node_modules/.bin" / compiler, "-p", folder, cwd=project)


@pytest.mark.browser
def test_button_of_a_vite_site_adds_under_a_strict_policy(
    page: Page, project: Path, blog: Site, store: Store, tidy: list[str]
) -> None:
    folder = project / "site"
    files = {"index.html": PAGE, "src/main.ts": MAIN, **examples("")}
    files["src/cart.ts"] = files["src/cart.ts"].replace("https://cart.example.com", blog.proxy)
    write(folder, files)
    run(project / "node_modules/.bin/vite", "build", folder, cwd=project)
    policy = f"default-src 'none'; script-src 'self' {blog.proxy}; connect-src {blog.proxy}; "
    policy += "img-src data:; require-trusted-types-for 'script'; trusted-types cartproxy"
    blog.publish(folder / "dist", Content_Security_Policy=policy)

    page.goto(blog.url)
    page.get_by_label("Size").select_option(label="X-Large (+$2.00)")
    page.get_by_role("link", name="Add to cart").click()

    expect(page.locator("cart-button [role=status]")).to_have_text("Added to the cart")
    expect(page.get_by_role("button", name="Cart 1")).to_be_visible()
    expect(page).to_have_title("1 in the cart, 21.99")
    (cart,) = store.carts()
    assert [line["catalog_id"] for line in cart["lines"]] == [3828]
    same, refused = page.evaluate(AGAIN, blog.proxy)
    assert same
    assert "demo" in refused


def test_manifest_and_types_name_what_the_widget_has() -> None:
    folder = ROOT / "cartproxy/widget/source"
    script = "".join((folder / name).read_text() for name in releases.FILES)
    manifest = (SOURCES / "custom-elements.json").read_text()
    types = (SOURCES / "index.d.ts").read_text()
    guide = (ROOT / "docs/widget.md").read_text()

    texts = {*re.findall(r'\btext\("([\w-]+)"', script)}
    parts = guide.partition("\n## Parts\n")[2].partition("\n## ")[0]
    calls = guide.partition("## `window.cartproxy`")[2].partition("\n```js")[0]
    events = {*re.findall(r"`(cartproxy:\w+)`", guide)}

    assert texts
    assert {*re.findall(r'"text-([\w-]+)"', manifest)} >= texts
    assert {*re.findall(r'"([\w:-]+)"', types)} >= texts | events
    for part in re.findall(r"`([\w-]+)`", parts.replace("`data-state`", "")):
        if part not in ("adding", "added", "failed"):  # states, not parts
            assert f'{{ "name": "{part}" }}' in manifest, part
    for line in re.findall(r"^\| (`.+?) \|", calls, re.MULTILINE):
        for name in re.findall(r"`(\w+)", line):
            assert re.search(rf"^  (readonly )?{name}[(:]", types, re.MULTILINE), name
    for variable in {*re.findall(r"var\((--cart-[a-z-]+)", script)}:
        assert f'"{variable}"' in manifest
