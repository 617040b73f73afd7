"""The simulated store's carts: rows of unfinished orders, in memory, behind one lock."""

from __future__ import annotations

import random
import string
import threading
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal

from cartproxy.sandbox.bodies import ItemPost
from cartproxy.sandbox.catalogue import Product, products
from cartproxy.sandbox.describe import Description, describe
from cartproxy.sandbox.errors import Refusal
from cartproxy.sandbox.switches import Switches

_KEY_ALPHABET = string.ascii_letters + string.digits
_KEY_LENGTH = 15  # docs/store-api.md, Objects


def new_order_key() -> str:
    """A key for a cart, and for the order that it becomes."""
    return "".join(random.choices(_KEY_ALPHABET, k=_KEY_LENGTH))


@dataclass
class Line:
    """A row of a cart. `added` is None on lines that a bundle has added."""

    item_id: int
    catalog_id: int
    sku: str
    description: str
    quantity: Decimal
    image: str
    unit_price: Decimal = Decimal(0)
    option_price: Decimal = Decimal(0)
    added: datetime | None = None
    chosen: tuple[tuple[int, int, str], ...] = ()


@dataclass
class Cart:
    """An order row: `state` is open, ordered or gone. `comments` are for the merchant."""

    order_key: str
    order_id: int
    created: datetime
    fields: dict[str, object]
    lines: list[Line] = field(default_factory=list)
    state: str = "open"
    comments: list[str] = field(default_factory=list)

    @property
    def amount(self) -> Decimal:
        """The sum of the lines."""
        return sum(
            ((line.unit_price + line.option_price) * line.quantity for line in self.lines),
            Decimal(0),
        )

    def line(self, item_id: int) -> Line:
        """The line with this id. Raises Refusal 404 if it is of another cart, or of none."""
        found = next((line for line in self.lines if line.item_id == item_id), None)
        if found is None:
            raise Refusal(404, "Cart item does not exist")
        return found


class Carts:
    """All carts and the catalogue. Each call of the API, and each payment, holds the lock."""

    def __init__(self) -> None:
        self.lock = threading.RLock()
        # No id is used twice, not even after a restart.
        self._next_order_id = random.randrange(10**5, 10**6)
        self._next_item_id = random.randrange(10**8, 10**9)
        self.reset()

    def reset(self) -> None:
        """Return to the initial state."""
        self.catalogue = products()
        self._carts: dict[str, Cart] = {}

    def all(self) -> list[Cart]:
        """Every cart ever created, oldest first."""
        with self.lock:
            return list(self._carts.values())

    def create(self, fields: dict[str, object]) -> Cart:
        """A new, empty cart."""
        key = new_order_key()
        cart = Cart(key, self.new_order_id(), datetime.now(), fields)
        self._carts[key] = cart
        return cart

    def find(self, order_key: str, switches: Switches, *, writing: bool) -> Cart:
        """The cart of this key, which is case-sensitive. Raises Refusal 404 or 400."""
        cart = self._carts.get(order_key)
        hidden = {"gone", "ordered"} if switches.ordered_cart == "404" else {"gone"}
        if cart is None or cart.state in hidden:
            raise Refusal(404, "Cart does not exist")
        if cart.state == "ordered" and writing:
            raise Refusal(400, "The order has been placed")
        return cart

    def by_link(self, link_key: str) -> Cart | None:
        """The cart of a checkout link: its key, with or without the order id after it."""
        for cart in self.all():
            if link_key in (cart.order_key, f"{cart.order_key}{cart.order_id}"):
                return cart
        return None

    def add(self, cart: Cart, item: ItemPost, switches: Switches) -> Line:
        """Add a line, or merge it into one of the same product and options. Raises Refusal."""
        product = self._sellable(item.catalog_id)
        description = describe(product, item.options)
        same = self._same_line(cart, item) if switches.merge_same_item else None
        quantity = item.quantity + (same.quantity if same else 0)
        self._check_quantity(product, quantity)
        if same:
            same.quantity = quantity
            return same
        line = self._line(cart, product, item, description)
        for child_id in product.bundle:
            child, line_id = Product(self.catalogue[child_id]), self.new_item_id()
            html = f"Bundle Item: {child.sku}<br>{child.name}"  # docs/store-api.md, Objects
            cart.lines.append(Line(line_id, child.id, child.sku, html, item.quantity, child.image))
        return line

    def change(self, cart: Cart, line: Line, quantity: Decimal) -> None:
        """Set a line's quantity; 0 removes it, as in the vendor's widget. Raises Refusal."""
        if quantity == 0:
            cart.lines.remove(line)
            return
        self._check_quantity(self._sellable(line.catalog_id), quantity)
        line.quantity = quantity

    def _line(self, cart: Cart, product: Product, item: ItemPost, description: Description) -> Line:
        variant = product.variant(option_id for _, option_id, _ in item.options) or {}
        stock = variant.get("AdvancedOptionStock")
        if stock is not None and item.quantity > stock and not product.back_order:
            raise Refusal(400, "Not enough items in stock")
        line = Line(
            self.new_item_id(),
            product.id,
            product.sku + variant.get("AdvancedOptionSufix", description.sku_suffix),
            description.html,
            item.quantity,
            product.image,
            Decimal(variant.get("AdvancedOptionPrice") or product.effective_price),
            description.option_price,
            datetime.now(),
            item.options,
        )
        cart.lines.append(line)
        return line

    def new_order_id(self) -> int:
        """The next order id; carts are unfinished orders, so they have one too."""
        self._next_order_id += random.randint(1, 3)
        return self._next_order_id

    def new_item_id(self) -> int:
        """The next line id; ids increase with gaps (docs/store-api.md, Objects)."""
        self._next_item_id += random.randint(1, 4)
        return self._next_item_id

    def _sellable(self, catalog_id: int) -> Product:
        record = self.catalogue.get(catalog_id)
        if record is None or record.get("Hide") or record.get("NotForSale"):
            raise Refusal(400, "Product does not exist")
        return Product(record)

    @staticmethod
    def _same_line(cart: Cart, item: ItemPost) -> Line | None:
        wanted = (item.catalog_id, sorted(item.options))
        for line in cart.lines:
            if line.added and (line.catalog_id, sorted(line.chosen)) == wanted:
                return line
        return None

    @staticmethod
    def _check_quantity(product: Product, quantity: Decimal) -> None:
        if quantity <= 0:
            raise Refusal(400, "Quantity must be greater than zero")
        if quantity != quantity.to_integral_value() and not product.fractional:
            raise Refusal(400, "Fractional quantity is not allowed for this product")
        if quantity < product.minimum:
            raise Refusal(400, f"Minimum quantity is {product.minimum}")
        if product.maximum and quantity > product.maximum:
            raise Refusal(400, f"Maximum quantity is {product.maximum}")
        if product.multiples_only and product.minimum and quantity % product.minimum:
            raise Refusal(400, f"Quantity must be a multiple of {product.minimum}")
        if quantity > product.stock and not product.back_order:
            raise Refusal(400, "Not enough items in stock")
