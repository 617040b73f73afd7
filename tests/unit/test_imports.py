"""Imports go one way: no circles, and nothing upwards.

All imports count, those of functions and of type checkers too: a circle hidden there is one.
"""

from __future__ import annotations

import ast
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import cartproxy

# From top to bottom. A room (a package or module directly under cartproxy) imports from floors
# below its own, and nothing from its own floor.
FLOORS = (
    {"__main__", "wsgi"},
    {"cli", "gunicorn_conf"},
    {"cli_orders", "cli_snippet"},
    {"app", "cli_carts", "demo", "doctor", "probe", "server", "serving", "settings_page"},
    {"sandbox", "settings_source", "upstream", "web"},
    {"carts", "widget"},
    {"limits", "records", "store"},
    {"storage"},
    {"deadline", "logs", "metrics", "settings", "tracing"},
    {"model"},
    {"compact", "errors", "sites"},
)

FOLDER = Path(cartproxy.__file__).parent
FILES = {
    ".".join(("cartproxy", *file.relative_to(FOLDER).with_suffix("").parts)).removesuffix(
        ".__init__"
    ): file
    for file in FOLDER.rglob("*.py")
}
FLOOR = {room: floor for floor, rooms in enumerate(FLOORS) for room in rooms}


def imports(module: str) -> set[str]:
    """The modules of cartproxy that a module imports."""
    found = set()
    for node in ast.walk(ast.parse(FILES[module].read_text())):
        if isinstance(node, ast.Import):
            found |= {each.name for each in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert not node.level, f"{module} imports relatively"
            names = {f"{node.module}.{each.name}" for each in node.names}
            found |= names & FILES.keys() or {str(node.module)}
    return found & FILES.keys()


IMPORTS = {module: imports(module) for module in FILES}


def room(module: str) -> str:
    return f"{module}.".split(".")[1]


def test_no_modules_import_each_other_in_a_circle() -> None:
    try:
        TopologicalSorter(IMPORTS).prepare()
    except CycleError as error:
        raise AssertionError(" imports ".join(reversed(error.args[1]))) from None


def test_rooms_import_only_from_the_floors_below() -> None:
    between = {
        (room(module), room(other))
        for module, others in IMPORTS.items()
        for other in others
        if room(module) != room(other) and room(other)
    }

    upwards = {(one, other) for one, other in between if FLOOR[one] >= FLOOR[other]}

    assert not upwards


def test_every_room_has_its_floor() -> None:
    assert FLOOR.keys() == {room(module) for module in FILES} - {""}
