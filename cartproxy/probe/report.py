"""The probe's report: a table for people, JSON for programs. It has no secrets or addresses."""

from __future__ import annotations

import json
from typing import Any

from cartproxy.probe.walk import NEVER_ASKED, QUESTIONS, Walk
from cartproxy.store.habits import UNSURE_LENGTHS


def profile(walk: Walk) -> dict[str, Any]:
    """The settings that make the simulated store behave like this one, as far as known."""
    return {name: value for name, value in walk.learned.items() if name not in UNSURE_LENGTHS}


def as_json(walk: Walk, store: str, calls: int, throttled: int) -> str:
    """An object with `profile` and `findings`, each with its `answer`, or `why` there is none."""
    findings = [
        {"name": name, "question": question}
        | ({"answer": walk.learned[name]} if name in walk.learned else {"why": walk.unknown[name]})
        for name, question in QUESTIONS.items()
    ]
    findings += [{"name": name, "question": "", "why": why} for name, why in NEVER_ASKED.items()]
    return json.dumps(
        {
            "store": store,
            "calls": calls,
            "throttled": throttled,
            "findings": findings,
            "carts_left": walk.left_behind,
            "carts_lost": walk.lost,
            "profile": profile(walk),
        },
        indent=2,
    )


def as_text(walk: Walk, store: str, calls: int, throttled: int) -> str:
    """The same for people."""
    rows = [
        (question, _shown(walk.learned[name]) if name in walk.learned else "?")
        for name, question in QUESTIONS.items()
    ]
    width = max(len(question) for question, _ in rows)
    lines = [f"Store {store}: {calls} calls, {throttled} of them throttled by the store.", ""]
    lines += [f"{question:<{width}}  {answer}" for question, answer in rows]
    unknown = [f"{QUESTIONS[name]}: {why}" for name, why in walk.unknown.items()]
    lines += ["", "Not known:", *(f"- {each}" for each in (*unknown, *NEVER_ASKED.values()))]
    if walk.left_behind:
        carts = _carts(walk.left_behind)
        lines += ["", f"{carts} could not be deleted. Run the probe again: it begins with that."]
    if walk.lost:
        lines += [
            "",
            f"{_carts(walk.lost)} may be left, empty: the store's answer with the key was lost.",
        ]
    lines += ["", "Profile:", json.dumps(profile(walk), indent=2)]
    return "\n".join(lines)


def _carts(count: int) -> str:
    return "1 cart" if count == 1 else f"{count} carts"


def _shown(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)
