"""Draws the CPU of each server as an SVG chart for light and dark pages."""

from __future__ import annotations

from html import escape
from pathlib import Path

from benchmarks.cases import Result

_COLOURS = {
    "cartproxy": "#2a9d8f",
    "flask, naive": "#8d99ae",
    "fastapi": "#e09f3e",
    "fastify": "#9a6fb0",
}
_TEXT = "#808080"
_BAR, _GAP, _LEFT, _WIDTH = 16, 22, 150, 720
_STYLE = "font-family='system-ui, sans-serif' font-size='12'"


def draw(rows: list[tuple[str, str, Result]], path: Path) -> None:
    """Write the chart of CPU-ms a request: a group of bars for each case."""
    longest = max(result.cpu_ms for _, _, result in rows)
    scale = (_WIDTH - _LEFT - 60) / longest
    parts: list[str] = []
    y, last = 24, ""
    for title, name, result in rows:
        if title != last:
            y += _GAP
            parts.append(_text(8, y - 6, title, bold=True))
            last = title
        width = max(result.cpu_ms * scale, 1)
        parts.append(_text(_LEFT - 8, y + 12, name, anchor="end"))
        parts.append(
            f"<rect x='{_LEFT}' y='{y}' width='{width:.1f}' height='{_BAR - 3}' rx='2' "
            f"fill='{_COLOURS[name]}'/>"
        )
        parts.append(_text(_LEFT + width + 6, y + 11, f"{result.cpu_ms:.2f}"))
        y += _BAR
    head = _text(8, 16, "CPU-ms of the server's processes per request (less is better)", bold=True)
    path.write_text(
        f"<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 {_WIDTH} {y + 12}' role='img' "
        f"aria-label='CPU per request of each server'>\n<g {_STYLE} fill='{_TEXT}'>\n"
        + "\n".join([head, *parts])
        + "\n</g>\n</svg>\n"
    )


def _text(x: float, y: float, text: str, *, anchor: str = "start", bold: bool = False) -> str:
    weight = " font-weight='600'" if bold else ""
    return f"<text x='{x:.1f}' y='{y}' text-anchor='{anchor}'{weight}>{escape(text)}</text>"
