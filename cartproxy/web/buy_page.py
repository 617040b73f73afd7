"""A page with one product and one button, for links in mail, feeds and QR codes."""

from __future__ import annotations

from flask import Blueprint, Response, render_template

from cartproxy.web.forms import read_number
from cartproxy.web.operations import operation
from cartproxy.web.problems import let_form_leave
from cartproxy.web.products import cacheable, find_product
from cartproxy.web.refusals import Refused
from cartproxy.web.request import current, current_caller
from cartproxy.widget.form import buy_form

buy_page = Blueprint("buy_page", __name__)


@buy_page.get("/buy/<catalog_id>")
@operation(
    "A page with the product and a button that buys it; `?quantity=` sets the quantity",
    {200: None},
    problems=("not-found", "product-not-found", "product-refused"),
)
def show(catalog_id: str) -> Response:
    """It creates nothing: scanners of mail, prefetchers and crawlers open such links too."""
    store = current_caller().store
    if not store.settings.buy_page:
        raise Refused("not-found", "There is nothing at this address.")
    product = find_product(catalog_id)
    form = buy_form(
        store.buy_path,
        product,
        quantity=read_number(current().args.get("quantity", "").strip()),
        button="Go to checkout",
    )
    page = render_template("buy.html", product=product, store=store, form=form)
    response = let_form_leave(cacheable(Response(page)), product["image_url"])
    response.headers["X-Robots-Tag"] = "noindex"
    return response
