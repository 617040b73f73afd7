"""The command line: start the service and its tools, and check the settings."""

from __future__ import annotations

import argparse
import dataclasses
import io
import os
import signal
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from cartproxy import __version__
from cartproxy.errors import CartProxyError
from cartproxy.sandbox.arguments import LATENCY, PORT, number

if TYPE_CHECKING:
    from cartproxy.settings import Settings, StoreSettings


# What a command needs is imported when it runs: `serve` would wait for all of it twice.
_CATALOG_ID = number(int, 1, 2**31 - 1)


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
        code: int = chosen.run(chosen)
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


def _log_to_stderr() -> None:
    """Keep what is logged apart from what a command prints."""
    import structlog

    structlog.configure(logger_factory=lambda *_: structlog.PrintLogger(sys.stderr))


def parser() -> argparse.ArgumentParser:
    """Every command with its options; `run` of what it parses does it."""
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


def _add_demo(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
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
    demo.set_defaults(run=_demo)


def _demo(chosen: argparse.Namespace) -> int:
    from cartproxy.demo.starter import Demo

    if len({chosen.port, chosen.store_port, chosen.blog_port}) < 3:
        raise SystemExit("cartproxy demo: the three ports must differ.")
    return Demo(
        port=chosen.port,
        store_port=chosen.store_port,
        blog_port=chosen.blog_port,
        origins=chosen.origin,
        latency_ms=chosen.latency_ms,
        calls_per_second=chosen.calls_per_second,
    ).run()


def _add_serve(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    serve = commands.add_parser("serve", help="run the service (gunicorn)")
    _add_config_option(serve)
    serve.set_defaults(run=_serve)


def _serve(chosen: argparse.Namespace) -> int:
    """Become gunicorn, so that signals and exit codes are its own."""
    if chosen.config:
        os.environ["CARTPROXY_CONFIG"] = str(chosen.config.resolve())
    configuration = Path(__file__).with_name("gunicorn_conf.py")
    gunicorn = [sys.executable, "-m", "gunicorn", "--config", str(configuration)]
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})  # gunicorn_conf.py lets it in
    os.execv(sys.executable, [*gunicorn, "cartproxy.wsgi:app"])  # noqa: S606


def _add_sandbox(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    from cartproxy.sandbox.arguments import add_arguments

    sandbox = commands.add_parser("sandbox", help="run only the simulated store")
    add_arguments(sandbox)
    sandbox.set_defaults(run=_sandbox)


def _sandbox(chosen: argparse.Namespace) -> int:
    from cartproxy.sandbox.server import serve_from_arguments

    return serve_from_arguments(chosen)


def _add_doctor(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    doctor = commands.add_parser("doctor", help="check settings, stores, Redis and machine")
    _add_config_option(doctor)
    doctor.add_argument("--json", action="store_true", help="print JSON")
    doctor.set_defaults(run=_doctor)


def _doctor(chosen: argparse.Namespace) -> int:
    from cartproxy.doctor.examination import examine
    from cartproxy.doctor.report import as_json, as_text, exit_code

    settings_valid, findings = examine(os.environ, chosen.config)
    print(as_json(findings) if chosen.json else as_text(findings))
    return exit_code(settings_valid, findings)


def _add_probe(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    probe = commands.add_parser("probe", help="find out how a store behaves where no document says")
    _add_config_option(probe)
    probe.add_argument("--store", required=True, help="the store's id in the settings")
    probe.add_argument(
        "--live", action="store_true", help="allow a store that is not on this machine"
    )
    probe.add_argument("--yes", action="store_true", help="with --live: don't ask before starting")
    probe.add_argument("--json", action="store_true", help="print JSON")
    probe.add_argument("--profile", type=Path, help="write the profile to this file")
    probe.add_argument(
        "--product", type=_CATALOG_ID, help="catalog id of a product without options"
    )
    probe.set_defaults(run=_probe)


def _probe(chosen: argparse.Namespace) -> int:
    from cartproxy.probe.command import probe

    _log_to_stderr()
    return probe(chosen)


def _add_config(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    config = commands.add_parser("config", help="show the settings")
    actions = config.add_subparsers(dest="action", required=True, metavar="action")
    show = actions.add_parser("show", help="the settings in force, with secrets masked")
    _add_config_option(show)
    show.set_defaults(run=_show_config)
    docs = actions.add_parser("docs", help="docs/settings.md, made from the code")
    docs.set_defaults(run=_print_settings_page)


def _print_settings_page(_chosen: argparse.Namespace) -> int:
    from cartproxy.settings_page import settings_page

    print(settings_page(), end="")
    return 0


def _show_config(chosen: argparse.Namespace) -> int:
    from cartproxy.settings_source import load_or_exit

    settings = load_or_exit(os.environ, chosen.config)
    _show(settings, "")
    for name, store in settings.stores.items():
        print(f"\n[stores.{name}]")
        _show(store, "")
    return 0


def _show(settings: Settings | StoreSettings, indent: str) -> None:
    from cartproxy.settings import Secret, declared

    values = {each.name: getattr(settings, each.name) for each in dataclasses.fields(settings)}
    for name, _, _ in declared(type(settings)):
        value = values[name]
        shown = ("***" if value else "") if isinstance(value, Secret) else value
        print(f"{indent}{name} = {shown!r}")


def _add_snippet(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    snippet = commands.add_parser(
        "snippet", help="print the button of a product, to paste into a page"
    )
    snippet.add_argument("--store", required=True, help="the store's id in the settings")
    snippet.add_argument(
        "--product", required=True, type=_CATALOG_ID, help="the product's catalog id"
    )
    one = snippet.add_mutually_exclusive_group()
    one.add_argument("--link", action="store_true", help="only a link to a page that sells it")
    one.add_argument("--qr", action="store_true", help="the same link as a QR code, in SVG")
    _add_config_option(snippet)
    snippet.set_defaults(run=_snippet)


def _snippet(chosen: argparse.Namespace) -> int:
    """Ask the running service about the product, and print what fits it."""
    from cartproxy.settings_source import load_or_exit
    from cartproxy.widget.snippet import ask, buy_link, qr_code, snippet

    settings = load_or_exit(os.environ, chosen.config)
    store = settings.stores.get(chosen.store)
    if store is None:
        known = ", ".join(settings.stores)
        print(f"There is no store {chosen.store!r} in the settings, only {known}.", file=sys.stderr)
        return 1
    if chosen.link or chosen.qr:
        if not store.buy_page:
            print("Links are switched off: buy_page in the store's settings.", file=sys.stderr)
            return 1
        link = buy_link(settings.public_url, chosen.store, chosen.product)
        print(qr_code(link) if chosen.qr else link)
        return 0
    product = ask(settings.public_url, chosen.store, chosen.product)
    if "name" not in product:
        print("The service did not describe the product: no price, no options.", file=sys.stderr)
    site = store.site_url.rstrip("/")
    scheme = site.partition("://")[0]
    checkouts = [f"{scheme}://{host}" for host in store.hosts]
    print(snippet(settings.public_url, chosen.store, product, site, checkouts))
    return 0


def _add_config_option(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--config", type=Path, help="TOML file; default: CARTPROXY_CONFIG")


def _add_carts(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    carts = commands.add_parser("carts", help="the carts in Redis: list, show, revoke")
    actions = carts.add_subparsers(dest="action", required=True, metavar="action")
    listing = actions.add_parser("list", help="list carts, optionally of one site")
    listing.add_argument(
        "--limit",
        type=number(int, 1, 1_000_000),
        default=50,
        help="how many to list (default: 50)",
    )
    show = actions.add_parser("show", help="one cart's lines")
    show.add_argument("name", help="a cart's name as in the log, or its full name")
    revoke = actions.add_parser("revoke", help="delete a cart, or all carts of a site")
    revoke.add_argument("name", nargs="?", help="a cart's name as in the log")
    for action in (listing, show, revoke):
        _add_config_option(action)
    for action in (listing, revoke):
        action.add_argument("--store", help="the store's id, with --origin")
        action.add_argument("--origin", help="the site: https://blog.example, or key:NAME")
    carts.set_defaults(run=_carts)


def _carts(chosen: argparse.Namespace) -> int:
    from cartproxy import cli_carts

    _log_to_stderr()
    actions = {
        "list": cli_carts.list_carts,
        "show": cli_carts.show_cart,
        "revoke": cli_carts.revoke_carts,
    }
    return actions[chosen.action](chosen)


def _add_sales(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    sales = commands.add_parser("sales", help="carts, checkouts, orders and value by day and site")
    sales.add_argument("--store", required=True, help="the store's id in the settings")
    sales.add_argument("--since", default="30d", help="days (30d), or a date (2026-11-01)")
    form = sales.add_mutually_exclusive_group()
    form.add_argument("--json", action="store_true", help="print JSON")
    form.add_argument("--csv", action="store_true", help="print CSV")
    _add_config_option(sales)
    sales.set_defaults(run=_sales)


def _sales(chosen: argparse.Namespace) -> int:
    from cartproxy.cli_orders import print_sales

    _log_to_stderr()
    return print_sales(chosen)


def _add_webhook(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    webhook = commands.add_parser("webhook", help="the webhook by which a store reports its orders")
    actions = webhook.add_subparsers(dest="action", required=True, metavar="action")
    register = actions.add_parser("register", help="make the store post its new orders here")
    register.add_argument("--store", required=True, help="the store's id in the settings")
    _add_config_option(register)
    register.set_defaults(run=_register_webhook)


def _register_webhook(chosen: argparse.Namespace) -> int:
    from cartproxy.cli_orders import register_webhook

    _log_to_stderr()
    return register_webhook(chosen)


def _add_keys(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    keys = commands.add_parser("keys", help="keys of server-side callers")
    actions = keys.add_subparsers(dest="action", required=True, metavar="action")
    create = actions.add_parser("create", help="make a key, and the hash of it for the settings")
    create.add_argument("--name", required=True, help="whose key it is: letters, digits, . _ -")
    create.add_argument(
        "--customers",
        action="store_true",
        help="the key may name a cart's customer by e-mail address",
    )
    create.set_defaults(run=_create_key)


def _create_key(chosen: argparse.Namespace) -> int:
    from cartproxy.cli_carts import create_key

    return create_key(chosen)
