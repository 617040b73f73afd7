"""The options of the simulated store, in a module that imports nothing else of it."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path

from cartproxy.sandbox import DEFAULT_PRIVATE_KEY, DEFAULT_SECURE_URL, DEFAULT_TOKEN


def number(kind: type[int] | type[float], least: float, most: float) -> Callable[[str], float]:
    """The type of an option that takes a number within these bounds."""

    def read(text: str) -> float:
        value = kind(text)
        if not least <= value <= most:
            raise argparse.ArgumentTypeError(f"{text} is not from {least} to {most}")
        return value

    read.__name__ = kind.__name__  # argparse names it where the text is no number
    return read


PORT = number(int, 1, 65_535)
LATENCY = number(int, 0, 600_000)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options to a command that starts the simulated store."""
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on")
    parser.add_argument("--port", type=PORT, default=8001, help="port to listen on")
    parser.add_argument("--latency-ms", type=LATENCY, default=0, help="delay of every store call")
    parser.add_argument("--secure-url", default=DEFAULT_SECURE_URL, help="SecureURL header")
    parser.add_argument("--private-key", default=DEFAULT_PRIVATE_KEY, help="PrivateKey header")
    parser.add_argument("--token", default=DEFAULT_TOKEN, help="Token header")
    parser.add_argument("--access-token", default="", help="Authorization: Bearer")
    parser.add_argument(
        "--profile", type=Path, help="file with settings to start with, as `probe` writes it"
    )
    parser.add_argument("--webhook", help="URL to which every event is sent")
