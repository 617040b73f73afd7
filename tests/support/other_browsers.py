"""Debian's Firefox and WebKitGTK, each by the protocol it brings: BiDi, and W3C WebDriver."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from typing import Any, Protocol, TypeVar

import requests
from websockets.sync.client import ClientConnection, connect

from support.servers import free_port
from support.waiting import PATIENCE_SECONDS

FIREFOX = shutil.which("firefox-esr") or shutil.which("firefox")
WEBKIT_DRIVER = shutil.which("WebKitWebDriver")
XVFB = shutil.which("Xvfb")
MINI_BROWSER = next(Path("/usr/lib").glob("*/webkit2gtk-4.1/MiniBrowser"), None)
SECONDS = PATIENCE_SECONDS
T = TypeVar("T")


class Tab(Protocol):
    """A tab of any browser."""

    def goto(self, url: str) -> None:
        """Open the address and wait until it is loaded."""

    def run(self, expression: str) -> Any:
        """The expression's value in the page, awaited where it is a promise."""


class FirefoxTab:
    """A tab over WebDriver BiDi."""

    def __init__(self, socket: ClientConnection) -> None:
        self._socket = socket
        self._ids = count(1)
        self._call("session.new", {"capabilities": {}})
        tree = self._call("browsingContext.getTree", {})
        self._context = tree["contexts"][0]["context"]

    def goto(self, url: str) -> None:
        where = {"context": self._context, "url": url, "wait": "complete"}
        self._call("browsingContext.navigate", where)

    def run(self, expression: str) -> Any:
        text = f"Promise.resolve({expression}).then((value) => JSON.stringify(value ?? null))"
        asked = {"expression": text, "target": {"context": self._context}, "awaitPromise": True}
        answer = self._call("script.evaluate", {**asked, "userActivation": True})
        assert answer["type"] == "success", answer
        return json.loads(answer["result"]["value"])

    def _call(self, method: str, params: dict[str, Any]) -> Any:
        number = next(self._ids)
        self._socket.send(json.dumps({"id": number, "method": method, "params": params}))
        while True:
            answer = json.loads(self._socket.recv(timeout=SECONDS))
            if answer.get("id") == number:
                assert "error" not in answer, answer
                return answer["result"]


class WebKitTab:
    """A tab over W3C WebDriver."""

    def __init__(self, driver: str) -> None:
        options = {"binary": str(MINI_BROWSER), "args": ["--automation"]}
        wanted = {"capabilities": {"alwaysMatch": {"webkitgtk:browserOptions": options}}}
        answer = requests.post(f"{driver}/session", json=wanted, timeout=SECONDS).json()["value"]
        self.session = f"{driver}/session/{answer['sessionId']}"

    def goto(self, url: str) -> None:
        self._post("url", {"url": url})

    def run(self, expression: str) -> Any:
        script = (
            "const done = arguments[arguments.length - 1];"
            f"Promise.resolve({expression}).then((value) => done(JSON.stringify(value ?? null)),"
            "(error) => done(JSON.stringify({ error: String(error) })));"
        )
        return json.loads(self._post("execute/async", {"script": script, "args": []}))

    def _post(self, command: str, body: dict[str, Any]) -> Any:
        answer = requests.post(f"{self.session}/{command}", json=body, timeout=SECONDS)
        assert answer.status_code == 200, answer.text
        return answer.json()["value"]


@contextmanager
def firefox(profile: Path) -> Iterator[Tab]:
    """A headless Firefox with a fresh profile."""
    port = free_port()
    assert FIREFOX is not None
    command = [FIREFOX, "--headless", "--no-remote", "--profile", str(profile)]
    with _running([*command, "--remote-debugging-port", str(port)], {"HOME": str(profile)}):
        url = f"ws://127.0.0.1:{port}/session"
        with _eventually(lambda: connect(url, max_size=None)) as socket:
            yield FirefoxTab(socket)


@contextmanager
def webkit(profile: Path) -> Iterator[Tab]:
    """WebKitGTK's small browser on a virtual screen, with empty storage."""
    port = free_port()
    assert WEBKIT_DRIVER is not None
    environment = {
        "HOME": str(profile),
        "XDG_RUNTIME_DIR": str(profile),
        # Its sandbox needs rights that a container has not, and its compositor a graphics card.
        "WEBKIT_DISABLE_SANDBOX_THIS_IS_DANGEROUS": "1",
        "WEBKIT_DISABLE_DMABUF_RENDERER": "1",
        "LIBGL_ALWAYS_SOFTWARE": "1",
    }
    driver = f"http://127.0.0.1:{port}"
    command = [WEBKIT_DRIVER, f"--port={port}"]
    with _screen() as screen, _running(command, {**environment, "DISPLAY": screen}):
        _eventually(lambda: requests.get(f"{driver}/status", timeout=SECONDS))
        tab = WebKitTab(driver)
        yield tab
        requests.delete(tab.session, timeout=SECONDS)


@contextmanager
def _screen() -> Iterator[str]:
    """A virtual screen; yields its name, which Xvfb chooses."""
    assert XVFB is not None
    reading, writing = os.pipe()
    command = [XVFB, "-displayfd", str(writing), "-screen", "0", "1100x800x24", "-nolisten", "tcp"]
    with _running(command, {}, writing):
        os.close(writing)
        with open(reading) as said:
            yield f":{said.readline().strip()}"


@contextmanager
def _running(command: list[str], environment: dict[str, str], *descriptors: int) -> Iterator[None]:
    path = {"PATH": "/usr/bin:/bin", **environment}
    quiet = subprocess.DEVNULL
    child = subprocess.Popen(command, env=path, stdout=quiet, stderr=quiet, pass_fds=descriptors)
    try:
        yield
    finally:
        child.terminate()
        child.wait(SECONDS)


def _eventually(attempt: Callable[[], T]) -> T:
    ends = time.monotonic() + SECONDS
    while True:
        try:
            return attempt()
        except OSError:
            if time.monotonic() > ends:
                raise
            time.sleep(0.2)
