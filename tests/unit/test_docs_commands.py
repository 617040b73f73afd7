"""Each command in a page is valid: its options, targets, files and routes exist."""

from __future__ import annotations

import argparse
import configparser
import pkgutil
import re
import shlex
from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path

import pytest
from support.edge import settings
from support.servers import ROOT
from werkzeug.exceptions import HTTPException

from cartproxy.app import create_app
from cartproxy.cli import parser
from cartproxy.settings_source import load

PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))]
FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
INLINE = re.compile(r"`((?:cartproxy|make) [a-z][^`]*)`")
ROUTES = create_app(load(settings())).url_map.bind("localhost")
CONFIG = configparser.ConfigParser()
CONFIG.read(ROOT / "setup.cfg")
# Programs of the machine, and the shell's own words.
OTHERS = {
    *("apt-get", "cd", "echo", "export", "grep", "install", "jq", "journalctl", "npm", "python3"),
    *("read", "systemctl", "umask"),
}


def cartproxy(words: list[str]) -> None:
    """Commands and options of the command line; their values are anything."""
    at: argparse.ArgumentParser = parser()
    for word in words:
        deeper = [each for each in at._actions if isinstance(each, argparse._SubParsersAction)]
        if word.startswith("-"):
            assert word in at._option_string_actions, word
        elif deeper:
            assert word in deeper[0].choices, word
            at = deeper[0].choices[word]


def leaves(at: argparse.ArgumentParser) -> Iterator[argparse.ArgumentParser]:
    """The parsers of the commands that have none below them."""
    deeper = [each for each in at._actions if isinstance(each, argparse._SubParsersAction)]
    for each in deeper:
        for below in each.choices.values():
            yield from leaves(below)
    if not deeper:
        yield at


def test_every_command_names_a_function() -> None:
    for each in leaves(parser()):
        assert callable(pkgutil.resolve_name(each.get_default("run"))), each.prog


def make(words: list[str]) -> None:
    targets = re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), re.MULTILINE)
    assert {word for word in words if "=" not in word} <= set(targets)


def curl(words: list[str]) -> None:
    method = words[words.index("-X") + 1] if "-X" in words else "POST" if "-d" in words else "GET"
    for word in words:
        if address := re.match(r"(?:http://)?localhost:\d+(/\S*)|\$API(/\S*)", word):
            path = address[1] or f"/v1/stores/demo{address[2]}"
            try:
                ROUTES.match(path, method=method)
            except HTTPException as error:
                raise AssertionError(f"{method} {path}: {error.name}") from None


def pip(words: list[str]) -> None:
    assert (ROOT / words[words.index("--constraint") + 1]).exists()
    for extras in re.findall(r"\[(.+)\]", " ".join(words)):
        assert set(extras.split(",")) <= set(CONFIG["options.extras_require"])


def cp(words: list[str]) -> None:
    assert all((ROOT / word).exists() for word in words[:-1])


CHECKS: dict[str, Callable[[list[str]], None]] = {
    "cartproxy": cartproxy,
    "make": make,
    "curl": curl,
    "cart": curl,
    "pip": pip,
    "cp": cp,
}


def commands() -> Iterator[tuple[str, str]]:
    """Every command of every page with where it is: fenced ones and those within a sentence."""
    for page in PAGES:
        text, name = page.read_text(), str(page.relative_to(ROOT))
        for language, block in FENCE.findall(text):
            lines = re.sub(r"\\\n\s*", "", block).replace("\n      [", " [").splitlines()
            if language == "console":
                lines = [line.removeprefix("$ ") for line in lines if line.startswith("$ ")]
            if language in ("sh", "console"):
                yield from ((name, line) for line in lines if line and not line.startswith("#"))
        yield from ((name, line) for line in INLINE.findall(FENCE.sub("", text)))


@pytest.mark.parametrize(("page", "line"), list(commands()))
def test_command_can_be_given(page: str, line: str) -> None:
    if re.match(r"[A-Z_]+=|cart\(\)", line):
        return  # the page sets a variable or makes a function
    words = shlex.split(line, comments=True)
    joints = [at for at, word in enumerate(words) if word in ("|", "&&", ">")]
    for begin, end in pairwise([-1, *joints, len(words)]):
        if begin >= 0 and words[begin] == ">":
            continue  # a file
        program, given = words[begin + 1].rpartition("/")[2], words[begin + 2 : end]
        if program in CHECKS:
            CHECKS[program](given)
        else:
            assert program in OTHERS, line


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_block_says_its_language(page: Path) -> None:
    assert "" not in [language for language, _ in FENCE.findall(page.read_text())]
