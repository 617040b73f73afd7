"""Commands at a terminal: what can't be done is said in one line, whoever reads it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from support.servers import store_environment

from cartproxy.cli import main

DEAD = "http://127.0.0.1:1"
SETTINGS = {
    "CARTPROXY_REDIS_URL": "redis://127.0.0.1:1/0",
    "CARTPROXY_PUBLIC_URL": DEAD,
    "CARTPROXY_PEPPER": "p" * 32,
    **store_environment(DEAD, HOOK_SECRET="h" * 40),
}


def run(
    *arguments: str, output: int = subprocess.PIPE, redirection: str = "", **more: str
) -> subprocess.CompletedProcess[str]:
    """The command in a process of its own, with a Redis and a store that nobody can reach."""
    shell = ["sh", "-c", f'exec "$@" {redirection}', "sh"]
    command = [*shell, sys.executable, "-m", "cartproxy", *arguments]
    inherited = {k: v for k, v in os.environ.items() if not k.startswith("CARTPROXY_")}
    inherited["WEB_CONCURRENCY"] = "auto"  # as a host may set it, for others
    return subprocess.run(
        command,
        env=inherited | SETTINGS | more,
        stdout=output,
        stderr=subprocess.PIPE,
        stdin=subprocess.DEVNULL,
        text=True,
        timeout=120,
        check=False,
    )


@pytest.mark.parametrize(
    "command",
    ["carts list", "sales --store demo --json"],
)  # fmt: skip
def test_storage_that_is_away_is_said_beside_an_empty_output(command: str) -> None:
    ran = run(*command.split())

    assert (ran.returncode, ran.stdout) == (1, "")
    assert "does not answer" in ran.stderr
    assert "Traceback" not in ran.stderr


@pytest.mark.parametrize(
    "command",
    ["carts list --limit -1", f"carts list --limit {'9' * 30}", f"snippet --store demo --qr --product {'9' * 3000}",
     "snippet --store demo --product 0", "snippet --store demo --product -5", "probe --store demo --product 0",
     "demo --calls-per-second nan", "demo --calls-per-second 0", "demo --port 0", "demo --latency-ms -1",
     "demo --origin x --port 8000 --store-port 8000", "sandbox --port 99999", "sandbox --latency-ms -1",
     "keys create --name a:b", "keys create --name=", f"keys create --name {'a' * 33}"],
)  # fmt: skip
def test_argument_that_can_never_work_is_refused_at_once(
    command: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as refusal:
        main(command.split())

    assert refusal.value.code not in (0, None)
    assert capsys.readouterr().out == ""


def test_reader_that_has_left_is_no_error() -> None:
    read_end, write_end = os.pipe()
    os.close(read_end)

    ran = run("config", "show", output=write_end)
    os.close(write_end)

    assert (ran.returncode, ran.stderr) == (1, "")


@pytest.mark.parametrize("closed", ["<&-", ">&-", "2>&-", "<&- >&- 2>&-"])
@pytest.mark.parametrize("command", ["keys create --name blog", "config show", "carts list"])
def test_closed_stream_is_as_if_nobody_read_it(closed: str, command: str) -> None:
    def ran(redirection: str) -> tuple[int, int, int]:
        ended = run(*command.split(), redirection=redirection)
        return ended.returncode, len(ended.stdout), len(ended.stderr)

    assert ran(closed) == ran(closed.replace("&-", "/dev/null"))


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
def test_output_that_can_not_be_written_is_one_line() -> None:
    with Path("/dev/full").open("w") as full:
        ran = run("config", "show", output=full.fileno())

    assert ran.returncode == 1
    assert len(ran.stderr.splitlines()) == 1


def test_what_the_environment_means_for_others_does_not_stop_a_start() -> None:
    ran = run("sandbox", "--profile", "/nope")

    assert (ran.returncode, len(ran.stderr.splitlines())) == (78, 1)


def test_letters_that_the_terminal_does_not_know_are_escaped() -> None:
    named = {"PYTHONIOENCODING": "ascii", "CARTPROXY_STORES_DEMO_NAME": "B\u00fccher"}

    ran = run("config", "show", **named)

    assert (ran.returncode, ran.stderr) == (0, "")
    assert "B\\xfccher" in ran.stdout


@pytest.mark.parametrize(
    "at", ["argparse.ArgumentParser.parse_args", "cartproxy.cli_carts.create_key"]
)
def test_interrupt_ends_a_command_without_a_traceback(
    at: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(at, interrupt)

    assert main(["keys", "create", "--name", "blog"]) == 128 + signal.SIGINT


@pytest.mark.parametrize("said", [b"5", b"[1]", b"{}", b'{"catalog_id": 4}', b"<html>"])
def test_snippet_is_printed_where_another_service_answers(
    said: bytes, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    class Other(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.end_headers()
            self.wfile.write(said)

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Other) as other:
        threading.Thread(target=other.serve_forever, daemon=True).start()
        url = f"http://127.0.0.1:{other.server_port}"
        for name, value in (SETTINGS | {"CARTPROXY_PUBLIC_URL": url}).items():
            monkeypatch.setenv(name, value)

        code = main(["snippet", "--store", "demo", "--product", "3829"])
        other.shutdown()

    printed = capsys.readouterr()
    assert code == 0
    assert '<cart-button catalog-id="3829">' in printed.out
    assert "did not describe" in printed.err
