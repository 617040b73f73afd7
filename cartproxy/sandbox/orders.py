"""Orders: completed when they are imported, created from a cart when it is paid."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal

from cartproxy.sandbox.carts import Cart, Line, new_order_key
from cartproxy.sandbox.catalogue import Product
from cartproxy.sandbox.fields import Record
from cartproxy.sandbox.state import INVOICE_PREFIX, State
from cartproxy.sandbox.tables import CART

NEW = 1  # order states: docs/store-api.md, Life of a cart


def complete(state: State, order: Record) -> None:
    """Fill in the fields of a new order that the client did not send."""
    now = datetime.now().replace(microsecond=0)
    order.setdefault("OrderDate", now)
    order.setdefault("OrderStatusID", NEW)
    order.setdefault("InvoiceNumber", state.new_id("InvoiceNumber"))
    key = f"{new_order_key()}{order['OrderID']}"
    order.setdefault("ContinueURL", f"{state.base}/continue_order.asp?orderkey={key}")
    shipments = order.setdefault("ShipmentList", [])
    for place, shipment in enumerate(shipments, 1):
        shipment.setdefault("ShipmentNumber", place)
        shipment.setdefault("ShipmentLastUpdate", now)
    for item in order.setdefault("OrderItemList", []):
        _complete_item(state, item, shipments, now)
    order.setdefault("OrderAmount", _amount(order))


def _complete_item(state: State, item: Record, shipments: list[Record], now: datetime) -> None:
    item.setdefault("ItemQuantity", Decimal(1))
    item.setdefault("ItemDateAdded", now)
    if shipments:
        item.setdefault("ItemShipmentID", shipments[0]["ShipmentID"])
    record = state.carts.catalogue.get(item["CatalogID"])
    if record is not None:
        product = Product(record)
        item.setdefault("ItemID", product.sku)
        item.setdefault("ItemDescription", product.name)
        item.setdefault("ItemUnitPrice", product.effective_price)
        item.setdefault("ItemUnitStock", int(product.stock))
        item.setdefault("ItemImage1", product.image)


def _amount(order: Record) -> Decimal:
    amount = -order.get("OrderDiscount", Decimal(0))
    for item in order["OrderItemList"]:
        price = item.get("ItemUnitPrice", 0) + item.get("ItemOptionPrice", 0)
        amount += item["ItemQuantity"] * price
    for shipment in order["ShipmentList"]:
        amount += shipment.get("ShipmentCost", 0)
    for name in ("SalesTax", "SalesTax2", "SalesTax3"):
        amount += order.get(name, 0)
    return Decimal(amount)


def from_cart(state: State, cart: Cart, invoice: int, payment: Record) -> Record:
    """The order that a cart becomes: its key in `ContinueURL`, its lines' ids in `ItemIndexID`."""
    now = datetime.now().replace(microsecond=0)
    shipment = _addressed(cart, "Shipment") | {
        "ShipmentID": state.new_id("ShipmentID"),
        "ShipmentNumber": 1,
        "ShipmentBoxes": 1,
        "ShipmentOrderStatus": NEW,
        "ShipmentLastUpdate": now,
    }
    link = f"{cart.order_key}{cart.order_id}"
    return {
        "InvoiceNumberPrefix": INVOICE_PREFIX,
        "InvoiceNumber": invoice,
        "OrderID": cart.order_id,
        "CustomerID": cart.fields.get("CustomerId", 0),
        "OrderDate": now,
        "OrderStatusID": NEW,
        "ContinueURL": f"{state.base}/continue_order.asp?orderkey={link}",
        "BillingPaymentMethod": "Sample gateway",
        "BillingOnLinePayment": True,
        "BillingPaymentMethodID": "123",
        **_addressed(cart, "Billing"),
        "ShipmentList": [shipment],
        "OrderItemList": [_item(line, shipment) for line in cart.lines],
        "OrderAmount": cart.amount,
        "TransactionList": [transaction(state, cart.order_id, "Sale", cart.amount, payment)],
        "InternalComments": "\n".join(cart.comments),
    }


def _addressed(cart: Cart, kind: str) -> Record:
    return {name: cart.fields.get(name, "") for name in CART.fields if name.startswith(kind)}


def _item(line: Line, shipment: Record) -> Record:
    return {
        "CatalogID": line.catalog_id,
        "ItemIndexID": line.item_id,
        "ItemID": line.sku,
        "ItemShipmentID": shipment["ShipmentID"],
        "ItemQuantity": line.quantity,
        "ItemDescription": line.description,
        "ItemUnitPrice": line.unit_price,
        "ItemOptionPrice": line.option_price,
        "ItemDateAdded": line.added,
        "ItemCatalogIDOptions": "-".join(str(option_id) for _, option_id, _ in line.chosen),
        "ItemImage1": line.image,
    }


def transaction(state: State, order_id: int, kind: str, amount: Decimal, payment: Record) -> Record:
    """A line of an order's transactions; `payment` is the gateway's message."""
    return {
        "TransactionIndexID": state.new_id("TransactionIndexID"),
        "OrderID": order_id,
        "TransactionID": str(payment.get("transactionid", "")),
        "TransactionDateTime": datetime.now().replace(microsecond=0),
        "TransactionType": kind,
        "TransactionMethod": "Sample gateway",
        "TransactionAmount": amount,
        "TransactionApproval": str(payment.get("transactionid", "")),
        "TransactionGatewayID": 123,
        "TransactionResponseText": str(payment.get("errormessage") or "Approved"),
        "TransactionResponseCode": str(payment.get("errorcode") or ""),
        "TransactionCaptured": 1,
    }


def take_from_stock(state: State, order: Record) -> list[Record]:
    """Subtract an order's items from the stock. Returns the products whose stock changed."""
    taken = []
    for item in order["OrderItemList"]:
        record = state.carts.catalogue.get(item["CatalogID"])
        if record is None:
            continue
        product = Product(record)
        product.sku_info["Stock"] = product.stock - item["ItemQuantity"]
        options = [int(each) for each in item.get("ItemCatalogIDOptions", "").split("-") if each]
        variant = product.variant(options)
        if variant is not None:
            left = variant.get("AdvancedOptionStock", 0) - int(item["ItemQuantity"])
            variant["AdvancedOptionStock"] = left
        taken.append(record)
    return taken
