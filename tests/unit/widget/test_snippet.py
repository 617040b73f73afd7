"""The form that a blogger pastes: the same rules as the widget's, in plain HTML."""

from __future__ import annotations

import re
import threading
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
from support.edge import settings

from cartproxy.cli import main
from cartproxy.widget.snippet import ask, snippet

MUG = {
    "catalog_id": 3829, "name": "Pint mug", "price": "9.99", "currency": "USD", "option_sets": [],
    "product_url": "https://shop.example/mug", "minimum_quantity": None, "maximum_quantity": None,
    "quantity_step": None, "fractional_quantity": False, "variants": [],
}  # fmt: skip


def option(number: int, name: str = "", more: str = "0.00", **fields: Any) -> dict[str, Any]:
    name = name or f"Option {number}"
    return {"option_id": number, "name": name, "price_difference": more, "selected": False} | fields


def options(kind: str, *choices: dict[str, Any], **fields: Any) -> dict[str, Any]:
    return {
        "option_set_id": 7, "name": "Set", "kind": kind, "required": True, "max_length": None,
        "options": list(choices),
    } | fields  # fmt: skip


def printed(**fields: Any) -> str:
    """What is pasted for pages without scripts."""
    text = snippet("https://cart.example", "demo", MUG | fields, "https://shop.example", ())
    return re.sub(r"\s+", " ", text.partition("only the form:")[2].partition("If the page")[0])


def form_with(*sets: dict[str, Any], **fields: Any) -> str:
    return printed(option_sets=list(sets), **fields)


def test_nothing_is_chosen_that_the_store_does_not_mark() -> None:
    choices = option(1), option(2, selected=True)

    assert '<select name="option-7" required> <option value="">-</option>' in form_with(
        options("single", option(1), option(2))
    )
    assert "-</option>" not in form_with(options("single", *choices))
    assert '<option value="2:Option 2" selected>' in form_with(options("single", *choices))


def test_sold_out_choice_cannot_be_sent() -> None:
    gone = [{"option_ids": [2], "available": False}, {"option_ids": [1, 3], "available": False}]
    found = form_with(options("single", option(1), option(2, selected=True)), variants=gone)

    assert '<option value="2:Option 2" disabled>Option 2 - sold out</option>' in found
    assert '<option value="">-</option>' in found
    assert '<option value="1:Option 1">Option 1</option>' in found


def test_each_entry_of_a_text_is_a_field_with_its_limit() -> None:
    entries = option(41, "First", "2.00"), option(42, "Second")
    found = form_with(options("text", *entries, max_length=12))

    assert 'Set: First (+2.00 USD) <input name="option-7-41" maxlength="12">' in found
    assert 'Set: Second <input name="option-7-42" maxlength="12">' in found
    one = form_with(options("multiline", option(41, "Set"), max_length=900))
    assert 'Set <textarea name="option-7-41" maxlength="255" required></textarea>' in one
    assert '<input name="option-7-7" maxlength="255" required>' in form_with(options("text"))


def test_any_number_of_check_boxes_can_be_had() -> None:
    found = form_with(options("multiple", option(1), option(2, selected=True)))

    assert found.count('type="checkbox" name="option-7"') == 2
    assert 'value="2:Option 2" checked' in found


def test_heading_is_not_offered() -> None:
    found = form_with(options("heading", option(1, "Read on", "5.00")))

    assert "<strong>Set</strong>" in found
    assert "Read on" not in found


@pytest.mark.parametrize("kind", ["unsupported", "single", "multiple"])
def test_what_only_the_store_can_take_leads_there(kind: str) -> None:
    choices = [option(1)] if kind == "unsupported" else []

    required = form_with(options(kind, *choices))
    optional = form_with(options(kind, *choices, required=False))

    assert "<form" not in required
    assert '<a href="https://shop.example/mug">' in required
    assert 'Set: <a href="https://shop.example/mug">at the store</a>' in optional
    assert "<button>" in optional


@pytest.mark.parametrize(
    ("limits", "field"),
    [
        ({}, 'value="1" min="1">'),
        ({"minimum_quantity": 6, "maximum_quantity": 60, "quantity_step": 6},
         'value="6" min="6" max="60" step="6">'),
        ({"fractional_quantity": True}, 'value="1" min="0" step="any">'),
        ({"fractional_quantity": True, "minimum_quantity": 0.5}, 'value="0.5" min="0.5" step="any">'),
        ({"maximum_quantity": 5}, 'value="1" min="1" max="5">'),
    ],
)  # fmt: skip
def test_quantity_begins_with_the_minimum_and_steps_by_the_step(
    limits: dict[str, Any], field: str
) -> None:
    assert field in printed(**limits)


def test_what_the_store_says_is_escaped() -> None:
    evil = '"><script>'
    sets = [options(kind, option(1, evil), name=evil) for kind in ("single", "multiple", "text")]

    found = form_with(
        *sets, options("heading", name=evil), options("unsupported", name=evil, required=False)
    )

    assert "<script>" not in found


def command(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], *more: str, **changed: str
) -> tuple[int, str]:
    """Exit code and output of `cartproxy snippet`."""
    for name, value in settings(CARTPROXY_PUBLIC_URL="https://cart.example", **changed).items():
        monkeypatch.setenv(name, value)
    code = main(["snippet", "--store", "demo", "--product", "3829", *more])
    return code, capsys.readouterr().out


def test_only_the_link_is_printed(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    code, said = command(monkeypatch, capsys, "--link")

    assert (code, said) == (0, "https://cart.example/v1/stores/demo/buy/3829\n")


def test_qr_code_is_a_picture(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    code, said = command(monkeypatch, capsys, "--qr")

    assert code == 0
    assert ElementTree.fromstring(said).tag == "{http://www.w3.org/2000/svg}svg"  # noqa: S314


def test_no_link_is_printed_where_there_is_no_page(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    off = {"CARTPROXY_STORES_DEMO_BUY_PAGE": "off"}

    assert command(monkeypatch, capsys, "--link", **off) == (1, "")


@pytest.mark.parametrize(
    "said", ["<h1>Parked</h1>", "[1, 2]", "null", '{"status": "ok"}', '{"catalog_id": 1}', "[" * 9999]
)  # fmt: skip
def test_what_is_no_product_counts_as_no_answer(tmp_path: Path, said: str) -> None:
    page = tmp_path / "v1/stores/demo/products/3829"
    page.parent.mkdir(parents=True)
    page.write_text(said)
    handler = partial(SimpleHTTPRequestHandler, directory=str(tmp_path))

    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        try:
            found = ask(f"http://127.0.0.1:{server.server_port}/", "demo", 3829)
        finally:
            server.shutdown()

    assert found == {"catalog_id": 3829}
