"""The command line: start the service and its tools, and check the settings."""

from __future__ import annotations

import argparse
import io
import os
import pkgutil
import signal
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from cartproxy import __version__
from cartproxy.errors import CartProxyError
from cartproxy.sandbox.arguments import LATENCY, PORT, add_arguments, number

if TYPE_CHECKING:
    Commands = argparse._SubParsersAction[argparse.ArgumentParser]

_CATALOG_ID = number(int, 1, 2**31 - 1)
_CONFIG = argparse.ArgumentParser(add_help=False)
_CONFIG.add_argument("--config", type=Path, help="TOML file; default: CARTPROXY_CONFIG")
_STORE = argparse.ArgumentParser(add_help=False, parents=[_CONFIG])
_STORE.add_argument("--store", required=True, help="the store's id in the settings")
# What these log is kept apart from what they print.
_LOGGING = ("carts", "probe", "sales", "webhook")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code: 0 fine, 1 not fine, 78 bad settings.

    What can't be done is said in one line on standard error.
    """
    for fd, name in enumerate(("stdin", "stdout", "stderr")):
        if getattr(sys, name) is None:  # closed: the next file that is opened would take its place
            os.set_inheritable(os.open(os.devnull, os.O_RDWR), True)
            setattr(sys, name, os.fdopen(fd, "w" if fd else "r"))
    if isinstance(sys.stdout, io.TextIOWrapper):  # a terminal may know fewer letters than products
        sys.stdout.reconfigure(errors="backslashreplace")
    chosen = argparse.Namespace(command="")
    # gunicorn counts with it when it is imported, also with a word. The settings have `workers`.
    os.environ.pop("WEB_CONCURRENCY", None)
    try:
        parser().parse_args(arguments, chosen)
        if chosen.command in _LOGGING:
            import structlog  # `serve` would wait for it twice

            structlog.configure(logger_factory=lambda *_: structlog.PrintLogger(sys.stderr))
        code: int = pkgutil.resolve_name(chosen.run)(chosen)
        sys.stdout.flush()
    except KeyboardInterrupt:
        return 128 + signal.SIGINT
    except CartProxyError as error:
        print(f"cartproxy {chosen.command}: {error.detail}", file=sys.stderr)
        return 1
    except OSError as error:
        if not isinstance(error, BrokenPipeError):  # nobody reads on, as after `| head`
            print(f"cartproxy {chosen.command}: {error}", file=sys.stderr)
        # Python would try to write the rest at its end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    return code


def parser() -> argparse.ArgumentParser:
    """Every command with its options, and as `run` the function that does it.

    It is named, and imported when it runs: `serve` would wait for all of them twice.
    """
    parser = argparse.ArgumentParser(prog="cartproxy", description=__doc__)
    parser.add_argument("--version", action="version", version=__version__)
    commands = parser.add_subparsers(dest="command", required=True, metavar="command")
    _add_demo(commands)
    _add_serve(commands)
    _add_sandbox(commands)
    _add_doctor(commands)
    _add_probe(commands)
    _add_config(commands)
    _add_snippet(commands)
    _add_carts(commands)
    _add_keys(commands)
    _add_sales(commands)
    _add_webhook(commands)
    return parser


def _add_demo(commands: Commands) -> None:
    demo = commands.add_parser("demo", help="simulated store, proxy and a blog page, to try out")
    demo.add_argument("--port", type=PORT, default=8000, help="the proxy's port")
    demo.add_argument("--store-port", type=PORT, default=8001, help="the simulated store's port")
    demo.add_argument("--blog-port", type=PORT, default=8002, help="the blog page's port")
    demo.add_argument(
        "--origin",
        action="append",
        default=[],
        help="another site that may use it, such as http://localhost:5173; may be repeated",
    )
    demo.add_argument("--latency-ms", type=LATENCY, default=0, help="delay of every store call")
    demo.add_argument(
        "--calls-per-second",
        type=number(float, 0.001, 1_000_000),
        default=200,
        help="calls per second that the simulated store allows; a live one allows about 2",
    )
    demo.set_defaults(run="cartproxy.demo.starter:run_demo")


def _add_serve(commands: Commands) -> None:
    serve = commands.add_parser("serve", help="run the service (gunicorn)", parents=[_CONFIG])
    serve.set_defaults(run="cartproxy.cli:serve")


def serve(chosen: argparse.Namespace) -> int:
    """Become gunicorn, so that signals and exit codes are its own."""
    if chosen.config:
        os.environ["CARTPROXY_CONFIG"] = str(chosen.config.resolve())
    configuration = Path(__file__).with_name("gunicorn_conf.py")
    gunicorn = [sys.executable, "-m", "gunicorn", "--config", str(configuration)]
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})  # gunicorn_conf.py lets it in
    os.execv(sys.executable, [*gunicorn, "cartproxy.wsgi:app"])  # noqa: S606


def _add_sandbox(commands: Commands) -> None:
    sandbox = commands.add_parser("sandbox", help="run only the simulated store")
    add_arguments(sandbox)
    sandbox.set_defaults(run="cartproxy.sandbox.server:serve_from_arguments")


def _add_doctor(commands: Commands) -> None:
    about = "check settings, stores, Redis and machine"
    doctor = commands.add_parser("doctor", help=about, parents=[_CONFIG])
    doctor.add_argument("--json", action="store_true", help="print JSON")
    doctor.set_defaults(run="cartproxy.doctor.report:doctor")


def _add_probe(commands: Commands) -> None:
    about = "find out how a store behaves where no document says"
    probe = commands.add_parser("probe", help=about, parents=[_STORE])
    probe.add_argument(
        "--live", action="store_true", help="allow a store that is not on this machine"
    )
    probe.add_argument("--yes", action="store_true", help="with --live: don't ask before starting")
    probe.add_argument("--json", action="store_true", help="print JSON")
    probe.add_argument("--profile", type=Path, help="write the profile to this file")
    probe.add_argument(
        "--product", type=_CATALOG_ID, help="catalog id of a product without options"
    )
    probe.set_defaults(run="cartproxy.probe.command:probe")


def _add_config(commands: Commands) -> None:
    config = commands.add_parser("config", help="show the settings")
    actions = config.add_subparsers(dest="action", required=True, metavar="action")
    about = "the settings in force, with secrets masked"
    show = actions.add_parser("show", help=about, parents=[_CONFIG])
    show.set_defaults(run="cartproxy.settings_page:print_settings")
    docs = actions.add_parser("docs", help="docs/settings.md, made from the code")
    docs.set_defaults(run="cartproxy.settings_page:print_page")


def _add_snippet(commands: Commands) -> None:
    about = "print the button of a product, to paste into a page"
    snippet = commands.add_parser("snippet", help=about, parents=[_STORE])
    snippet.add_argument(
        "--product", required=True, type=_CATALOG_ID, help="the product's catalog id"
    )
    one = snippet.add_mutually_exclusive_group()
    one.add_argument("--link", action="store_true", help="only a link to a page that sells it")
    one.add_argument("--qr", action="store_true", help="the same link as a QR code, in SVG")
    snippet.set_defaults(run="cartproxy.cli_snippet:print_snippet")


def _add_carts(commands: Commands) -> None:
    carts = commands.add_parser("carts", help="the carts in Redis: list, show, revoke")
    actions = carts.add_subparsers(dest="action", required=True, metavar="action")
    about = "list carts, optionally of one site"
    listing = actions.add_parser("list", help=about, parents=[_CONFIG])
    listing.add_argument(
        "--limit",
        type=number(int, 1, 1_000_000),
        default=50,
        help="how many to list (default: 50)",
    )
    listing.set_defaults(run="cartproxy.cli_carts:list_carts")
    show = actions.add_parser("show", help="one cart's lines", parents=[_CONFIG])
    show.add_argument("name", help="a cart's name as in the log, or its full name")
    show.set_defaults(run="cartproxy.cli_carts:show_cart")
    about = "delete a cart, or all carts of a site"
    revoke = actions.add_parser("revoke", help=about, parents=[_CONFIG])
    revoke.add_argument("name", nargs="?", help="a cart's name as in the log")
    revoke.set_defaults(run="cartproxy.cli_carts:revoke_carts")
    for action in (listing, revoke):
        action.add_argument("--store", help="the store's id, with --origin")
        action.add_argument("--origin", help="the site: https://blog.example, or key:NAME")


def _add_keys(commands: Commands) -> None:
    keys = commands.add_parser("keys", help="keys of server-side callers")
    actions = keys.add_subparsers(dest="action", required=True, metavar="action")
    create = actions.add_parser("create", help="make a key, and the hash of it for the settings")
    create.add_argument("--name", required=True, help="whose key it is: letters, digits, . _ -")
    create.add_argument(
        "--customers",
        action="store_true",
        help="the key may name a cart's customer by e-mail address",
    )
    create.set_defaults(run="cartproxy.cli_carts:create_key")


def _add_sales(commands: Commands) -> None:
    about = "carts, checkouts, orders and value by day and site"
    sales = commands.add_parser("sales", help=about, parents=[_STORE])
    sales.add_argument("--since", default="30d", help="days (30d), or a date (2026-11-01)")
    form = sales.add_mutually_exclusive_group()
    form.add_argument("--json", action="store_true", help="print JSON")
    form.add_argument("--csv", action="store_true", help="print CSV")
    sales.set_defaults(run="cartproxy.cli_orders:print_sales")


def _add_webhook(commands: Commands) -> None:
    webhook = commands.add_parser("webhook", help="the webhook by which a store reports its orders")
    actions = webhook.add_subparsers(dest="action", required=True, metavar="action")
    about = "make the store post its new orders here"
    register = actions.add_parser("register", help=about, parents=[_STORE])
    register.set_defaults(run="cartproxy.cli_orders:register_webhook")
