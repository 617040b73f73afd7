"""What the simulated store sells: a product for every case that a real catalogue has."""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal


@dataclass(frozen=True)
class Option:
    """A choice of an option set; `price` is what it costs extra."""

    id: int
    name: str
    price: Decimal = Decimal(0)
    selected: bool = False
    hidden: bool = False


@dataclass(frozen=True)
class OptionSet:
    """Something to choose; a set without options is one to type into."""

    id: int
    name: str
    options: tuple[Option, ...]
    type: str = "Dropdown"
    required: bool = True


@dataclass
class Product:
    """A product; price, stock and visibility can be changed while tests run."""

    id: int
    sku: str
    name: str
    price: Decimal
    stock: Decimal = Decimal(1000)
    sale_price: Decimal | None = None
    option_sets: tuple[OptionSet, ...] = ()
    variant_stock: dict[str, int] = field(default_factory=dict)
    bundle: tuple[int, ...] = ()
    hide: bool = False
    not_for_sale: bool = False
    fractional: bool = False
    minimum: Decimal = Decimal(0)
    maximum: Decimal = Decimal(0)
    multiples_only: bool = False
    back_order: bool = False
    description: str = ""

    @property
    def effective_price(self) -> Decimal:
        """OnSale ? SalePrice : Price (upstream.md, Also useful)."""
        return self.price if self.sale_price is None else self.sale_price


def products() -> dict[int, Product]:
    """A fresh catalogue by CatalogID."""
    return {product.id: product for product in _products()}


def _products() -> tuple[Product, ...]:
    sizes = OptionSet(
        1882,
        "Size",
        (
            Option(12396, "Small"),
            Option(12397, "Medium", selected=True),
            Option(12398, "Large"),
            Option(12399, "X-Large", Decimal("2.00")),
            Option(12400, "Doll", hidden=True),
        ),
    )
    colours = OptionSet(
        1883,
        "Colour",
        (Option(12410, "White"), Option(12411, "Navy", Decimal("1.50"))),
        type="Radio",
        required=False,
    )
    engraving = OptionSet(1890, "Engraving", (), type="Text", required=False)
    return (
        Product(
            3828,
            "TSHIRT",
            "Heavy cotton T-shirt",
            Decimal("19.99"),
            option_sets=(sizes, colours),
            variant_stock={"12396": 50, "12397": 50, "12398": 0, "12399": 20},
            description="<p>Keeps its <b>shape</b>.</p>",
        ),
        Product(3829, "MUG", "Pint mug", Decimal("9.99"), description="<p>Holds a pint.</p>"),
        Product(3830, "GIFTBOX", "Gift box", Decimal("27.50"), bundle=(3829, 3834)),
        Product(3831, "SCARF", "Wool scarf", Decimal("40.00"), sale_price=Decimal("29.90")),
        Product(3832, "LASTONES", "The last two lamps", Decimal("75.00"), stock=Decimal(2)),
        Product(3833, "SOLDOUT", "Sold-out print", Decimal("15.00"), stock=Decimal(0)),
        Product(3834, "TEA", "Black tea, by the 100 g", Decimal("4.25"), fractional=True),
        Product(3835, "SECRET", "A hidden thing", Decimal("1.00"), hide=True),
        Product(3836, "DISPLAY", "For display alone", Decimal("1.00"), not_for_sale=True),
        Product(3837, "RULER", 'Ruler 12" < 1 ft & "brass"', Decimal("7.5")),
        Product(
            3838,
            "TILES",
            "Tiles, in boxes of six",
            Decimal("2.10"),
            minimum=Decimal(6),
            maximum=Decimal(60),
            multiples_only=True,
        ),
        Product(3839, "PEN", "Pen with your name", Decimal("12.00"), option_sets=(engraving,)),
        Product(
            3840,
            "CHAIR",
            "Chair, made to order",
            Decimal("210.00"),
            stock=Decimal(-3),
            back_order=True,
        ),
    )
