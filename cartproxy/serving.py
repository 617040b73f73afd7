"""What gunicorn's master keeps while its configuration file is executed again at each SIGHUP.

Workers are forked from the master and take the settings that it holds. So all of them agree, also
one that takes the place of a dead one, whatever has become of the settings' file meanwhile.
"""

from __future__ import annotations

import functools
import os
import tempfile
from pathlib import Path

import structlog

from cartproxy import logs
from cartproxy.settings import Settings
from cartproxy.settings_source import SettingsError, load, load_or_exit, service_links

log = structlog.get_logger("cartproxy.serving")

_in_force: Settings | None = None


def settings() -> Settings:
    """The settings in force; bad ones end the process with code 78 when they are first read."""
    global _in_force
    if _in_force is None:
        _in_force = load_or_exit(os.environ)
        if links := service_links(os.environ):
            logs.configure(_in_force.log_level)
            log.warning("service_links_ignored", variables=links)
    return _in_force


def renew() -> None:
    """Read the settings again, files of secrets too; the environment is that of the start.

    Raises SettingsError with every problem; the previous settings then stay in force.
    """
    global _in_force
    new = load(os.environ)
    if new.bind != settings().bind:
        # A port that can't be had would end the master, when the old one is closed already.
        raise SettingsError(["bind: can't change while the service runs; restart it."])
    _in_force = new


@functools.cache
def shared_folder() -> Path:
    """A folder for the workers' figures and for the flag that says that this instance leaves."""
    try:
        return Path(tempfile.mkdtemp(prefix="cartproxy-"))
    except OSError as error:
        raise SystemExit(
            f"cartproxy: can't make a temporary folder: {error}. Let TMPDIR name a writable one."
        ) from None
