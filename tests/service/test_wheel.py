"""What is released: a wheel that installs into a clean environment and runs, and its SBOM."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from importlib.metadata import requires
from pathlib import Path

import pytest
import requests
from support.servers import PATIENT, ROOT, answers, free_port, process, store_environment
from support.waiting import wait_for

SOURCES = ["setup.cfg", "pyproject.toml", "constraints.txt", "README.md", "LICENSE", "Makefile"]


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the sources in which `make sbom` has made wheel, SBOM and production environment.

    A copy, since building leaves files behind and would use files left by others.
    """
    source = tmp_path_factory.mktemp("source")
    shutil.copytree(ROOT / "cartproxy", source / "cartproxy")
    for name in SOURCES:
        shutil.copy(ROOT / name, source)
    tools = [f"VENV={sys.prefix}", f"PYTHON={sys.executable}"]
    # The tools are those of this run: make must not install them again, from the copy.
    keep = ["--old-file", f"{sys.prefix}/.installed"]
    subprocess.run(["make", "--silent", "-C", source, *keep, *tools, "sbom"], check=True)
    return source


def test_the_wheel_runs_the_demo_in_a_clean_environment(made: Path, tmp_path: Path) -> None:
    ports = [str(free_port()) for _ in range(3)]
    options = ["--port", ports[0], "--store-port", ports[1], "--blog-port", ports[2]]
    # Outside the tree, so that nothing in it can be imported by accident.
    command = [made / "build/production/bin/cartproxy", "demo", *options]

    ready = answers(f"http://127.0.0.1:{ports[2]}/")
    with process(command, ready, environment=PATIENT, cwd=tmp_path):
        wait_for(answers(f"http://127.0.0.1:{ports[0]}/readyz"), "the proxy is ready")
        page = requests.get(f"http://127.0.0.1:{ports[2]}/", timeout=60).text
        script = requests.get(f"http://127.0.0.1:{ports[0]}/widget/v1/cartproxy.js", timeout=60)
        answer = requests.post(
            f"http://127.0.0.1:{ports[0]}/v1/stores/demo/cart/items",
            json={"catalog_id": 3829},
            headers={"Origin": f"http://127.0.0.1:{ports[2]}", "Cartproxy-Client": "tests/1"},
            timeout=90,
        )

    assert "<cart-button" in page
    assert script.status_code == 200
    assert (answer.status_code, answer.json()["item_count"]) == (201, 1)


def test_the_wheel_serves_in_an_empty_folder_and_has_its_documentation(
    made: Path, tmp_path: Path, redis_url: str, store_url: str
) -> None:
    """With the image's commands, for serving and for the health check."""
    dockerfile = (ROOT / "docs/deploy/Dockerfile").read_text()
    health, serve = (json.loads(each) for each in re.findall(r"CMD (\[.+\])", dockerfile))
    url = f"http://127.0.0.1:{free_port()}"
    health[-1] = health[-1].replace("http://127.0.0.1:8000", url)
    programs = made / "build/production/bin"
    settings = {
        **PATIENT,
        **store_environment(store_url),
        "CARTPROXY_BIND": url.removeprefix("http://"),
        "CARTPROXY_PUBLIC_URL": url,
        "CARTPROXY_REDIS_URL": redis_url,
        "CARTPROXY_PEPPER": "p" * 32,
    }

    ready = answers(f"{url}/readyz")
    with process([programs / serve[0], *serve[1:]], ready, environment=settings, cwd=tmp_path):
        subprocess.run([programs / health[0], *health[1:]], check=True)
        listed = requests.get(f"{url}/llms.txt", timeout=60).text
        pages = re.findall(r"\((\S+\.md)\)", listed)
        missing = [page for page in pages if not answers(page)()]

    assert len(pages) > 20
    assert missing == []
    assert list(tmp_path.iterdir()) == []


def test_sbom_names_what_production_needs_and_nothing_of_development(made: Path) -> None:
    text = (made / "dist/cartproxy.cdx.json").read_text()
    bom = json.loads(text)
    named = {each["name"].lower().replace("_", "-") for each in bom["components"]}
    wanted: dict[bool, set[str]] = {True: set(), False: set()}
    for need in requires("cartproxy") or []:
        name = re.split(r"[^\w.-]", need)[0].lower().replace("_", "-")
        if name != "gunicorn-h1c":  # present if it can be built here
            wanted["extra ==" not in need or 'extra == "crypto"' in need].add(name)

    assert bom["bomFormat"] == "CycloneDX"
    assert wanted[True] <= named
    assert named.isdisjoint({*(wanted[False] - wanted[True]), "pip", "setuptools"})
    assert all(each["version"] for each in bom["components"])
    assert "file:" not in text
