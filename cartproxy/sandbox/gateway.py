"""A sample payment gateway, as the vendor's pages describe one. It is not a part of the store.

It knows the application's private key and what the store sends to it. Its page has a button for
each outcome of a payment, and works without JavaScript.
"""

from __future__ import annotations

import re
import secrets
from typing import Any

from flask import Blueprint, Response, abort, jsonify, redirect, render_template, request
from werkzeug.wrappers import Response as AnyResponse

from cartproxy.sandbox.fields import Record
from cartproxy.sandbox.payments import PaymentError, post, signature, signed, whole
from cartproxy.sandbox.state import current_state

gateway = Blueprint("gateway", __name__, url_prefix="/_gateway")
OUTCOMES = {
    "approve": "Approve",
    "decline": "Decline",
    "cancel": "Cancel",
    "timeout": "Time out",
    "wrong-random-key": "Wrong random key",
}
_TIMEOUT_CODE, _DECLINED_CODE = "105", "104"


@gateway.post("/checkout")
def checkout() -> Response:
    """Answer a CheckoutRequest of the store with the address where the shopper pays."""
    sale = _message()
    error = _refused(sale, "sale", "orderid", "invoice", "amounttotal")
    token = "" if error else secrets.token_hex(16)
    if token:
        current_state().sales[token] = sale
    url = f"{current_state().base}/_gateway/pay"
    return _answer(
        {
            "paymenttoken": token,
            "redirecturl": url,
            "redirectmethod": "GET",
            "errorcode": "100" if error else "",
            "errormessage": error,
        },
        token,
        url,
    )


@gateway.get("/pay")
def page() -> str:
    """The shopper's page: the amount, and a button for each outcome."""
    token = request.args.get("paymenttoken", "")
    return render_template("gateway.html", sale=_sale(token), token=token, outcomes=OUTCOMES)


@gateway.post("/pay/<token>/<outcome>")
def end(token: str, outcome: str) -> AnyResponse:
    """End the payment with this outcome, notify the store, and send the shopper back."""
    sale = _sale(token)
    if outcome not in OUTCOMES:
        abort(404)
    if outcome == "cancel":
        return redirect(sale["cancelurl"], 303)
    if outcome == "timeout":
        return redirect(_error_url(sale, _TIMEOUT_CODE), 303)
    answer = _notify(sale, outcome)
    if whole(answer.get("processed")) == 1:
        return redirect(sale["returnurl"], 303)
    return redirect(_error_url(sale, str(answer.get("errorcode", ""))), 303)


@gateway.post("/refund")
def refund() -> Response:
    """Answer a RefundRequest of the store; a signed one is always granted."""
    asked = _message()
    error = _refused(asked, "void", "orderid", "invoice", "transactionid")
    transaction_id = "" if error else secrets.token_hex(8)
    return _answer(
        {
            "approved": 0 if error else 1,
            "transactionid": transaction_id,
            "errorcode": "100" if error else "",
            "errormessage": error,
        },
        asked.get("orderid"),
        asked.get("invoice"),
        transaction_id,
    )


def _notify(sale: Record, outcome: str) -> Record:
    """Send a CompleteOrderRequest to the store, and return its answer."""
    approved = outcome != "decline"
    transaction_id = secrets.token_hex(8)
    message = {
        "orderid": sale["orderid"],
        "invoice": sale["invoice"],
        "amount": sale["amounttotal"],
        "approved": int(approved),
        "transactionid": transaction_id,
        "errorcode": "" if approved else _DECLINED_CODE,
        "errormessage": "" if approved else "The card was declined.",
    }
    parts = (sale["orderid"], sale["invoice"], transaction_id)
    message = signed(current_state(), message, *parts)
    if outcome == "wrong-random-key":
        message["randomkey"] = secrets.token_hex(8)
    try:
        return post(sale["notificationurl"], message)
    except PaymentError:
        return {}


def _refused(message: Record, kind: str, *signed: str) -> str:
    key = current_state().credentials.private_key
    parts = (message.get(name) for name in signed)
    if message.get("type") != kind:
        return "The transaction type is wrong."
    if message.get("signature") != signature(message.get("randomkey"), key, *parts):
        return "The signature is wrong."
    return ""


def _answer(document: Record, *parts: Any) -> Response:
    return jsonify(signed(current_state(), document, *parts))


def _message() -> Record:
    message = request.get_json(force=True, silent=True)
    return message if isinstance(message, dict) else {}


def _sale(token: str) -> Record:
    sale = current_state().sales.get(token)
    if sale is None:
        abort(404)
    return sale


def _error_url(sale: Record, code: str) -> str:
    return re.sub(r"error=[^&]*", f"error={code}", str(sale["errorurl"]), count=1)
