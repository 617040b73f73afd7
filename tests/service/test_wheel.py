"""What is released: a wheel that installs into a clean environment and runs the demo."""

from __future__ import annotations

import shutil
import subprocess
import sys
import venv
from pathlib import Path

import requests
from support.servers import PATIENT, ROOT, answers, free_port, process
from support.waiting import wait_for


def test_the_wheel_runs_the_demo_in_a_clean_environment(tmp_path: Path) -> None:
    pip = [sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check"]
    source = tmp_path / "source"  # building leaves files behind, and takes up what was left
    shutil.copytree(ROOT / "cartproxy", source / "cartproxy")
    for name in ("setup.cfg", "pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, source)
    subprocess.run([*pip, "wheel", "--no-deps", "-w", tmp_path, source], check=True)
    (wheel,) = tmp_path.glob("cartproxy-*.whl")
    venv.create(tmp_path / "clean")
    install = [*pip, "--python", tmp_path / "clean", "install"]
    subprocess.run([*install, "-c", ROOT / "constraints.txt", wheel], check=True)
    ports = [str(free_port()) for _ in range(3)]
    options = ["--port", ports[0], "--store-port", ports[1], "--blog-port", ports[2]]
    # Not in the tree: nothing of it may be found by the way.
    command = [tmp_path / "clean/bin/cartproxy", "demo", *options]

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
