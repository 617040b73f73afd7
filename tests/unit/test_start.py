"""What a start must not wait for."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

from support.waiting import PATIENCE_SECONDS

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


def test_interrupted_start_ends_without_a_traceback(tmp_path: Path) -> None:
    config = tmp_path / "config.toml"
    os.mkfifo(config)  # the start waits here for its settings
    # A shell's background job ignores it, and so would all that the job starts.
    signal.signal(signal.SIGINT, signal.default_int_handler)

    start = subprocess.Popen(
        [sys.executable, "-m", "cartproxy", "serve", "--config", config],
        env=os.environ | {"TMPDIR": str(tmp_path)},
        stderr=subprocess.PIPE,
        text=True,
    )
    with config.open("w"):
        start.send_signal(signal.SIGINT)
    # Only now: Python sees a signal that comes just before a read once the read has ended.
    _, said = start.communicate(timeout=PATIENCE_SECONDS)

    assert (start.returncode, said) == (-signal.SIGINT, "")
