"""The store fails: each failure has its answer, and nothing of the store shows through."""

from __future__ import annotations

from typing import Any

import pytest
from support.shopper import MUG, Shopper, Store

ITEM = "/Cart/*/Item"


def fault(kind: str, method: str = "POST", path: str = ITEM, **more: Any) -> dict[str, Any]:
    return {"method": method, "path": path, "fault": kind, "times": None, **more}


@pytest.mark.parametrize(
    ("script", "status", "code", "outcome"),
    [
        (fault("status", status=400), 422, "item-rejected", "not_applied"),
        (fault("status", status=422), 422, "item-rejected", "not_applied"),
        (fault("status", status=401), 502, "store-auth", "not_applied"),
        (fault("status", status=403), 502, "store-auth", "not_applied"),
        (fault("status", status=500), 502, "store-error", "not_applied"),
        (fault("redirect", to="http://127.0.0.1:9/x"), 502, "store-bad-response", "not_applied"),
        (fault("status", status=503), 504, "outcome-unknown", "unknown"),
        (fault("reset"), 504, "outcome-unknown", "unknown"),
        (fault("drop"), 504, "outcome-unknown", "unknown"),
    ],
    ids=lambda value: value["fault"] if isinstance(value, dict) else None,
)
def test_failed_add_says_what_became_of_it(
    shopper: Shopper, store: Store, script: dict[str, Any], status: int, code: str, outcome: str
) -> None:
    shopper.add(MUG)
    store.fail(script)

    response = shopper.call("POST", "/cart/items", {"catalog_id": MUG})

    problem = response.json()
    assert (response.status_code, problem["code"], problem["outcome"]) == (status, code, outcome)
    assert problem["type"].endswith(f"/problems/{code}")


@pytest.mark.parametrize("status", [429, 500])
def test_retry_after_of_a_year_is_cut_to_a_minute(
    shopper: Shopper, store: Store, status: int
) -> None:
    shopper.add(MUG)
    # Addresses are kept nowhere, so such a write is never deferred.
    busy = {"status": status, "retry_after": 999_999_999, "times": None}
    store.fail(fault("status", method="PUT", path="/Cart/*", **busy))

    response = shopper.call("PATCH", "/cart", {"billing": {"city": "Springfield"}})

    assert response.json()["retry_after"] <= 60
    assert int(response.headers["Retry-After"]) <= 60


@pytest.mark.parametrize(
    "kind",
    ["html", "trailing_comma", "wrong_shape", "huge", "gzip_bomb", "apply_then_drop"],
)
def test_add_that_took_effect_succeeds_with_any_unusable_answer(
    shopper: Shopper, store: Store, kind: str
) -> None:
    shopper.add(MUG)
    store.fail(fault(kind))

    response = shopper.call("POST", "/cart/items", {"catalog_id": MUG})

    answer = response.json()
    assert response.status_code == 201
    assert answer["item_count"] == 2
    assert answer["results"][0]["item_id"] == answer["items"][1]["item_id"]


@pytest.mark.parametrize("kind", ["html", "trailing_comma", "wrong_shape", "huge", "gzip_bomb"])
def test_unusable_answer_to_a_change_is_502(shopper: Shopper, store: Store, kind: str) -> None:
    item_id = shopper.add(MUG)["results"][0]["item_id"]
    store.fail(fault(kind, "PUT", "/Cart/*/Item/*"))

    response = shopper.call("PATCH", f"/cart/items/{item_id}", {"quantity": 4})

    problem = response.json()
    assert (response.status_code, problem["code"]) == (502, "store-bad-response")
    assert problem["outcome"] == "unknown"
    assert "Nested" not in response.text
    assert "Runtime" not in response.text


def test_add_refused_by_the_store_keeps_the_cart_for_the_next_one(
    shopper: Shopper, store: Store
) -> None:
    refused = shopper.call("POST", "/cart/items", {"catalog_id": 999_999})
    shopper.add(MUG)

    assert refused.status_code == 422
    assert refused.json()["detail"]
    assert len(store.carts()) == 1


@pytest.mark.parametrize("kind", ["status", "html", "reset", "drop"])
def test_reads_use_the_snapshot_while_the_store_is_away(
    shopper: Shopper, store: Store, kind: str
) -> None:
    shopper.add(MUG)
    store.fail(fault(kind, "GET", "/Cart/*", status=500))

    cart = shopper.cart(**{"Cache-Control": "no-cache"})

    assert cart["stale"] is True
    assert cart["item_count"] == 1


def test_add_that_took_effect_is_a_success_even_if_the_cart_cannot_be_read_back(
    shopper: Shopper, store: Store
) -> None:
    store.fail(fault("status", "GET", "/Cart/*", status=500))

    response = shopper.call("POST", "/cart/items", {"catalog_id": MUG})
    store.fail()

    answer = response.json()
    assert response.status_code == 201
    assert answer["stale"] is True
    assert [each["outcome"] for each in answer["results"]] == ["applied"]
    assert shopper.cart()["item_count"] == 1


@pytest.mark.parametrize(
    "settings",
    [
        {"get_status": 201},
        {"get_shape": "object"},
        {"status_type": "integer"},
        {"empty_list": None},
        {"empty_list": []},
        {"empty_list": "absent"},
        {"merge_same_item": True},
        {"unknown_cart_on_add": 400},
    ],
    ids=str,
)
def test_every_open_point_of_the_store_works_either_way(
    shopper: Shopper, store: Store, settings: dict[str, Any]
) -> None:
    store.set(**settings)

    made = shopper.call("POST", "/cart", {})
    shopper.add(MUG)
    added = shopper.add(MUG)
    removed = shopper.call(
        "PATCH",
        "/cart/items",
        {"items": [{"item_id": line["item_id"], "quantity": 0} for line in added["items"]]},
    )

    assert made.json()["items"] == []
    assert added["item_count"] == 2
    assert removed.json()["items"] == []


@pytest.mark.parametrize(
    "template", ["http://evil.example/pay?k={order_key}", "javascript:alert(1)", ""]
)
def test_checkout_that_does_not_lead_to_the_store_is_refused(
    shopper: Shopper, store: Store, template: str
) -> None:
    store.set(checkout_url_template=template)
    cart = shopper.add(MUG)

    refused = shopper.call("POST", "/checkout")

    assert cart["checkout_url"] is None
    assert (refused.status_code, refused.json()["code"]) == (502, "store-bad-checkout-url")
