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
    names = ("LISTEN", "INSTANCE_ONE", "INSTANCE_TWO")
    assert all(f'"${{{name}-127.0.0.1:' in text for name in names)
    addresses = [f"127.0.0.1:{each}" for each in (port, *ports)]
    environment = dict(zip(names, addresses, strict=True))
    config = folder / "haproxy.cfg"
    config.write_text(text)
    url = f"http://127.0.0.1:{port}"
    # /docs is served by the instances, so it answers once haproxy has found one ready.
    command = [str(HAPROXY), "-db", "-f", config]
    with process(command, answers(f"{url}/docs"), environment=environment, log=log):
        yield url
