"""The products of the simulated store: one for each case that a real catalogue has."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal
from typing import Any

from cartproxy.sandbox.fields import Record

_BACK_ORDER = 2


class Product:
    """A product of the catalogue, as carts and pages use it. `record` is what the API returns."""

    def __init__(self, record: Record) -> None:
        self.record = record
        self.sku_info: Record = record.setdefault("SKUInfo", {})
        self.id = int(self.sku_info["CatalogID"])
        self.sku = str(self.sku_info.get("SKU", ""))  # without the suffixes of options
        self.name = str(self.sku_info.get("Name", ""))
        price = "SalePrice" if self.sku_info.get("OnSale") else "Price"
        self.effective_price = Decimal(self.sku_info.get(price, 0))
        self.stock = Decimal(self.sku_info.get("Stock", 0))  # negative after back orders
        self.image = str(record.get("MainImageFile") or f"assets/images/{self.sku.lower()}.svg")
        self.description = str(record.get("Description", ""))  # HTML
        self.fractional = bool(record.get("AllowFractionalQuantity"))
        self.minimum = Decimal(record.get("MinimumQuantity", 0))  # 0: none
        self.maximum = Decimal(record.get("MaximumQuantity", 0))  # 0: none
        self.multiples_only = bool(record.get("AllowOnlyMultiples"))  # of the minimum
        self.back_order = record.get("InventoryControl") == _BACK_ORDER
        # The CatalogIDs of what a bundle adds; the API has no field for them.
        self.bundle: list[int] = list(record.get("_bundle", ()))
        self.option_sets: list[Record] = list(record.get("OptionSetList", ()))

    def variant(self, option_ids: Iterable[int]) -> Record | None:
        """The advanced option all of whose options are among these."""
        chosen = set(map(str, option_ids))
        variants = self.record.get("AdvancedOptionList", ())
        return next((each for each in variants if chosen.issuperset(_code(each))), None)


def _code(variant: Record) -> list[str]:
    return str(variant.get("AdvancedOptionCode")).split("-")


def products() -> dict[int, Record]:
    """A new catalogue, by CatalogID."""
    return {each["SKUInfo"]["CatalogID"]: each for each in _products()}


def _product(
    catalog_id: int, sku: str, name: str, price: str, stock: int = 1000, **more: Any
) -> Record:
    amount = Decimal(price)
    image = f"assets/images/{sku.lower()}.svg"
    description = more.pop("Description", "")
    return {
        "SKUInfo": {
            "CatalogID": catalog_id,
            "SKU": sku,
            "Name": name,
            "Cost": amount / 2,
            "Price": amount,
            "RetailPrice": amount,
            "SalePrice": more.get("SalePrice", Decimal(0)),
            "OnSale": "SalePrice" in more,
            "Stock": Decimal(stock),
        },
        "Description": description,
        "ShortDescription": description,
        "MainImageFile": image,
        "ThumbnailFile": image,
        "InventoryControl": -1,
        "PriceLevel1": amount * Decimal("0.9"),
        **{name: value for name, value in more.items() if name != "SalePrice"},
    }


def _variant(code: str, stock: int, suffix: str = "", price: str = "0") -> Record:
    return {
        "AdvancedOptionCode": code,
        "AdvancedOptionSufix": suffix or f"-{code}",
        "AdvancedOptionStock": stock,
        "AdvancedOptionPrice": Decimal(price),
    }


def _option_set(
    option_set_id: int, name: str, type_: str, *options: Record, **more: object
) -> Record:
    return {
        "OptionSetID": option_set_id,
        "OptionSetName": name,
        "OptionType": type_,
        "OptionList": _in_order(options),
        **more,
    }


def _option(option_id: int, name: str, extra: str = "0", **more: bool) -> Record:
    return {"OptionID": option_id, "OptionName": name, "OptionValue": Decimal(extra), **more}


def _in_order(records: Iterable[Record]) -> list[Record]:
    return [{**each, "OptionSorting": Decimal(place)} for place, each in enumerate(records)]


def _products() -> tuple[Record, ...]:
    sizes = _option_set(
        1882, "Size", "Dropdown",
        _option(12396, "Small"), _option(12397, "Medium", OptionSelected=True),
        _option(12398, "Large"), _option(12399, "X-Large", "2.00"),
        _option(12400, "Doll", OptionHide=True), OptionRequired=True,
    )  # fmt: skip
    colours = _option_set(
        1883, "Colour", "Radio", _option(12410, "White"), _option(12411, "Navy", "1.50")
    )
    engraving = _option_set(1890, "Engraving", "Text", OptionSizeLimit=60)
    plaque = (
        _option_set(1900, "Your plaque", "Title", _option(12500, "Read on")),
        _option_set(1901, "Lettering", "Text", _option(12501, "First line", "2.00"),
                    _option(12502, "Second line"), OptionRequired=True, OptionSizeLimit=8),
        _option_set(1902, "Note", "TextArea", _option(12503, "For the engraver"),
                    OptionSizeLimit=200),
        _option_set(1903, "Extras", "Checkbox", _option(12504, "Screws", "1.00"),
                    _option(12505, "Gift wrap", "3.50")),
        _option_set(1904, "Your logo", "File", _option(12506, "File")),
    )  # fmt: skip
    upload = _option_set(1910, "Your photo", "File", _option(12510, "File"), OptionRequired=True)
    fee = _option_set(1911, "Set-up", "OneTimeFee", _option(12511, "Once", "9.00"))
    poster = (
        _option_set(1920, "Motif", "Dropdown", _option(12520, "Sea"), _option(12521, "Hill"),
                    OptionRequired=True),
        _option_set(1921, "Format", "Radio", _option(12530, "A3"), _option(12531, "A2"),
                    OptionRequired=True),
    )  # fmt: skip
    shirts = [
        _variant("12396", 50, "-SM"),
        _variant("12397", 50, "-ME"),
        _variant("12398", 0, "-LA"),
        _variant("12399", 20, "-X-"),
    ]
    posters = [
        _variant("12520-12530", 3, price="32.99"),
        _variant("12521-12530", 0, price="32.99"),
        _variant("12520-12531", 5, price="32.99"),
        _variant("12521-12531", 2, price="32.99"),
    ]
    boxes: dict[str, Any] = {"MinimumQuantity": Decimal(6), "MaximumQuantity": Decimal(60)}
    return (
        _product(3828, "TSHIRT", "Heavy cotton T-shirt", "19.99",
                 Description="<p>Keeps its <b>shape</b>.</p>", AdvancedOptionList=shirts,
                 OptionSetList=_in_order((sizes, colours))),
        _product(3829, "MUG", "Pint mug", "9.99", Description="<p>Holds a pint.</p>"),
        _product(3830, "GIFTBOX", "Gift box", "27.50", _bundle=(3829, 3834)),
        _product(3831, "SCARF", "Wool scarf", "40.00", SalePrice=Decimal("29.90")),
        _product(3832, "LASTONES", "The last two lamps", "75.00", 2),
        _product(3833, "SOLDOUT", "Sold-out print", "15.00", 0),
        _product(3834, "TEA", "Black tea, by the 100 g", "4.25", AllowFractionalQuantity=True),
        _product(3835, "SECRET", "A hidden thing", "1.00", Hide=True),
        _product(3836, "DISPLAY", "For display alone", "1.00", NotForSale=True),
        _product(3837, "RULER", 'Ruler 12" < 1 ft & "brass"', "7.5"),
        _product(3838, "TILES", "Tiles, in boxes of six", "2.10", AllowOnlyMultiples=True, **boxes),
        _product(3839, "PEN", "Pen with your name", "12.00", OptionSetList=_in_order([engraving])),
        _product(3840, "CHAIR", "Chair, made to order", "210.00", -3, InventoryControl=_BACK_ORDER),
        _product(3841, "PLAQUE", "Door plaque", "18.00", OptionSetList=_in_order(plaque)),
        _product(3842, "CANVAS", "Your photo on canvas", "45.00",
                 OptionSetList=_in_order((upload, fee))),
        _product(3843, "POSTER", "Poster", "10.00", OptionSetList=_in_order(poster),
                 AdvancedOptionList=posters),
        _product(3844, "CANDLES", "Candles", "1.20", QuantityOptions="4,8,12,24"),
    )  # fmt: skip
