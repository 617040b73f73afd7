"""Machines of a network of their own: Linux network namespaces, joined by a bridge.

Everything is made inside the namespaces, the bridge too: nothing of it reaches this machine's own
network, nor the other way round.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import secrets
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache

CLONE_NEWNET = 0x40000000
NET = "10.77.0"
IP = shutil.which("ip") or shutil.which("ip", path="/usr/sbin:/sbin")


def ip(*arguments: str) -> None:
    """Run `ip`, which must succeed."""
    done = subprocess.run([str(IP), *arguments], capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"ip {' '.join(arguments)}: {done.stderr}"


@cache
def reason_to_skip() -> str:
    """Why no network can be made here; empty when one can."""
    if IP is None:
        return "ip is missing (Debian: iproute2)"
    if os.geteuid() != 0:
        return "network namespaces need root"
    try:
        with network(["probe"]) as (probe,), probe.inside():
            return ""
    except (AssertionError, OSError) as error:
        return f"network namespaces can't be made here: {error}"


@dataclass(frozen=True)
class Machine:
    """A namespace with one address; the bridge's end of its cable has its name."""

    name: str
    address: str
    namespace: str
    switch: str

    @contextlib.contextmanager
    def inside(self) -> Iterator[None]:
        """What this thread opens or starts in the block has the machine's network."""
        with (
            open("/proc/thread-self/ns/net") as home,
            open(f"/run/netns/{self.namespace}") as there,
        ):
            _enter(there.fileno())
            try:
                yield
            finally:
                _enter(home.fileno())

    def cut(self) -> None:
        """Pull its cable."""
        ip("-n", self.switch, "link", "set", "dev", self.name, "down")

    def reconnect(self) -> None:
        """Put the cable back."""
        ip("-n", self.switch, "link", "set", "dev", self.name, "up")


@contextlib.contextmanager
def network(names: Sequence[str]) -> Iterator[list[Machine]]:
    """Machines of these names (short: they name links too), 10.77.0.1 and so on."""
    run = f"cartproxy-{secrets.token_hex(3)}"
    switch = f"{run}-switch"
    with contextlib.ExitStack() as stack:
        _namespace(stack, switch)
        ip("-n", switch, "link", "add", "bridge", "type", "bridge")
        ip("-n", switch, "link", "set", "bridge", "up")
        machines = []
        for number, name in enumerate(names, 1):
            machine = Machine(name, f"{NET}.{number}", f"{run}-{name}", switch)
            own = machine.namespace
            _namespace(stack, own)
            link = (
                "link",
                "add",
                "name",
                name,
                "type",
                "veth",
                "peer",
                "name",
                "eth0",
                "netns",
                own,
            )
            ip("-n", switch, *link)
            ip("-n", switch, "link", "set", "dev", name, "master", "bridge", "up")
            ip("-n", own, "address", "add", f"{machine.address}/24", "dev", "eth0")
            ip("-n", own, "link", "set", "lo", "up")
            ip("-n", own, "link", "set", "eth0", "up")
            machines.append(machine)
        yield machines


def _namespace(stack: contextlib.ExitStack, name: str) -> None:
    ip("netns", "add", name)
    stack.callback(ip, "netns", "delete", name)


def _enter(descriptor: int) -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.setns(descriptor, CLONE_NEWNET) != 0:
        error = ctypes.get_errno()
        raise OSError(error, os.strerror(error))
