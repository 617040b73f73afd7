"""What a button needs to know of a product."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal


@dataclass(frozen=True, slots=True)
class ProductOption:
    """One choice of an option set; `price_difference` is added to the product's price."""

    option_id: int
    name: str
    price_difference: Decimal
    selected: bool
    image_url: str | None


@dataclass(frozen=True, slots=True)
class OptionSet:
    """Something to choose for a product; `type` is the store's word, such as Dropdown or Radio."""

    option_set_id: int
    name: str
    type: str
    required: bool
    options: tuple[ProductOption, ...]


@dataclass(frozen=True, slots=True)
class Product:
    """What a button needs to know of a product, and nothing that a shopper may not see.

    `list_price` is the regular price of a product on sale. `stock` is the store's count; the edge
    shows it only where the store's settings say so.
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
    fractional_quantity: bool
    option_sets: tuple[OptionSet, ...]
    stock: Decimal | None
