"""The deployment files name what exists, and give a stopping instance its time."""

from __future__ import annotations

import configparser
import re
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml
from support.haproxy import EXAMPLE, HAPROXY
from support.servers import ROOT

from cartproxy.settings import Settings
from cartproxy.settings_source import SettingsError, load

FOLDER = ROOT / "docs/deploy"
UNIT = (FOLDER / "cartproxy@.service").read_text()
COMPOSE = (FOLDER / "compose.yml").read_text()
DOCKERFILE = (FOLDER / "Dockerfile").read_text()


@pytest.mark.parametrize("text", [UNIT, COMPOSE, DOCKERFILE], ids=["unit", "compose", "Dockerfile"])
def test_only_settings_that_exist_are_set(text: str) -> None:
    names = set(re.findall(r"\b(CARTPROXY_\w+)(?:=|: )", text)) - {"CARTPROXY_CONFIG"}

    with pytest.raises(SettingsError) as refused:
        load(dict.fromkeys(names, "1"))

    assert names
    assert [each for each in refused.value.problems if "no such setting" in each] == []


@pytest.mark.parametrize(
    ("text", "grace"),
    [(UNIT, r"TimeoutStopSec=(\d+)"), (COMPOSE, r"stop_grace_period: (\d+)s")],
    ids=["unit", "compose"],
)
def test_no_process_is_killed_before_its_requests_can_end(text: str, grace: str) -> None:
    drain = re.search(r'CARTPROXY_DRAIN_SECONDS[=:] ?"?(\d+)', text)
    wait = re.search(grace, text)
    request_seconds = Settings.__dataclass_fields__["request_seconds"].default

    assert drain
    assert wait
    assert int(wait[1]) > int(drain[1]) + request_seconds + 5


def test_every_file_that_the_image_copies_exists() -> None:
    copied = re.findall(r"^COPY (?!--)(.+) \S+$", DOCKERFILE, re.MULTILINE)

    assert copied
    for name in " ".join(copied).split():
        assert (ROOT / name).exists(), name


def test_unit_names_each_secret_once_and_for_a_setting() -> None:
    loaded = set(re.findall(r"LoadCredential=(\w+):", UNIT))
    used = set(re.findall(r"=%d/(\w+)", UNIT))

    assert loaded == used
    assert {f"/run/secrets/{name}" for name in used} == set(
        re.findall(r"/run/secrets/\w+", COMPOSE)
    )


def test_composed_haproxy_finds_both_instances() -> None:
    services = yaml.safe_load(COMPOSE)["services"]
    given = services["haproxy"]["environment"]
    port = re.search(r"CARTPROXY_BIND=0.0.0.0:(\d+)", DOCKERFILE)

    assert port
    for name in ("one", "two"):
        address = services[name]["networks"]["inside"]["ipv4_address"]
        assert given[f"INSTANCE_{name.upper()}"] == f"{address}:{port[1]}"
    assert set(given) == set(re.findall(r"\$\{(\w+)-", EXAMPLE.read_text()))


def test_composed_services_can_change_nothing_of_their_image() -> None:
    services = yaml.safe_load(COMPOSE)["services"]

    for name in ("one", "two", "haproxy"):
        assert services[name]["read_only"]
        assert services[name]["cap_drop"] == ["ALL"]
    user = re.search(r"^USER (\d+):\d+$", DOCKERFILE, re.MULTILINE)
    assert user
    assert user[1] in COMPOSE, "the secrets' files are this user's"


@pytest.mark.skipif(HAPROXY is None, reason="haproxy is missing")
def test_haproxy_takes_the_composed_addresses() -> None:
    given = yaml.safe_load(COMPOSE)["services"]["haproxy"]["environment"]

    done = subprocess.run(
        [str(HAPROXY), "-c", "-f", EXAMPLE], env=given, capture_output=True, text=True, check=False
    )

    assert done.returncode == 0, done.stderr


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="systemd-analyze is missing")
def test_unit_is_well_formed(tmp_path: Path) -> None:
    unit = tmp_path / "cartproxy@8001.service"
    unit.write_text(UNIT.replace("/opt/cartproxy", str(ROOT)))

    done = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", unit], capture_output=True, text=True, check=False
    )

    assert "cartproxy@8001" not in done.stderr, done.stderr


def test_wheel_contains_every_file_that_is_not_code() -> None:
    config = configparser.ConfigParser()
    config.read(ROOT / "setup.cfg")
    packed = config["options.package_data"]

    for path in (ROOT / "cartproxy").rglob("*"):
        if path.is_dir() or path.suffix in (".py", ".pyc"):
            continue
        package = next(each for each in path.parents if (each / "__init__.py").exists())
        name = ".".join(package.relative_to(ROOT).parts)
        inside = path.relative_to(package)
        patterns = packed.get(name, "").split(",")
        assert any(inside.match(pattern.strip()) for pattern in patterns if pattern), path
