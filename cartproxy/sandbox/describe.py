"""The HTML description and option price of a line, from the chosen options."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from cartproxy.sandbox.catalogue import Product
from cartproxy.sandbox.errors import Refusal
from cartproxy.sandbox.fields import Record


@dataclass(frozen=True)
class Description:
    """`Name<br><b>Size:</b>&nbsp;M<br>...` (docs/store-api.md, Objects), price and SKU suffix."""

    html: str
    option_price: Decimal
    sku_suffix: str


def describe(product: Product, chosen: tuple[tuple[int, int, str], ...]) -> Description:
    """Describe a product with options: (set id, option id, text) each. Raises Refusal 400."""
    unknown = {each[0] for each in chosen} - {each["OptionSetID"] for each in product.option_sets}
    if unknown:
        raise Refusal(400, "Option does not exist for this product")
    html, price, suffix = product.name, Decimal(0), ""
    for option_set in product.option_sets:
        name, set_id = option_set.get("OptionSetName", ""), option_set["OptionSetID"]
        mine = [(option_id, text) for each, option_id, text in chosen if each == set_id]
        is_heading = option_set.get("OptionType") == "Title"
        if not mine and option_set.get("OptionRequired") and not is_heading:
            raise Refusal(400, f"Option {name} is required")
        if option_set.get("OptionType") in ("Dropdown", "Radio"):
            mine = mine[-1:]
        for option_id, typed in mine:
            text, extra, code = _choice(option_set, option_id, typed)
            html += f"<br><b>{name}:</b>&nbsp;{text}"
            price += extra
            suffix += code
    return Description(html, price, suffix)


def _choice(option_set: Record, option_id: int, typed: str) -> tuple[str, Decimal, str]:
    is_typed = option_set.get("OptionType") in ("Text", "TextArea")
    text = typed[: option_set.get("OptionSizeLimit") or None]
    for option in option_set.get("OptionList", ()):
        if option["OptionID"] == option_id and not option.get("OptionHide"):
            name, extra = option.get("OptionName", ""), Decimal(option.get("OptionValue", 0))
            return (text, extra, "") if is_typed else (name, extra, f"-{name[:2].upper()}")
    if is_typed and not option_set.get("OptionList"):
        return text, Decimal(0), ""
    raise Refusal(400, "Option does not exist for this product")
