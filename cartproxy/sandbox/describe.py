"""A line's HTML description and option price, from what was chosen."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from cartproxy.sandbox.catalogue import Product
from cartproxy.sandbox.errors import Refusal
from cartproxy.sandbox.fields import Record

_TYPED_LENGTH = 60


@dataclass(frozen=True)
class Description:
    """`Name<br><b>Size:</b>&nbsp;M<br>...` (docs/store-api.md, Objects), and what it costs."""

    html: str
    option_price: Decimal
    sku_suffix: str


def describe(product: Product, chosen: tuple[tuple[int, int, str], ...]) -> Description:
    """Describe a product as chosen: (option set, option, text) each. Raises Refusal 400."""
    by_set = {set_id: (option_id, text) for set_id, option_id, text in chosen}
    unknown = by_set.keys() - {each["OptionSetID"] for each in product.option_sets}
    if unknown:
        raise Refusal(400, "Option does not exist for this product")
    html, price, suffix = product.name, Decimal(0), ""
    for option_set in product.option_sets:
        name = option_set.get("OptionSetName", "")
        if option_set["OptionSetID"] not in by_set:
            if option_set.get("OptionRequired"):
                raise Refusal(400, f"Option {name} is required")
            continue
        option_id, typed = by_set[option_set["OptionSetID"]]
        text, extra, code = _choice(option_set, option_id, typed)
        html += f"<br><b>{name}:</b>&nbsp;{text}"
        price += extra
        suffix += code
    return Description(html, price, suffix)


def _choice(option_set: Record, option_id: int, typed: str) -> tuple[str, Decimal, str]:
    if not option_set.get("OptionList"):
        return typed[:_TYPED_LENGTH], Decimal(0), ""
    for option in option_set["OptionList"]:
        if option["OptionID"] == option_id and not option.get("OptionHide"):
            name = option.get("OptionName", "")
            return name, Decimal(option.get("OptionValue", 0)), f"-{name[:2].upper()}"
    raise Refusal(400, "Option does not exist for this product")


def bundle_line(child: Product) -> str:
    """The description of a line that a bundle brings along (docs/store-api.md, Objects)."""
    return f"Bundle Item: {child.sku}<br>{child.name}"
