"""The application factory: the only place where things are wired."""

from __future__ import annotations

import secrets
from urllib.parse import urlsplit

import redis
import requests
from flask import Flask

from cartproxy import logs, metrics, tracing
from cartproxy.carts.customers import Customers
from cartproxy.carts.deferral import Adds, Deferral
from cartproxy.carts.orders import Orders
from cartproxy.carts.products import ProductCatalogue
from cartproxy.carts.reading import Readings
from cartproxy.carts.service import CartService
from cartproxy.limits.rate_limiter import Limit, RateLimiter
from cartproxy.records.inbox import Inbox
from cartproxy.records.locks import Locks
from cartproxy.records.names import CartNames
from cartproxy.records.pending import PendingCarts
from cartproxy.records.records import Lives, Records
from cartproxy.records.sales import Sales
from cartproxy.records.seal import Seal
from cartproxy.settings import Settings, StoreSettings
from cartproxy.sites import Sites
from cartproxy.storage.connect import connect
from cartproxy.store.breaker import Breaker
from cartproxy.store.client import StoreClient
from cartproxy.store.guard import GuardedTransport
from cartproxy.store.limits import Budget
from cartproxy.store.sessions import new_session
from cartproxy.upstream import store_transport
from cartproxy.web import hooks
from cartproxy.web.api_keys import ApiKeys
from cartproxy.web.buy_page import buy_page
from cartproxy.web.carts import carts
from cartproxy.web.checkout import checkout
from cartproxy.web.context import Context
from cartproxy.web.credentials import CookiePolicy
from cartproxy.web.docs import docs
from cartproxy.web.health import health
from cartproxy.web.products import products
from cartproxy.web.rate_limits import RateLimits
from cartproxy.web.request import App
from cartproxy.web.stores import STORES_PATH, Store
from cartproxy.web.webhooks import webhooks
from cartproxy.web.widget import widget


def create_app(settings: Settings) -> Flask:
    """The WSGI application for these settings. Connects to nothing before the first request."""
    logs.configure(settings.log_level)
    if settings.trace_url:
        tracing.begin(settings.trace_url)
    metrics.reserve()
    metrics.begin({name: store.calls_per_second for name, store in settings.stores.items()})
    client = connect(settings)
    records = Records(
        client,
        Lives(
            idle=settings.idle_seconds,
            absolute=settings.absolute_seconds,
            lease=settings.lock_lease_seconds,
            wait=settings.lock_wait_seconds,
            answer=settings.answer_seconds,
        ),
        Seal(settings.seal_key.reveal(), settings.previous_seal_key.reveal()),
        settings.record_format,
    )
    session = new_session(settings.concurrency)
    public = urlsplit(settings.public_url)
    # Without Redis the carts die with the process, and so may the key of their names.
    pepper = settings.pepper.reveal() or secrets.token_urlsafe(32)
    app = App(__name__, root_path=__file__.removesuffix("app.py") + "web")
    # An address is right or there is none: a redirect could carry a bearer to anywhere.
    app.url_map.merge_slashes = app.url_map.redirect_defaults = False
    context = Context(
        stores={
            name: _store(name, store, settings, client, records, session, pepper)
            for name, store in settings.stores.items()
        },
        live_carts=records.live_carts,
        cart_names=CartNames(
            records, pepper=pepper, previous_pepper=settings.previous_pepper.reveal()
        ),
        cookie=CookiePolicy(public.scheme == "https", int(settings.idle_seconds)),
        own_origin=settings.own_origin,
        request_seconds=settings.request_seconds,
        limits=RateLimits(
            RateLimiter(client),
            of_address={
                "reads": settings.address_reads_per_minute,
                "writes": settings.address_writes_per_minute,
                "creates": settings.address_creates_per_minute,
            },
            of_cart={
                "reads": settings.cart_reads_per_minute,
                "writes": settings.cart_writes_per_minute,
            },
            trusted_hops=settings.trusted_hops,
            key=pepper.encode(),
        ),
        max_under_way=settings.concurrency,
        max_idle_connections=settings.idle_connections,
        max_body_bytes=settings.max_body_bytes,
        max_quantity=settings.max_quantity,
        show_docs=settings.shows_docs,
        metrics_token=settings.metrics_token.reveal(),
    )
    app.extensions["cartproxy"] = context
    for blueprint in (carts, checkout, products, buy_page, webhooks):
        app.register_blueprint(blueprint, url_prefix=f"{STORES_PATH}<store>")
    for blueprint in (health, docs, widget):
        app.register_blueprint(blueprint)
    hooks.install(app, context, https=public.scheme == "https")
    return app


def store_client(
    name: str,
    store: StoreSettings,
    settings: Settings,
    client: redis.Redis,
    session: requests.Session,
) -> StoreClient:
    """The client for one configured store."""
    transport = store_transport(name, store, settings, session)
    budget = Budget(
        client,
        store_id=name,
        rate=store.calls_per_second,
        burst=store.call_burst,
        wait_seconds=settings.call_wait_seconds,
    )
    breaker = Breaker(
        failures=settings.breaker_failures, open_seconds=settings.breaker_seconds, label=name
    )
    guarded = GuardedTransport(transport, budget, breaker, concurrency=store.concurrent_calls)
    return StoreClient(
        guarded, shop_url=store.site_url, checkout_hosts=store.hosts, currency=store.money
    )


def store_sales(
    name: str, store: StoreSettings, settings: Settings, client: redis.Redis, pepper: str
) -> Sales:
    """The books of one configured store."""
    previous = settings.previous_pepper.reveal()
    return Sales(
        client,
        store_id=name,
        peppers=[pepper, *([previous] if previous else [])],
        currency=store.money,
        cart_life=settings.idle_seconds,
    )


def _store(
    name: str,
    store: StoreSettings,
    settings: Settings,
    client: redis.Redis,
    records: Records,
    session: requests.Session,
    pepper: str,
) -> Store:
    calls = store_client(name, store, settings, client, session)
    catalogue = ProductCatalogue(
        calls,
        client,
        store_id=name,
        fresh_seconds=settings.product_fresh_seconds,
        currency=store.money,
    )
    pending = PendingCarts(
        client,
        store_id=name,
        most=store.pending_carts,
        most_of_address=store.address_pending_carts,
        life=settings.idle_seconds,
    )
    sales = store_sales(name, store, settings, client, pepper) if store.hook_secret else None
    keys = ApiKeys(store.api_keys)
    locks = Locks(client, store_id=name, pepper=pepper)
    customers = Customers(calls, locks, settle_seconds=settings.settle_seconds)
    readings = Readings(
        calls,
        records,
        store.money,
        fresh_seconds=settings.snapshot_fresh_seconds,
        settle_seconds=settings.settle_seconds,
    )
    # Release 0.1 knows nothing of what is pending.
    adds = Adds(store.adds) if settings.record_format > 5 else Adds.DIRECT
    carts = CartService(
        calls,
        records,
        readings,
        Deferral(name, adds, catalogue, pending),
        locks,
        sales=sales,
        customers=customers if keys.may_name_customers else None,
    )
    inbox = Inbox(
        client,
        store_id=name,
        lease_seconds=settings.lock_lease_seconds,
        known_seconds=settings.idle_seconds,
    )
    orders = None
    if sales:
        orders = Orders(
            calls, carts, inbox, sales, currency=store.money, read_seconds=settings.request_seconds
        )
    return Store(
        id=name,
        settings=store,
        carts=carts,
        orders=orders,
        products=catalogue,
        pending=pending,
        origins=Sites({origin: origin for origin in store.origins}),
        keys=keys,
        products_of=_products_of(store, settings.own_origin),
        creates_of=Sites(
            {
                # By the entry: whoever can make up labels must not make up quotas with them.
                origin: Limit("origin-creates", f"creates:{name}:{origin}", int(quota))
                for origin, quota in map(str.split, store.origin_creates_per_minute)
            }
        ),
    )


def _products_of(store: StoreSettings, own_origin: str) -> Sites[frozenset[int]]:
    """The products of the sites that may sell only some.

    Where each listed site is one of those, so is this service: its page sells what any of them may.
    """
    lists = {
        origin: frozenset(map(int, products))
        for origin, *products in map(str.split, store.origin_products)
    }
    sites = Sites(lists)
    everywhere = all(origin in lists or origin in sites for origin in store.origins)
    if lists and everywhere and own_origin not in sites:
        return Sites({**lists, own_origin: frozenset().union(*lists.values())})
    return sites
