"""Products as a button gets them."""

from __future__ import annotations

from support.shopper import Shopper

PLAQUE, POSTER, TILES = 3841, 3843, 3838


def test_each_option_set_says_what_it_is_and_how_long_a_text_may_be(shopper: Shopper) -> None:
    for _ in range(2):  # from the store, then out of the cache
        product = shopper.call("GET", f"/products/{PLAQUE}").json()

        found = [(each["kind"], each["max_length"]) for each in product["option_sets"]]
        assert found == [
            ("heading", None),
            ("text", 8),
            ("multiline", 200),
            ("multiple", None),
            ("unsupported", None),
        ]


def test_variants_and_quantities_are_those_of_the_store(shopper: Shopper) -> None:
    for _ in range(2):
        poster = shopper.call("GET", f"/products/{POSTER}").json()
        tiles = shopper.call("GET", f"/products/{TILES}").json()

        assert poster["variants"][1] == {
            "option_ids": [12521, 12530],
            "available": False,
            "unit_price": "32.99",
            "sku": "POSTER-12521-12530",
        }
        limits = tiles["minimum_quantity"], tiles["maximum_quantity"], tiles["quantity_step"]
        assert limits == (6, 60, 6)
        assert "back_orders" not in tiles
