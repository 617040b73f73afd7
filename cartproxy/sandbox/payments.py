"""The store's side of a payment: the documented checkout, completion and refund of a gateway app.

Every message has a signature, `md5(randomkey + the application's private key + …)`; the rest of it
depends on the kind of message. Amounts are whole cents.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from decimal import Decimal
from typing import Any
from urllib.parse import urlencode, urlsplit

import requests

from cartproxy.sandbox import orders, upkeep
from cartproxy.sandbox.carts import Cart
from cartproxy.sandbox.fields import Record
from cartproxy.sandbox.records import Change, touch
from cartproxy.sandbox.resources import RESOURCES
from cartproxy.sandbox.state import Payment, State

GATEWAY_ID = "123"
USERNAME, PASSWORD = "user1", "password1"
_STORE_ID = "1"
_TIMEOUT_SECONDS = 30


class PaymentError(Exception):
    """The gateway refuses, can't be reached, or its answer is not signed."""


def begin(state: State, cart: Cart) -> Record:
    """Ask the gateway for a payment. Returns its CheckoutResponse. Raises PaymentError."""
    with state.carts.lock:
        earlier = state.payments.get(cart.order_id)
        invoice = earlier.invoice_number if earlier else state.new_id("InvoiceNumber")
        amount = _cents(cart.amount)
        payment = Payment(cart.order_key, cart.order_id, invoice, amount, secrets.token_hex(8))
        state.payments[cart.order_id] = payment
        request = _checkout_request(state, cart, payment)
    url = state.switches.gateway_checkout_url or f"{state.base}/_gateway/checkout"
    try:
        answer = post(url, request)
        if answer.get("errormessage"):
            raise PaymentError(str(answer["errormessage"]))
        if not _is_signed(state, answer, answer.get("paymenttoken"), answer.get("redirecturl")):
            raise PaymentError("The gateway's answer has a wrong signature.")
    except PaymentError as error:
        # As documented: the merchant finds the reason in the order's internal comments.
        cart.comments.append(str(error))
        raise
    return answer


def _checkout_request(state: State, cart: Cart, payment: Payment) -> Record:
    base = state.base
    request = {
        "type": "sale",
        "orderid": payment.order_id,
        "invoice": payment.invoice,
        "email": cart.fields.get("BillingEmail", ""),
        "billing": _address(cart, "Billing", "PhoneNumber"),
        "shipping": _address(cart, "Shipment", "Phone"),
        "currency": "USD",
        "amounttotal": payment.amount,
        "taxtotal": 0,
        "shippingtotal": 0,
        "discount": 0,
        "items": [
            {
                "itemid": line.sku,
                "itemname": line.description.partition("<br>")[0],
                # A gateway needs whole quantities: a fractional one is sent as 1, at its price.
                "unitprice": _cents(
                    (line.unit_price + line.option_price) * (line.quantity if fraction else 1)
                ),
                "quantity": 1 if fraction else int(line.quantity),
            }
            for line in cart.lines
            for fraction in [line.quantity % 1 != 0]
        ],
        "username": USERNAME,
        "password": PASSWORD,
        "cancelurl": f"{base}/checkout.asp?{_proof(payment)}",
        "errorurl": f"{base}/error.asp?error=0&{_proof(payment)}",
        "notificationurl": f"{base}/paymentreceive_json.asp?gw={GATEWAY_ID}",
        "returnurl": f"{base}/paymentreceive.asp?gw={GATEWAY_ID}&{_proof(payment, base)}",
    }
    parts = (payment.order_id, payment.invoice, payment.amount)
    return signed(state, request, *parts, random_key=payment.random_key)


def _proof(payment: Payment, base: str = "") -> str:
    key = payment.random_key
    proof = signature(key, urlsplit(base).hostname or "", _STORE_ID, GATEWAY_ID)
    return urlencode({"orderid": payment.order_id, "rk": key, "k": proof})


def returned(state: State, query: Any) -> Payment | None:
    """The payment of a shopper who returned to one of our addresses; None if the link is wrong."""
    order_id = query.get("orderid", "")
    payment = state.payments.get(int(order_id) if order_id.isdigit() else 0)
    if payment is None or not hmac.compare_digest(payment.random_key, query.get("rk", "")):
        return None
    return payment


def complete(state: State, body: Record) -> Record:
    """Handle a CompleteOrderRequest: place the order, or answer why not."""
    with state.carts.lock:
        payment = state.payments.get(whole(body.get("orderid")))
        if payment is None or body.get("invoice") != payment.invoice:
            return _not_processed("201", "There is no such order.")
        parts = (payment.order_id, payment.invoice, body.get("transactionid"))
        if not _is_signed(state, body, *parts):
            return _not_processed("202", "The signature is wrong.")
        if whole(body.get("approved")) != 1:
            code, reason = body.get("errorcode"), body.get("errormessage")
            return _not_processed(str(code or "203"), str(reason or "The payment was declined."))
        if payment.order_id in state.records["Orders"]:
            return _PROCESSED  # reported twice
        cart = state.carts.by_link(payment.order_key)
        if cart is None or cart.state != "open":
            return _not_processed("201", "There is no such order.")
        if not whole(body.get("amount")) == payment.amount == _cents(cart.amount):
            return _not_processed("204", "The order has another amount.")
        order = orders.from_cart(state, cart, payment.invoice_number, body)
        cart.state = "ordered"
        upkeep.save(state, Change(RESOURCES["orders"], None, order))
    return _PROCESSED


_PROCESSED: Record = {"processed": 1, "errorcode": "", "errormessage": ""}


def _not_processed(code: str, reason: str) -> Record:
    return {"processed": 0, "errorcode": code, "errormessage": reason}


def refund(state: State, order: Record, amount: Decimal | None) -> Record:
    """Ask the gateway to refund the amount, or all with None. Returns its RefundResponse.

    Raises PaymentError, and ValueError if there is nothing to refund.
    """
    total = order.get("OrderAmount", Decimal(0))
    amount = total if amount is None else amount
    invoice = f"{order.get('InvoiceNumberPrefix', '')}{order['InvoiceNumber']}"
    sales = [
        each for each in order.get("TransactionList", ()) if each.get("TransactionType") == "Sale"
    ]
    if not sales:
        raise ValueError("the order was not paid by a gateway")
    transaction_id = sales[0].get("TransactionID", "")
    request = {
        "type": "void",
        "orderid": order["OrderID"],
        "invoice": invoice,
        "transactionid": transaction_id,
        "username": USERNAME,
        "password": PASSWORD,
        "currency": "USD",
        "amounttotal": _cents(amount),
        "is_full_refund": amount == total,
    }
    url = state.switches.gateway_post_order_url or f"{state.base}/_gateway/refund"
    answer = post(url, signed(state, request, order["OrderID"], invoice, transaction_id))
    if not _is_signed(state, answer, order["OrderID"], invoice, answer.get("transactionid")):
        raise PaymentError("The gateway's answer has a wrong signature.")
    if whole(answer.get("approved")) == 1:
        line = orders.transaction(state, order["OrderID"], "Refund", -amount, answer)
        order.setdefault("TransactionList", []).append(line)
        touch(order)
    return answer


def signature(random_key: Any, *parts: Any) -> str:
    """The documented md5, in lower-case hex; None counts as empty."""
    text = "".join("" if part is None else str(part) for part in (random_key, *parts))
    return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()


def signed(state: State, message: Record, *parts: Any, random_key: str = "") -> Record:
    """The message with a random key, and the signature of that key and these parts."""
    key = random_key or secrets.token_hex(8)
    private_key = state.credentials.private_key
    return message | {"randomkey": key, "signature": signature(key, private_key, *parts)}


def _is_signed(state: State, message: Record, *parts: Any) -> bool:
    """Whether a message of the gateway has the signature of these parts."""
    expected = signature(message.get("randomkey"), state.credentials.private_key, *parts)
    return hmac.compare_digest(expected, str(message.get("signature", "")).lower())


def post(url: str, message: Record) -> Record:
    """The object that the address answers to a message. Raises PaymentError."""
    session = requests.Session()
    session.trust_env = False
    try:
        answer = session.post(
            url, json=message, timeout=_TIMEOUT_SECONDS, allow_redirects=False
        ).json()
    except (requests.RequestException, ValueError):
        raise PaymentError("The gateway does not answer.") from None
    if not isinstance(answer, dict):
        raise PaymentError("The gateway's answer can't be read.")
    return answer


def _address(cart: Cart, kind: str, phone: str) -> Record:
    names = {"firstname": "FirstName", "lastname": "LastName", "company": "Company",
             "address": "Address", "address2": "Address2", "city": "City", "state": "State",
             "zip": "ZipCode", "country": "Country", "phone": phone}  # fmt: skip
    return {name: cart.fields.get(f"{kind}{field}", "") for name, field in names.items()}


def _cents(amount: Decimal) -> int:
    return int((amount * 100).to_integral_value())


def whole(value: Any) -> int:
    """A whole number of a message; 0 for anything else."""
    try:
        return int(value)
    except (TypeError, ValueError):
        return 0
