"""A line's HTML description and option price, from what was chosen."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from cartproxy.sandbox.catalogue import OptionSet, Product
from cartproxy.sandbox.errors import Refusal


@dataclass(frozen=True)
class Description:
    """`Name<br><b>Size:</b>&nbsp;M<br>...` (upstream-evidence.md, part 8), and what it costs."""

    html: str
    option_price: Decimal
    sku_suffix: str


def describe(product: Product, chosen: tuple[tuple[int, int, str], ...]) -> Description:
    """Describe a product as chosen: (option set, option, text) each. Raises Refusal 400."""
    unknown = {set_id for set_id, _, _ in chosen} - {each.id for each in product.option_sets}
    if unknown:
        raise Refusal(400, "Option does not exist for this product")
    html, price, suffix = product.name, Decimal(0), ""
    for option_set in product.option_sets:
        mine = [(option_id, text) for set_id, option_id, text in chosen if set_id == option_set.id]
        if not mine and option_set.required:
            raise Refusal(400, f"Option {option_set.name} is required")
        if option_set.type in ("Dropdown", "Radio"):
            mine = mine[-1:]
        for option_id, typed in mine:
            text, extra, code = _choice(option_set, option_id, typed)
            html += f"<br><b>{option_set.name}:</b>&nbsp;{text}"
            price += extra
            suffix += code
    return Description(html, price, suffix)


def _choice(option_set: OptionSet, option_id: int, typed: str) -> tuple[str, Decimal, str]:
    for option in option_set.options:
        if option.id == option_id and not option.hidden:
            if option_set.typed:
                return _within(option_set, typed), option.price, ""
            return option.name, option.price, f"-{option.name[:2].upper()}"
    if option_set.typed and not option_set.options:
        return _within(option_set, typed), Decimal(0), ""
    raise Refusal(400, "Option does not exist for this product")


def _within(option_set: OptionSet, typed: str) -> str:
    return typed[: option_set.size_limit or None]


def bundle_line(child: Product) -> str:
    """The description of a line that a bundle brings along (upstream-evidence.md, part 8)."""
    return f"Bundle Item: {child.sku}<br>{child.name}"
