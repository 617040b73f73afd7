"""The schemas: they validate requests, describe answers, and are what OpenAPI is made from.

Carts and results are written by `web.cart_json`, as described here.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from marshmallow import (
    RAISE,
    Schema,
    ValidationError,
    fields,
    post_dump,
    post_load,
    pre_load,
    validate,
    validates,
    validates_schema,
)

from cartproxy.model.cart import Addresses, ChosenOption, NewItem, QuantityChange
from cartproxy.model.product import Kind
from cartproxy.web.fields import (
    Email,
    Identifier,
    LineId,
    ListOf,
    Money,
    Number,
    PriceOrQuantity,
    Quantity,
    Text,
    Timestamp,
)

MAX_ITEMS = 50
MAX_OPTIONS = 30
_MAX_MEMBERS = 100  # of an object; none of ours has more than 13


class Input(Schema):
    """What a caller sends; an unknown field is an error."""

    class Meta:
        unknown = RAISE

    @pre_load
    def _bound(self, members: Any, **_: Any) -> Any:
        if isinstance(members, dict) and len(members) > _MAX_MEMBERS:
            raise ValidationError("Has too many fields.")
        return members


class ChosenOptionSchema(Input):
    """An option of a product: the ids are the product's; `value` is the text shown or typed."""

    option_set_id = Identifier(required=True)
    option_id = Identifier(required=True)
    value = Text(255, load_default="")

    @post_load
    def _build(self, values: dict[str, Any], **_: Any) -> ChosenOption:
        return ChosenOption(**values)


class NewItemSchema(Input):
    """A product to put into the cart."""

    catalog_id = Identifier(required=True)
    quantity = Quantity(load_default=Decimal(1))
    options = ListOf(fields.Nested(ChosenOptionSchema), 0, MAX_OPTIONS, load_default=())

    @post_load
    def _build(self, values: dict[str, Any], **_: Any) -> NewItem:
        return NewItem(values["catalog_id"], values["quantity"], tuple(values["options"]))


class NewItemsSchema(Input):
    """Several products at once, each with its own result."""

    items = ListOf(fields.Nested(NewItemSchema), 1, MAX_ITEMS, required=True)


class QuantitySchema(Input):
    """A line's new quantity; 0 removes the line."""

    quantity = Quantity(zero=True, required=True)


class QuantityChangeSchema(Input):
    """A line and its new quantity."""

    item_id = LineId(required=True)
    quantity = Quantity(zero=True, required=True)

    @post_load
    def _build(self, values: dict[str, Any], **_: Any) -> QuantityChange:
        return QuantityChange(**values)


class QuantityChangesSchema(Input):
    """New quantities of several lines."""

    items = ListOf(fields.Nested(QuantityChangeSchema), 1, MAX_ITEMS, required=True)


class BillingSchema(Input):
    """Billing fields, with the store's own limits (docs/store-api.md, Objects)."""

    first_name = Text(100)
    last_name = Text(100)
    company = Text(255)
    address = Text(200)
    address2 = Text(50)
    city = Text(100)
    state = Text(100)
    zip_code = Text(20)
    country = Text(50)
    phone = Text(30)
    email = Email(100)


class ShippingSchema(BillingSchema):
    """Shipping fields; the store's limits for some differ from the billing ones."""

    last_name = Text(50)
    company = Text(200)
    address = Text(255)
    city = Text(50)


class AddressesSchema(Input):
    """Addresses to write; no answer contains them. Fields that are left out are not changed."""

    billing = fields.Nested(BillingSchema, load_default=dict)
    shipping = fields.Nested(ShippingSchema, load_default=dict)

    @post_load
    def _build(self, values: Mapping[str, Any], **_: Any) -> Addresses:
        customer = values.get("customer") or {"email": ""}
        customer_id = values.get("customer_id")
        return Addresses(values["billing"], values["shipping"], customer_id, customer["email"])


class CustomerEmailSchema(Input):
    """A customer of the store, by e-mail address; one is made if the store has none."""

    email = Email(100, required=True)

    @validates("email")
    def _is_one(self, value: str, **_: Any) -> None:
        if not value:
            raise ValidationError("Not a valid email address.")


class CustomerSchema(AddressesSchema):
    """What a server-side caller may write: also the store's customer whose cart it is."""

    customer = fields.Nested(
        CustomerEmailSchema,
        metadata={"description": "Only with an API key that has the right `customers`."},
    )

    @validates_schema
    def _one_customer(self, values: Mapping[str, Any], **_: Any) -> None:
        if values.get("customer") and values.get("customer_id"):
            raise ValidationError("Name the customer in only one way.", "customer")

    customer_id = Identifier(
        load_default=None, metadata={"description": "Only with an API key (`Cartproxy-Key`)."}
    )


class NothingSchema(Input):
    """An empty object; the body may be left out as well."""


class ItemOptionSchema(Schema):
    """A chosen option in plain text."""

    name = fields.String(required=True)
    value = fields.String(required=True)


class LineItemSchema(Schema):
    """One line of a cart. Texts are plain text, prices are the store's, per piece.

    A line is `unreadable` if the store's quantity or price can't be parsed: then it has no prices,
    and its quantity may be wrong. It can be removed like any other line. A line is `pending` if it,
    or its quantity, is kept by the service and still has to be sent to the store.
    """

    item_id = fields.String(required=True)
    catalog_id = fields.Integer(required=True)
    sku = fields.String(required=True)
    name = fields.String(required=True)
    options = fields.List(fields.Nested(ItemOptionSchema), required=True)
    quantity = Number(required=True)
    unit_price = Money(required=True, allow_none=True)
    option_price = Money(required=True, allow_none=True)
    line_total = Money(required=True, allow_none=True)
    image_url = fields.String(required=True, allow_none=True)
    state = fields.String(
        required=True, validate=validate.OneOf(("in_store", "pending", "unreadable"))
    )


class ChangeSchema(Schema):
    """A difference from what the shopper was shown, which the shopper did not ask for.

    `was` and `now` are prices per piece, as decimal strings, for `repriced`, otherwise quantities.
    `reason` is the store's own text, or empty.
    """

    item_id = fields.String(required=True)
    catalog_id = fields.Integer(required=True)
    name = fields.String(required=True)
    change = fields.String(
        required=True,
        validate=validate.OneOf(("repriced", "reduced", "increased", "gone", "refused")),
    )
    was = PriceOrQuantity(required=True)
    now = PriceOrQuantity(required=True)
    reason = fields.String(required=True)


class OrderedSchema(Schema):
    """What was bought with a cart.

    `at` is when the store reported it; `subtotal` is before tax and shipping.
    """

    at = Timestamp(required=True)
    item_count = Number(required=True)
    subtotal = Money(required=True)
    currency = fields.String(required=True)


class CartSchema(Schema):
    """A cart. `item_count` is the sum of the quantities; `subtotal` is before tax and shipping.

    `as_of` is when the cart was last read from the store; `stale` says that a later reading failed.
    `estimated` says that figures come from the product cache; the store's own come at the latest
    with the checkout. While a line is pending there is no `checkout_url`. `changes` are kept until
    a write or a checkout comes with the entity tag of the changed cart. `ordered` is there once, in
    the first reading after the store has reported that the cart was paid for; the cart is then a
    new one.
    """

    items = fields.List(fields.Nested(LineItemSchema), required=True)
    item_count = Number(required=True)
    subtotal = Money(required=True)
    currency = fields.String(required=True)
    checkout_url = fields.String(required=True, allow_none=True)
    as_of = Timestamp(required=True)
    stale = fields.Boolean(required=True)
    estimated = fields.Boolean(required=True)
    changes = fields.List(fields.Nested(ChangeSchema), required=True)
    ordered = fields.Nested(OrderedSchema)


class RestoredLineSchema(Schema):
    """A line of a restored cart; `item_id` is its new id."""

    catalog_id = fields.Integer(required=True)
    name = fields.String(required=True)
    quantity = Number(required=True)
    item_id = fields.String(required=True, allow_none=True)


class RestoredSchema(Schema):
    """The cart had vanished at the store and was restored: what happened to its lines."""

    kept = fields.List(fields.Nested(RestoredLineSchema), required=True)
    repriced = fields.List(fields.Nested(RestoredLineSchema), required=True)
    gone = fields.List(fields.Nested(RestoredLineSchema), required=True)


class ItemResultSchema(Schema):
    """The result for one item of the request, by its index there."""

    index = fields.Integer(required=True)
    outcome = fields.String(
        required=True, validate=validate.OneOf(("applied", "pending", "not_applied", "unknown"))
    )
    code = fields.String()
    item_id = fields.String()


class ResultsSchema(Schema):
    """A result for each item, in the order of the request."""

    results = fields.List(fields.Nested(ItemResultSchema), required=True)


class WrittenCartSchema(CartSchema):
    """The cart after a write."""

    restored = fields.Nested(RestoredSchema)


class CartWithResultsSchema(WrittenCartSchema, ResultsSchema):
    """The cart after the write, and a result for each item of the request."""


class SendingSchema(Schema):
    """The checkout is under way: send the same request again after `retry_after` seconds.

    `sent` of the lines that were pending are at the store now; `of` is their total.
    """

    state = fields.Constant("sending", required=True)
    sent = fields.Integer(required=True)
    of = fields.Integer(required=True)
    retry_after = fields.Integer(required=True)


class CheckoutSchema(Schema):
    """Where the shopper pays. A secret of this shopper, like the cart's credential."""

    checkout_url = fields.String(required=True)


class ProductOptionSchema(Schema):
    """A choice, or a text field; `price_difference` is added to the product's price.

    `selected` is the store's default; preselect nothing else.
    """

    option_id = fields.Integer(required=True)
    name = fields.String(required=True)
    price_difference = Money(required=True)
    selected = fields.Boolean(required=True)
    image_url = fields.String(required=True, allow_none=True)


class OptionSetSchema(Schema):
    """Something to choose or to fill in; `type` is the store's word, such as Dropdown or Radio.
    `kind` decides the control: `single` (one of the options), `multiple` (any number of them),
    `text` and `multiline` (a text field for each entry of `options`, sent as `value` with that
    entry's `option_id`, or with the set's own id if there is no entry), `heading` (nothing to
    choose), `unsupported` (only on the store's page: a file, or an unknown type). `max_length` is
    in characters, for typed texts; null if the store sets no limit.
    """

    option_set_id = fields.Integer(required=True)
    name = fields.String(required=True)
    type = fields.String(required=True)
    kind = fields.String(required=True, validate=validate.OneOf([*Kind]))
    required = fields.Boolean(required=True)
    max_length = fields.Integer(required=True, allow_none=True)
    options = fields.List(fields.Nested(ProductOptionSchema), required=True)


class VariantSchema(Schema):
    """A combination of options with its own stock, and perhaps its own price and SKU.

    It is chosen when all its `option_ids` are. `unit_price`, if given, replaces the product's
    `price`; price differences of the options are added to either.
    """

    option_ids = fields.List(fields.Integer(), required=True)
    available = fields.Boolean(required=True)
    unit_price = Money()
    sku = fields.String()

    @post_dump
    def _without_absent(self, values: dict[str, Any], **_: Any) -> dict[str, Any]:
        return {name: value for name, value in values.items() if value is not None}


class ProductSchema(Schema):
    """What a button needs to know.

    `list_price` is the regular price of a product on sale. A quantity is `minimum_quantity` plus a
    multiple of `quantity_step`, up to `maximum_quantity`. Without a step it is a whole number, or a
    number with up to 4 decimals if `fractional_quantity` is true. `product_url` is the store's
    front page if the product's own page is not known.
    """

    catalog_id = fields.Integer(required=True)
    sku = fields.String(required=True)
    name = fields.String(required=True)
    price = Money(required=True)
    list_price = Money(required=True, allow_none=True)
    currency = fields.String(required=True)
    image_url = fields.String(required=True, allow_none=True)
    product_url = fields.String(required=True)
    available = fields.Boolean(required=True)
    minimum_quantity = Number(required=True, allow_none=True)
    maximum_quantity = Number(required=True, allow_none=True)
    quantity_step = Number(required=True, allow_none=True)
    fractional_quantity = fields.Boolean(required=True)
    option_sets = fields.List(fields.Nested(OptionSetSchema), required=True)
    variants = fields.List(fields.Nested(VariantSchema), required=True)
    stock = Number(metadata={"description": "Only if the store's settings allow it."})


class WebhookSchema(Schema):
    """An order as the store writes it, or an array of orders; only the ids are used."""


class FieldErrorSchema(Schema):
    """A field that can't be accepted, by JSON pointer (RFC 6901)."""

    pointer = fields.String(required=True)
    detail = fields.String(required=True)


class ProblemSchema(Schema):
    """A problem document (RFC 9457)."""

    type = fields.String(required=True)
    title = fields.String(required=True)
    status = fields.Integer(required=True)
    detail = fields.String(required=True)
    code = fields.String(required=True)
    request_id = fields.String(required=True)
    retryable = fields.Boolean(required=True)
    retry_after = fields.Integer(metadata={"description": "Seconds."})
    outcome = fields.String(validate=validate.OneOf(("applied", "not_applied", "unknown")))
    errors = fields.List(fields.Nested(FieldErrorSchema))
    results = fields.List(fields.Nested(ItemResultSchema))
    cart = fields.Nested(CartSchema)
    changes = fields.List(fields.Nested(ChangeSchema))
