"""Whether an item can be bought, by its product as last read. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal

from cartproxy.model.cart import ChosenOption, ItemOption, NewItem, plain
from cartproxy.model.product import Kind, OptionSet, Product, ProductOption


@dataclass(frozen=True, slots=True)
class Offer:
    """What an item will be in the cart: prices per piece, the variant's SKU, options in words."""

    unit_price: Decimal
    option_price: Decimal
    sku: str
    options: tuple[ItemOption, ...]


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why an item can't be bought; `pointer` is a JSON pointer (RFC 6901) into the item."""

    pointer: str
    detail: str


class _Refused(Exception):
    pass


def judge(product: Product, item: NewItem) -> Offer | Refusal:
    """The offer that the store would make for an item of this product, or the first refusal."""
    try:
        return _offer(product, item)
    except _Refused as refused:
        return Refusal(*refused.args)


def _offer(product: Product, item: NewItem) -> Offer:
    if not product.available:
        raise _Refused("/catalog_id", f"{product.name} is not available.")
    chosen = [*_chosen(product, item.options)]
    for option_set in product.option_sets:
        _check_required(option_set, [each for of, each, _ in chosen if of is option_set])
    _check_quantity(product, item.quantity)
    picked = [option.option_id for of, option, _ in chosen if not of.kind.is_typed]
    variant = product.variant(picked)
    # Of a combination that is no variant, nothing is known.
    stock = None if product.variants else product.stock
    if variant is not None:
        if not variant.available:
            raise _Refused("/options", "This combination is not available.")
        stock = variant.stock
    if stock is not None and not product.back_orders and item.quantity > stock:
        raise _Refused("/quantity", "There is not enough in stock.")
    own_price = variant.unit_price if variant else None
    return Offer(
        unit_price=product.price if own_price is None else own_price,
        option_price=sum((option.price_difference for _, option, _ in chosen), Decimal(0)),
        sku=(variant and variant.sku) or product.sku,
        options=tuple(ItemOption(of.name, words) for of, _, words in chosen),
    )


def _chosen(
    product: Product, options: Sequence[ChosenOption]
) -> Iterator[tuple[OptionSet, ProductOption, str]]:
    """What was chosen, in words. A text that is empty, or only blanks, was not typed."""
    sets = {each.option_set_id: each for each in product.option_sets}
    seen: set[int] = set()
    for index, (set_id, option_id, value) in enumerate(options):
        at = f"/options/{index}"
        option_set = sets.get(set_id)
        if option_set is None:
            raise _Refused(f"{at}/option_set_id", f"{product.name} has no such options.")
        option = _find(option_set, option_id)
        if option is None:
            raise _Refused(f"{at}/option_id", f"{option_set.name} has no such option.")
        one_alone = option_set.kind in (Kind.SINGLE, Kind.UNSUPPORTED)
        key = set_id if one_alone else option_id
        if key in seen:
            what = f"{option_set.name} can be chosen only once." if one_alone else "It is repeated."
            raise _Refused(f"{at}/option_id", what)
        seen.add(key)
        if not option_set.kind.is_typed:
            yield option_set, option, option.name
        elif option_set.max_length is not None and len(value) > option_set.max_length:
            limit = f"{option_set.name} may have {option_set.max_length} characters."
            raise _Refused(f"{at}/value", limit)
        elif value.strip():
            yield option_set, option, value


def _find(option_set: OptionSet, option_id: int) -> ProductOption | None:
    if option_set.kind is Kind.HEADING:
        return None
    if option_set.kind.is_typed and not option_set.options:
        # A set to type into that lists no entry has no id that could be wrong.
        return ProductOption(option_id, option_set.name, Decimal(0), False, None)
    return next((each for each in option_set.options if each.option_id == option_id), None)


def _check_required(option_set: OptionSet, chosen: Sequence[ProductOption]) -> None:
    if chosen or not option_set.required or option_set.kind is Kind.HEADING:
        return
    if option_set.kind is Kind.UNSUPPORTED:
        raise _Refused("/options", f"{option_set.name} can be chosen only at the store.")
    verb = "filled in" if option_set.kind.is_typed else "chosen"
    raise _Refused("/options", f"{option_set.name} must be {verb}.")


def _check_quantity(product: Product, quantity: Decimal) -> None:
    minimum, maximum, step = (
        product.minimum_quantity,
        product.maximum_quantity,
        product.quantity_step,
    )
    if not product.fractional_quantity and quantity != quantity.to_integral_value():
        raise _Refused("/quantity", "Must be a whole number.")
    if minimum is not None and quantity < minimum:
        raise _Refused("/quantity", f"Must be at least {plain(minimum)}.")
    if maximum is not None and quantity > maximum:
        raise _Refused("/quantity", f"Must be at most {plain(maximum)}.")
    if step is not None and (quantity - (minimum or 0)) % step:
        first = plain(step if minimum is None else minimum)
        raise _Refused("/quantity", f"Must be {first}, or that and a multiple of {plain(step)}.")
