"""The walk: which questions the probe asks a store, and in which order."""

from __future__ import annotations

import secrets
import string
from collections.abc import Callable
from typing import Any

from cartproxy.probe.calls import Calls, NoAnswer
from cartproxy.probe.journal import Journal
from cartproxy.store import habits
from cartproxy.store.errors import StoreBadResponse
from cartproxy.store.transport import Answer

_LENGTHS = {name: f"shipping {name.replace('_', ' ')}" for name in habits.UNSURE_LENGTHS}
# Each question by the setting of the simulated store that it answers; those without one are last.
QUESTIONS = {
    "status_type": "What a write's Status is",
    "get_status": "The status of a cart that is read",
    "get_shape": "Whether a cart comes in a list",
    "empty_list": "The list of lines of an empty cart",
    "date_format": "How dates are written",
    "checkout_url_template": "The address of the checkout",
    "error_status": "Whether errors come under their own status (http) or under 200 (ok)",
    "unknown_cart_on_add": "The status of an add to a cart that is not there",
    "merge_same_item": "Whether the same item added twice is one line",
    **{name: f"Most characters of the {text}" for name, text in _LENGTHS.items()},
}
NEVER_ASKED = {
    "ordered_cart": "What an ordered cart answers: the probe places no order.",
    "rate_limit": "How many calls a second are allowed: the probe keeps to the settings' budget.",
}
MOST_CALLS = 20
_KEY_LETTERS = string.ascii_letters + string.digits


class Walk:
    """One walk through a store. `learned` and `unknown` (why) have the names of QUESTIONS.

    `bases` are the store's addresses, on which the checkout may be. `lost` counts carts that may
    have been created, but whose keys were never received.
    """

    def __init__(
        self, calls: Calls, journal: Journal, *, bases: set[str], catalog_id: int | None
    ) -> None:
        self._calls = calls
        self._journal = journal
        self._bases = bases
        self._catalog_id = catalog_id
        self.learned = journal.learned
        self.unknown: dict[str, str] = {}
        self.lost = 0
        self._key = ""
        self._urls: dict[str, str] = {}

    @property
    def left_behind(self) -> int:
        """How many carts could not be deleted."""
        return len(self._journal.carts)

    def run(self) -> None:
        """Ask what is not known yet, and delete every cart, also those of an earlier walk."""
        try:
            self._clean()
            for names, step in self._steps():
                self._take(names, step)
        finally:
            self._clean()
            if not self.left_behind and not self.unknown:
                self._journal.forget()

    def _steps(self) -> list[tuple[tuple[str, ...], Callable[[], dict[str, Any]]]]:
        return [
            (("status_type",), self._new_cart),
            (("get_status", "get_shape", "empty_list", "date_format"), self._empty_cart),
            (("checkout_url_template",), self._other_cart),
            (("error_status",), self._missing_cart),
            (("unknown_cart_on_add",), self._add_to_missing_cart),
            (("merge_same_item",), self._add_twice),
            *(((name,), self._length(name)) for name in _LENGTHS),
        ]

    def _take(self, names: tuple[str, ...], step: Callable[[], dict[str, Any]]) -> None:
        if all(name in self.learned for name in names):
            return
        why = "The answer does not say."
        try:
            found = step()
            self.learned.update({name: found[name] for name in names if name in found})
            self._journal.save()
        except NoAnswer as lost:
            why = str(lost)
        except StoreBadResponse as bad:
            why = bad.detail
        for name in names:
            if name not in self.learned:
                self.unknown[name] = why

    def _new_cart(self) -> dict[str, Any]:
        """Create a cart, record it, and return what its envelope shows."""
        try:
            answer = self._calls.ask("POST", "/Cart", habits.empty_cart())
        except NoAnswer as lost:
            self.lost += lost.unclear
            raise
        _expect(answer, "The store creates no cart")
        self._key = habits.created_key(answer)
        self._journal.carts.append(self._key)
        self._journal.save()
        return habits.envelope_habits(answer)

    def _cart(self) -> str:
        """The key of the cart for the questions; creates it if there is none."""
        if not self._key:
            self._new_cart()
        return self._key

    def _empty_cart(self) -> dict[str, Any]:
        key = self._cart()
        answer = self._calls.ask("GET", f"/Cart/{key}")
        _expect(answer, "The store does not show the cart")
        self._urls[key] = habits.checkout_url(answer)
        return habits.empty_cart_habits(answer)

    def _other_cart(self) -> dict[str, Any]:
        """The pattern is what the checkout addresses of two carts have in common."""
        first = self._cart()
        if first not in self._urls:
            self._empty_cart()
        self._new_cart()
        self._empty_cart()
        pattern = habits.template(self._urls, self._bases)
        if pattern is None:
            raise NoAnswer("The addresses of two carts differ in more than key and number.")
        return {"checkout_url_template": pattern}

    def _missing_cart(self) -> dict[str, Any]:
        answer = self._calls.ask("GET", f"/Cart/{_no_key()}")
        if habits.status_of(answer) < 400:
            raise NoAnswer("The store shows a cart that does not exist.")
        return {"error_status": "ok" if answer.status < 400 else "http"}

    def _add_to_missing_cart(self) -> dict[str, Any]:
        answer = self._calls.ask(
            "POST", f"/Cart/{_no_key()}/Item", habits.one_item(self._product())
        )
        status = habits.status_of(answer)
        if status not in (400, 404):
            raise NoAnswer(f"The store answers {status}.")
        return {"unknown_cart_on_add": status}

    def _add_twice(self) -> dict[str, Any]:
        path = f"/Cart/{self._cart()}"
        body = habits.one_item(self._product())
        for _ in range(2):
            _expect(self._calls.ask("POST", f"{path}/Item", body), "The store takes no item")
        answer = self._calls.ask("GET", path)
        _expect(answer, "The store does not show the cart")
        return {"merge_same_item": len(habits.line_ids(answer)) == 1}

    def _product(self) -> int:
        """A product that can be bought without options."""
        if self._catalog_id is None:
            answer = self._calls.ask("GET", "/Products?limit=20")
            self._catalog_id = next(habits.sellable(answer), None)
        if self._catalog_id is None:
            raise NoAnswer("No product without options can be bought: name one with --product.")
        return self._catalog_id

    def _length(self, name: str) -> Callable[[], dict[str, Any]]:
        likely = habits.UNSURE_LENGTHS[name]

        def step() -> dict[str, Any]:
            path = f"/Cart/{self._cart()}"
            for length, found in ((likely + 1, f"more than {likely}"), (likely, str(likely))):
                answer = self._calls.ask("PUT", path, habits.shipping(name, length))
                if habits.status_of(answer) < 400:
                    return {name: found}
            return {name: f"less than {likely}"}

        return step

    def _clean(self) -> None:
        """Delete every cart that was created; those that can't be deleted stay in the journal."""
        left = []
        for key in self._journal.carts:
            try:
                answer = self._calls.ask("DELETE", f"/Cart/{key}", cleaning=True)
            except NoAnswer:
                left.append(key)
                continue
            if habits.status_of(answer) not in (200, 201, 204, 404):
                left.append(key)
        self._journal.carts[:] = left
        self._key, self._urls = "", {}
        self._journal.save()


def _expect(answer: Answer, complaint: str) -> None:
    status = habits.status_of(answer)
    if status >= 400:
        raise NoAnswer(f"{complaint} ({status}).")


def _no_key() -> str:
    return "".join(secrets.choice(_KEY_LETTERS) for _ in range(15))
