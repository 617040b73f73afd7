"""How the tests start Chromium."""

from __future__ import annotations

import shutil

CHROMIUM = shutil.which("chromium")
# The same engine without the window around it: a fresh profile costs it a quarter of the CPU.
HEADLESS = shutil.which("chromium-headless-shell") or CHROMIUM
ARGUMENTS = ("--no-sandbox", "--disable-gpu", "--disable-background-networking")
