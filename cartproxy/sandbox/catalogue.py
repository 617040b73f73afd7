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
    """Something to choose, or to type into: then each option is a field, as on live stores."""

    id: int
    name: str
    options: tuple[Option, ...]
    type: str = "Dropdown"
    required: bool = True
    size_limit: int = 0

    @property
    def typed(self) -> bool:
        """Whether the shopper's own words are what is chosen."""
        return self.type in ("Text", "TextArea")


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
    variant_price: Decimal = Decimal(0)
    bundle: tuple[int, ...] = ()
    hide: bool = False
    not_for_sale: bool = False
    fractional: bool = False
    minimum: Decimal = Decimal(0)
    maximum: Decimal = Decimal(0)
    multiples_only: bool = False
    quantity_options: str = ""
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
    engraving = OptionSet(1890, "Engraving", (), type="Text", required=False, size_limit=60)
    plaque = (
        OptionSet(1900, "Your plaque", (Option(12500, "Read on"),), type="Title", required=False),
        OptionSet(
            1901,
            "Lettering",
            (Option(12501, "First line", Decimal("2.00")), Option(12502, "Second line")),
            type="Text",
            size_limit=8,
        ),
        OptionSet(
            1902,
            "Note",
            (Option(12503, "For the engraver"),),
            type="TextArea",
            required=False,
            size_limit=200,
        ),
        OptionSet(
            1903,
            "Extras",
            (Option(12504, "Screws", Decimal("1.00")), Option(12505, "Gift wrap", Decimal("3.50"))),
            type="Checkbox",
            required=False,
        ),
        OptionSet(1904, "Your logo", (Option(12506, "File"),), type="File", required=False),
    )
    upload = OptionSet(1910, "Your photo", (Option(12510, "File"),), type="File")
    fee = OptionSet(
        1911, "Set-up", (Option(12511, "Once", Decimal("9.00")),), type="OneTimeFee", required=False
    )
    poster = (
        OptionSet(1920, "Motif", (Option(12520, "Sea"), Option(12521, "Hill"))),
        OptionSet(1921, "Format", (Option(12530, "A3"), Option(12531, "A2")), type="Radio"),
    )
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
        Product(3841, "PLAQUE", "Door plaque", Decimal("18.00"), option_sets=plaque),
        Product(
            3842, "CANVAS", "Your photo on canvas", Decimal("45.00"), option_sets=(upload, fee)
        ),
        Product(
            3843,
            "POSTER",
            "Poster",
            Decimal("10.00"),
            option_sets=poster,
            variant_stock={"12520-12530": 3, "12521-12530": 0, "12520-12531": 5, "12521-12531": 2},
            variant_price=Decimal("32.99"),
        ),
        Product(3844, "CANDLES", "Candles", Decimal("1.20"), quantity_options="4,8,12,24"),
    )
