"""What a start must not wait for."""

from __future__ import annotations

import subprocess
import sys

# Each is needed only by a command, one page, or the embedded storage.
_NOT_AT_THE_START = {
    "apispec",
    "argparse",
    "cartproxy.cli",
    "cartproxy.demo",
    "cartproxy.doctor",
    "cartproxy.records.admin",
    "cartproxy.sandbox",
    "cartproxy.settings_page",
    "cartproxy.web.openapi",
    "cartproxy.widget.snippet",
    "fakeredis",
    "lupa",
    "opentelemetry.exporter",
}


def test_start_imports_nothing_that_only_a_rare_path_needs() -> None:
    code = "import cartproxy.app, sys; print(*sys.modules)"

    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert _NOT_AT_THE_START & set(done.stdout.split()) == set()
