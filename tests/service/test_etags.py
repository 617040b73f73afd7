"""Entity tags: reading less, and not writing over what another tab did."""

from __future__ import annotations

from support.shopper import MUG, Shopper, Store


def tag(shopper: Shopper) -> str:
    return shopper.call("GET", "/cart").headers["ETag"]


def test_etag_is_strong_and_the_same_while_the_cart_is(shopper: Shopper) -> None:
    shopper.add(MUG)

    first = tag(shopper)
    again = shopper.call("GET", "/cart", headers={"Cache-Control": "no-cache"}).headers["ETag"]

    assert first.startswith('"')
    assert first == again


def test_write_with_the_current_tag_succeeds_and_gives_the_next_one(shopper: Shopper) -> None:
    shopper.add(MUG)
    before = tag(shopper)

    written = shopper.call("POST", "/cart/items", {"catalog_id": MUG}, headers={"If-Match": before})

    assert written.status_code == 201
    assert written.headers["ETag"] != before
    assert written.headers["ETag"] == tag(shopper)


def test_write_with_an_old_tag_gets_412_with_the_current_cart_and_changes_nothing(
    shopper: Shopper, store: Store
) -> None:
    old = tag(shopper)
    shopper.add(MUG)
    store.calls()

    refused = shopper.call("POST", "/cart/items", {"catalog_id": MUG}, headers={"If-Match": old})

    problem = refused.json()
    assert (refused.status_code, problem["code"]) == (412, "precondition-failed")
    assert problem["cart"]["item_count"] == 1
    assert refused.headers["ETag"] == tag(shopper)
    assert store.calls() == []


def test_weak_or_foreign_tag_never_matches(shopper: Shopper) -> None:
    shopper.add(MUG)

    for if_match in (f"W/{tag(shopper)}", '"other"', "nonsense"):
        refused = shopper.call("DELETE", "/cart", headers={"If-Match": if_match})
        assert refused.status_code == 412


def test_star_and_lists_match(shopper: Shopper) -> None:
    shopper.add(MUG)

    star = shopper.call("POST", "/cart/items", {"catalog_id": MUG}, headers={"If-Match": "*"})
    listed = shopper.call(
        "POST", "/cart/items", {"catalog_id": MUG}, headers={"If-Match": f'"x", {tag(shopper)}'}
    )

    assert (star.status_code, listed.status_code) == (201, 201)


def test_if_none_match_answers_304_without_a_body(shopper: Shopper) -> None:
    shopper.add(MUG)

    unchanged = shopper.call("GET", "/cart", headers={"If-None-Match": tag(shopper)})

    assert unchanged.status_code == 304
    assert unchanged.content == b""


def test_weak_tags_match_a_read_and_no_write(shopper: Shopper) -> None:
    shopper.add(MUG)
    current = tag(shopper)

    for listed in (
        f"W/{current}",
        f'"x", W/{current}',
        f'W/"x",{current}',
        "*",
        f'"{"x" * 3000}", {current}',
    ):
        read = shopper.call("GET", "/cart", headers={"If-None-Match": listed})
        assert (read.status_code, read.content, read.headers["ETag"]) == (304, b"", current)
    for listed in ('W/"x"', '"x"', current.strip('"') + "x", f'W/{current[:-2]}"', "nonsense", ""):
        assert shopper.call("GET", "/cart", headers={"If-None-Match": listed}).status_code == 200
    for listed in (f"W/{current}", f'"x", W/{current}', f"w/{current}"):
        write = shopper.call(
            "POST", "/cart/items", {"catalog_id": MUG}, headers={"If-Match": listed}
        )
        assert write.status_code == 412


def test_second_of_two_tabs_gets_412_with_the_current_cart(shopper: Shopper) -> None:
    item_id = shopper.add(MUG)["results"][0]["item_id"]
    seen_by_both = tag(shopper)

    path = f"/cart/items/{item_id}"
    first = shopper.call("PATCH", path, {"quantity": 2}, headers={"If-Match": seen_by_both})
    second = shopper.call("PATCH", path, {"quantity": 9}, headers={"If-Match": seen_by_both})

    assert (first.status_code, second.status_code) == (200, 412)
    assert second.json()["cart"]["items"][0]["quantity"] == 2
