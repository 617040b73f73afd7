"""Debian's haproxy with the shipped configuration, in front of instances."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from support.servers import ROOT, answers, free_port, process

HAPROXY = shutil.which("haproxy") or shutil.which("haproxy", path="/usr/sbin")
EXAMPLE = ROOT / "docs/deploy/haproxy.cfg"


@contextmanager
def haproxy(folder: Path, ports: list[int], log: Path) -> Iterator[str]:
    """The example's haproxy in front of these ports; yields its URL."""
    port = free_port()
    text = EXAMPLE.read_text()
    # A busy machine must not look like an instance that is down.
    text = text.replace("timeout connect 1s", "timeout connect 60s\n    timeout check 60s")
    assert "timeout check 60s" in text
    for example, real in zip(("8080", "8001", "8002"), (port, *ports), strict=True):
        assert f"127.0.0.1:{example}" in text
        text = text.replace(f"127.0.0.1:{example}", f"127.0.0.1:{real}")
    config = folder / "haproxy.cfg"
    config.write_text(text)
    url = f"http://127.0.0.1:{port}"
    # /docs is served by the instances, so it answers once haproxy has found one ready.
    with process([str(HAPROXY), "-db", "-f", config], answers(f"{url}/docs"), log=log):
        yield url
