"""What gunicorn's master holds while its configuration is read again."""

from __future__ import annotations

import tempfile
from pathlib import Path

import pytest
from support.edge import settings as environment

from cartproxy import serving
from cartproxy.settings_source import SettingsError


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The settings' file of a process that has not read it yet."""
    path = tmp_path / "c.toml"
    path.write_text("concurrency = 7\n")
    for name, value in (environment() | {"CARTPROXY_CONFIG": str(path)}).items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(serving, "_in_force", None)
    return path


def test_settings_hold_until_they_are_renewed(file: Path) -> None:
    first = serving.settings().concurrency
    file.write_text("concurrency = 9\n")

    held = serving.settings().concurrency
    serving.renew()

    assert (first, held, serving.settings().concurrency) == (7, 7, 9)


@pytest.mark.parametrize("wrong", ["concurency = 9", "bind = '127.0.0.1:1'"])
def test_invalid_settings_leave_the_previous_ones_in_force(file: Path, wrong: str) -> None:
    before = serving.settings()
    file.write_text(wrong)

    with pytest.raises(SettingsError) as caught:
        serving.renew()

    assert len(caught.value.problems) == 1
    assert serving.settings() is before


def test_file_of_a_secret_is_read_again(
    file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    secret = tmp_path / "key"
    secret.write_text("old")
    monkeypatch.delenv("CARTPROXY_STORES_DEMO_PRIVATE_KEY")
    monkeypatch.setenv("CARTPROXY_STORES_DEMO_PRIVATE_KEY_FILE", str(secret))
    serving.settings()
    secret.write_text("new")

    serving.renew()

    assert serving.settings().stores["demo"].private_key.reveal() == "new"


def test_start_without_a_writable_folder_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", "/proc/nothing")

    with pytest.raises(SystemExit, match="TMPDIR") as ended:
        serving.shared_folder.__wrapped__()

    assert "\n" not in str(ended.value)
