"""Starts simulated store, proxy and blog as processes, and stops them together."""

from __future__ import annotations

import argparse
import os
import secrets
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Sequence

import requests

from cartproxy import sandbox

_START_SECONDS = 120
_STOP_SECONDS = 20
_POLL_SECONDS = 0.05
_DEMO_STORE = "CARTPROXY_STORES_DEMO_"


def run_demo(chosen: argparse.Namespace) -> int:
    """Run the demo until it is stopped; the exit code of `Demo.run`."""
    if len({chosen.port, chosen.store_port, chosen.blog_port}) < 3:
        raise SystemExit("cartproxy demo: the three ports must differ.")
    return Demo(chosen).run()


class Demo:
    """The three services on three ports of this machine, by the options of the command."""

    def __init__(self, chosen: argparse.Namespace) -> None:
        self._chosen = chosen
        self._settings = self._proxy_settings()
        self._stopping = threading.Event()
        self._processes: list[subprocess.Popen[bytes]] = []
        self._watcher: subprocess.Popen[bytes] | None = None

    def run(self) -> int:
        """Start everything, print the addresses and `ready`, and wait for SIGINT or SIGTERM.

        Returns 0 after a clean stop, 1 if a part did not start or ended by itself.
        """
        # What answers on a port that is taken, such as another demo, would pass for our part.
        for port in (self._chosen.port, self._chosen.store_port, self._chosen.blog_port):
            try:
                socket.create_server(("127.0.0.1", port)).close()
            except OSError as error:
                reason = os.strerror(error.errno or 0)
                print(f"cartproxy demo: port {port}: {reason}.", file=sys.stderr)
                return 1
        for each in (signal.SIGINT, signal.SIGTERM):
            signal.signal(each, lambda *_: self._stopping.set())
        try:
            self._start()
            if self._wait_until_ready():
                self._register_webhook()
                self._announce()
                return self._wait_for_stop()
            return 0 if self._stopping.is_set() else 1
        finally:
            self._end()

    def _start(self) -> None:
        python = [sys.executable, "-m"]
        self._watcher = subprocess.Popen(
            [*python, "cartproxy.demo.survivors"], stdin=subprocess.PIPE, start_new_session=True
        )
        store = ["cartproxy", "sandbox", "--port", str(self._chosen.store_port)]
        self._spawn([*python, *store, "--latency-ms", str(self._chosen.latency_ms)], {})
        self._spawn([*python, "cartproxy", "serve"], self._settings)
        blog = ["gunicorn", "--bind", f"127.0.0.1:{self._chosen.blog_port}", "--no-control-socket"]
        self._spawn(
            [*python, *blog, "--log-level", "warning", "cartproxy.demo.blog:app"],
            {
                "CARTPROXY_DEMO_PROXY_PORT": str(self._chosen.port),
                "CARTPROXY_DEMO_STORE_PORT": str(self._chosen.store_port),
            },
        )

    def _proxy_settings(self) -> dict[str, str]:
        """Settings of the demo's store; others (such as Redis) come from the environment."""
        store_url = f"http://127.0.0.1:{self._chosen.store_port}"
        blog = [f"http://{host}:{self._chosen.blog_port}" for host in ("localhost", "127.0.0.1")]
        settings = {
            "CARTPROXY_BIND": f"127.0.0.1:{self._chosen.port}",
            "CARTPROXY_PUBLIC_URL": f"http://localhost:{self._chosen.port}",
            _DEMO_STORE + "SECURE_URL": sandbox.DEFAULT_SECURE_URL,
            _DEMO_STORE + "PRIVATE_KEY": sandbox.DEFAULT_PRIVATE_KEY,
            _DEMO_STORE + "TOKEN": sandbox.DEFAULT_TOKEN,
            _DEMO_STORE + "API_URL": f"{store_url}/3dCartWebAPI",
            _DEMO_STORE + "SHOP_URL": store_url,
            _DEMO_STORE + "CHECKOUT_HOSTS": store_url.removeprefix("http://"),
            _DEMO_STORE + "CALLS_PER_SECOND": str(self._chosen.calls_per_second),
            _DEMO_STORE + "CALL_BURST": str(max(10, int(self._chosen.calls_per_second))),
            _DEMO_STORE + "ORIGINS": ",".join([*blog, *self._chosen.origin]),
        }
        for name in ("CARTPROXY_PEPPER", _DEMO_STORE + "HOOK_SECRET"):
            if name not in os.environ:
                settings[name] = secrets.token_urlsafe(32)
        return settings

    def _register_webhook(self) -> None:
        """Make the simulated store report its orders, as a merchant's store does."""
        register = ["cartproxy", "webhook", "register", "--store", "demo"]
        subprocess.run(
            [sys.executable, "-m", *register],
            env=os.environ | self._settings,
            stdout=subprocess.DEVNULL,
            check=False,
            timeout=_START_SECONDS,
        )

    def _spawn(self, command: Sequence[str], settings: dict[str, str]) -> None:
        # In its own session: Ctrl-C reaches only this process, which then stops the others.
        process = subprocess.Popen(command, env=os.environ | settings, start_new_session=True)
        self._processes.append(process)
        if self._watcher and self._watcher.stdin:
            self._watcher.stdin.write(b"%d\n" % process.pid)
            self._watcher.stdin.flush()

    def _wait_until_ready(self) -> bool:
        waiting = [
            f"http://127.0.0.1:{self._chosen.store_port}/_sandbox/settings",
            f"http://127.0.0.1:{self._chosen.port}/readyz",
            f"http://127.0.0.1:{self._chosen.blog_port}/",
        ]
        ends = time.monotonic() + _START_SECONDS
        while waiting and not self._stopping.is_set():
            if self._ended() or time.monotonic() > ends:
                print("cartproxy demo: a part did not start; see above.", file=sys.stderr)
                return False
            if _answers(waiting[0]):
                del waiting[0]
            else:
                self._stopping.wait(_POLL_SECONDS)
        return not self._stopping.is_set()

    def _announce(self) -> None:
        print(f"simulated store  http://127.0.0.1:{self._chosen.store_port}/")
        print(f"cart proxy       http://localhost:{self._chosen.port}/docs")
        print(f"blog             http://localhost:{self._chosen.blog_port}/")
        print("ready", flush=True)

    def _wait_for_stop(self) -> int:
        while not self._stopping.wait(0.5):
            if self._ended():
                print("cartproxy demo: a part has ended unexpectedly; stopping.", file=sys.stderr)
                return 1
        return 0

    def _ended(self) -> bool:
        return any(process.poll() is not None for process in self._processes)

    def _end(self) -> None:
        """Stop the proxy before the store behind it, so that no request is cut short."""
        for process in (*self._processes[1:], *self._processes[:1]):
            process.terminate()
            try:
                process.wait(_STOP_SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        if self._watcher:
            self._watcher.kill()  # nobody is left; their numbers may soon be others'
            self._watcher.communicate()


def _answers(url: str) -> bool:
    session = requests.Session()
    session.trust_env = False
    try:
        return session.get(url, timeout=2).status_code == 200
    except requests.RequestException:
        return False
