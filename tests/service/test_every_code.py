"""Every problem code is produced by a test and has its page; and no other code is produced."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest
import requests
from support.servers import ROOT
from support.shopper import MUG, Shopper, Store

import cartproxy.app  # every error class is known from here on
from cartproxy.errors import CartProxyError
from cartproxy.web.problem_kinds import CATALOGUE

PACKAGE = Path(cartproxy.app.__file__).parent


def trees(folder: Path) -> Iterator[ast.AST]:
    for path in folder.rglob("*.py"):
        yield ast.parse(path.read_text())


def strings(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.value


def kinds(kind: type[CartProxyError] = CartProxyError) -> Iterator[type[CartProxyError]]:
    for each in kind.__subclasses__():
        yield each
        yield from kinds(each)


@cache
def expected_by_tests() -> set[str]:
    """The strings in the assertions and parameter tables of tests."""
    found: set[str] = set()
    for tree in trees(ROOT / "tests"):
        for node in ast.walk(tree):
            if isinstance(node, ast.Assert):
                found.update(strings(node))
            elif isinstance(node, ast.FunctionDef) and node.name.startswith("test_"):
                for decorator in node.decorator_list:
                    found.update(strings(decorator))
    return found


def refused_by_the_edge() -> set[str]:
    return {
        node.args[0].value
        for tree in trees(PACKAGE)
        for node in ast.walk(tree)
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Name)
        and node.func.id == "Refused"
        and isinstance(node.args[0], ast.Constant)
    }  # type: ignore[return-value]


@pytest.mark.parametrize("code", CATALOGUE)
def test_code_is_expected_by_a_test_and_has_its_page(proxy_url: str, code: str) -> None:
    page = requests.get(f"{proxy_url}/problems/{code}", timeout=60)

    assert code in expected_by_tests()
    assert page.status_code == 200
    assert page.headers["Content-Type"].startswith("text/html")


def test_no_other_code_is_produced_and_none_is_left_over() -> None:
    errors = {kind.code for kind in kinds() if "code" in vars(kind)}
    edge = refused_by_the_edge()
    server = {"internal-error", "method-not-allowed", "address-too-long", "headers-too-large",
              "coding-not-supported"}  # fmt: skip

    assert errors | edge | server == set(CATALOGUE)


def test_address_that_the_store_refuses_has_its_own_code(shopper: Shopper, store: Store) -> None:
    shopper.add(MUG)
    store.fail({"method": "PUT", "path": "/Cart/*", "fault": "status", "status": 400, "times": 1})

    refused = shopper.call("PATCH", "/cart", {"billing": {"country": "nowhere"}})

    assert (refused.status_code, refused.json()["code"]) == (422, "address-rejected")
    assert refused.json()["outcome"] == "not_applied"
