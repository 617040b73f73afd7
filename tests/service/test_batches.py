"""Several items in one request."""

from __future__ import annotations

from support.shopper import MUG, SHIRT, SMALL, Shopper, Store

UNKNOWN = 999_999


def test_one_bad_item_stops_none_of_the_others(shopper: Shopper) -> None:
    items = [
        {"catalog_id": MUG},
        {"catalog_id": UNKNOWN},
        {"catalog_id": SHIRT, "options": [SMALL]},
    ]
    response = shopper.call("POST", "/cart/items", {"items": items})

    answer = response.json()
    assert response.status_code == 201
    assert [line["catalog_id"] for line in answer["items"]] == [MUG, SHIRT]
    assert [(each["index"], each["outcome"]) for each in answer["results"]] == [
        (0, "applied"),
        (1, "not_applied"),
        (2, "applied"),
    ]
    assert answer["results"][1]["code"] == "item-rejected"
    ids = [each["item_id"] for each in answer["results"] if each["outcome"] == "applied"]
    assert ids == [line["item_id"] for line in answer["items"]]


def test_only_all_failing_is_an_error(shopper: Shopper) -> None:
    response = shopper.call(
        "POST", "/cart/items", {"items": [{"catalog_id": UNKNOWN}, {"catalog_id": UNKNOWN}]}
    )

    problem = response.json()
    assert response.status_code == 422
    assert (problem["code"], problem["outcome"]) == ("item-rejected", "not_applied")
    assert [each["outcome"] for each in problem["results"]] == ["not_applied", "not_applied"]
    assert shopper.cart()["items"] == []


def test_quantities_of_all_lines_change_in_one_request(shopper: Shopper) -> None:
    mug = shopper.add(MUG)["results"][0]["item_id"]
    shirt = shopper.add(SHIRT, options=[SMALL])["results"][0]["item_id"]

    response = shopper.call(
        "PATCH",
        "/cart/items",
        {"items": [{"item_id": mug, "quantity": 4}, {"item_id": shirt, "quantity": 0}]},
    )

    answer = response.json()
    assert response.status_code == 200
    assert [(line["item_id"], line["quantity"]) for line in answer["items"]] == [(mug, 4)]
    assert [each["outcome"] for each in answer["results"]] == ["applied", "applied"]


def test_when_the_store_goes_away_the_rest_is_not_tried(shopper: Shopper, store: Store) -> None:
    shopper.add(MUG)
    store.calls()
    store.fail(
        {"method": "POST", "path": "/Cart/*/Item", "fault": "status", "status": 401, "times": None}
    )

    response = shopper.call(
        "POST", "/cart/items", {"items": [{"catalog_id": MUG}, {"catalog_id": MUG}]}
    )

    assert response.status_code == 502
    assert response.json()["code"] == "store-auth"
    assert store.kinds() == ["POST Item"]


def test_line_of_another_cart_is_the_same_as_a_missing_one(
    shopper: Shopper, proxy_url: str, store: Store
) -> None:
    other = Shopper(proxy_url)
    foreign = other.add(MUG)["results"][0]["item_id"]
    shopper.add(MUG)
    store.calls()

    answers = [
        shopper.call("PATCH", f"/cart/items/{item_id}", {"quantity": 5})
        for item_id in (foreign, "424242424242")
    ]

    assert [answer.status_code for answer in answers] == [404, 404]
    assert {answer.json()["code"] for answer in answers} == {"item-not-found"}
    assert store.calls() == []
    assert other.cart()["items"][0]["quantity"] == 1


def test_removing_a_line_that_is_gone_at_the_store_gives_the_cart_without_it(
    shopper: Shopper, store: Store
) -> None:
    mug = shopper.add(MUG)["results"][0]["item_id"]
    shopper.add(SHIRT, options=[SMALL])
    store.fail(
        {"method": "DELETE", "path": "/Cart/*/Item/*", "fault": "apply_then_drop", "times": 1}
    )

    response = shopper.call("DELETE", f"/cart/items/{mug}")

    assert response.status_code == 200
    assert [line["catalog_id"] for line in response.json()["items"]] == [SHIRT]
    assert store.kinds()[-3:] == ["DELETE Item", "DELETE Item", "GET Cart"]
