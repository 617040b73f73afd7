"""The report, for people and for programs, and the exit code."""

from __future__ import annotations

import argparse
import dataclasses
import json
import os
from collections import Counter
from collections.abc import Sequence

from cartproxy.doctor.examination import examine
from cartproxy.doctor.findings import Finding, Level
from cartproxy.settings_source import EX_CONFIG


def doctor(chosen: argparse.Namespace) -> int:
    """Examine and print. Returns 78 with invalid settings, 1 with an error, else 0."""
    settings_valid, findings = examine(os.environ, chosen.config)
    print(as_json(findings) if chosen.json else as_text(findings))
    if not settings_valid:
        return EX_CONFIG
    return int(any(each.level is Level.ERROR for each in findings))


def as_text(findings: Sequence[Finding]) -> str:
    """A line for each finding, what to do below it, and the count at the end."""
    lines = []
    for each in findings:
        lines.append(f"{each.level:8} {each.about}: {each.detail} [{each.code}]")
        if each.advice:
            lines.append(f"{'':8} -> {each.advice}")
    counts = Counter(each.level for each in findings)
    lines.append(f"\nerrors: {counts[Level.ERROR]}, warnings: {counts[Level.WARNING]}")
    return "\n".join(lines)


def as_json(findings: Sequence[Finding]) -> str:
    """`{errors, warnings, findings: [{level, code, about, detail, advice}]}`."""
    counts = Counter(each.level for each in findings)
    document = {
        "errors": counts[Level.ERROR],
        "warnings": counts[Level.WARNING],
        "findings": [dataclasses.asdict(each) for each in findings],
    }
    return json.dumps(document, indent=2)
