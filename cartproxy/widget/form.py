"""A product's plain HTML form, which works where scripts are not allowed."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from jinja2 import Environment, PackageLoader
from markupsafe import Markup

from cartproxy.model.cart import plain

_MAX_TEXT = 255  # characters of an option's value that the API takes
_TEMPLATES = Environment(
    loader=PackageLoader("cartproxy.widget"), autoescape=True, trim_blocks=True, lstrip_blocks=True
)


def buy_form(
    action: str,
    product: dict[str, Any],
    *,
    quantity: Decimal | None = None,
    button: str = "Add to cart",
) -> Markup:
    """A form that `POST /buy` takes; a link where only the store's own page can take an option.

    `product` is as `GET /products/{id}` answers it, or only `{"catalog_id": …}`. The form begins
    with `quantity`, where so many can be had.
    """
    if any(each["required"] and _at_store(each) for each in product.get("option_sets", ())):
        return Markup('<a href="{}">Buy it at the store</a>').format(product["product_url"])
    form = _TEMPLATES.get_template("buy_form.html").render(
        action=action,
        product=product,
        quantity=_quantity(product, quantity),
        button=button,
        at_store=_at_store,
        # By themselves, whatever else is chosen.
        sold_out=[
            each["option_ids"][0]
            for each in product.get("variants", ())
            if len(each["option_ids"]) == 1 and not each["available"]
        ],
        max_text=_MAX_TEXT,
    )
    return Markup(form)  # noqa: S704 - the template has escaped what comes from the store


def _quantity(product: dict[str, Any], wanted: Decimal | None) -> dict[str, Any]:
    """The attributes of the field, which begins with what is wanted, or the least there is."""
    step, most = product.get("quantity_step"), product.get("maximum_quantity")
    least = product.get("minimum_quantity") or step or 1
    every = step or ("any" if product.get("fractional_quantity") else 1)
    # Where any amount can be had, the least is what the store says, or more than nothing.
    lowest = least if product.get("minimum_quantity") or every != "any" else 0
    first = least
    if wanted and wanted >= lowest:
        first = most if most and wanted > most else plain(wanted)
    return {"value": first, "min": lowest, "max": most, "step": every}


def _at_store(options: dict[str, Any]) -> bool:
    """Whether only the store's own page can take this option."""
    nothing_there = options["kind"] in ("single", "multiple") and not options["options"]
    return options["kind"] == "unsupported" or nothing_there
