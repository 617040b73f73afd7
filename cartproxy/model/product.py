"""What a button needs to know of a product."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum


class Kind(StrEnum):
    """What a shopper does with an option set: decided by its type, never by what it lists."""

    SINGLE = "single"  # choose one
    MULTIPLE = "multiple"  # choose any number
    TEXT = "text"  # type a line into each entry
    MULTILINE = "multiline"  # type a longer text into each entry
    HEADING = "heading"  # nothing: it only groups what follows
    UNSUPPORTED = "unsupported"  # choose on the store's own page: a file, or a type unknown to us

    @property
    def is_typed(self) -> bool:
        """Whether the shopper's own words are sent."""
        return self in (Kind.TEXT, Kind.MULTILINE)


@dataclass(frozen=True, slots=True)
class ProductOption:
    """One choice of an option set, or one field to type into.

    `price_difference` is added to the product's price once it is chosen or filled in.
    """

    option_id: int
    name: str
    price_difference: Decimal
    selected: bool
    image_url: str | None


@dataclass(frozen=True, slots=True)
class OptionSet:
    """Something to choose for a product; `type` is the store's word, such as Dropdown or Radio.

    `max_length` is how many characters a typed text may have, None where the store sets no limit.
    """

    option_set_id: int
    name: str
    type: str
    kind: Kind
    required: bool
    max_length: int | None
    options: tuple[ProductOption, ...]


@dataclass(frozen=True, slots=True)
class Variant:
    """A combination of options that has its own stock, and perhaps its own price and SKU.

    `unit_price` takes the place of the product's price.
    """

    option_ids: tuple[int, ...]
    available: bool
    unit_price: Decimal | None
    sku: str | None
    stock: Decimal | None


@dataclass(frozen=True, slots=True)
class Product:
    """What a button needs to know of a product, and nothing that a shopper may not see.

    `list_price` is the regular price of a product on sale. A quantity is the minimum, or that and a
    multiple of `quantity_step`; without a step it is any whole number, or any number at all where
    `fractional_quantity` says so. `stock` is the store's count, of no meaning where it takes
    `back_orders`; the edge shows it only where the store's settings say so.
    """

    catalog_id: int
    sku: str
    name: str
    price: Decimal
    list_price: Decimal | None
    image_url: str | None
    product_url: str | None
    available: bool
    minimum_quantity: Decimal | None
    maximum_quantity: Decimal | None
    quantity_step: Decimal | None
    fractional_quantity: bool
    option_sets: tuple[OptionSet, ...]
    variants: tuple[Variant, ...]
    stock: Decimal | None
    back_orders: bool

    def variant(self, option_ids: Collection[int]) -> Variant | None:
        """The variant that these options make: of several, the one that names most of them."""
        fitting = (each for each in self.variants if {*each.option_ids} <= {*option_ids})
        return max(fitting, key=lambda each: len(each.option_ids), default=None)
