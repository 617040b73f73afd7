"""What follows from public_url and the origin lists: cookie, CORS, who may use the carts."""

from __future__ import annotations

from collections.abc import Iterator
from urllib.parse import urlsplit

from cartproxy.doctor.findings import Finding, error, ok, warning
from cartproxy.settings import Settings, StoreSettings
from cartproxy.sites import is_local
from cartproxy.web.credentials import CookiePolicy


def public_url_findings(settings: Settings) -> Iterator[Finding]:
    """Which cookie browsers get, and whether they keep it."""
    url, about = settings.public_url, "public_url"
    secure = urlsplit(url).scheme == "https"
    name = CookiePolicy(secure, int(settings.idle_seconds)).name
    if secure:
        attributes = "Secure, HttpOnly, SameSite=None, Partitioned, Path=/"
        yield ok("public-url", about, f"{url}: the cookie is {name} ({attributes}).")
    elif is_local(url):
        yield ok(
            "public-url",
            about,
            f"{url}: only for this machine; the cookie is {name} (HttpOnly, SameSite=Lax).",
        )
    else:
        yield error(
            "public-url-http",
            about,
            f"{url} is not https: credentials are sent unencrypted, and the cookie ({name}, not "
            "Secure, SameSite=Lax) is not sent from other sites.",
            "Put a proxy with TLS in front, and set public_url to its https address.",
        )
    if is_local(url) and any(_is_public(store) for store in settings.stores.values()):
        yield warning(
            "public-url-local",
            about,
            f"{url} leads only to this machine, but sites on the web are listed as origins.",
            "Set public_url to the address that shoppers' browsers use.",
        )


def trusted_hops_findings(settings: Settings) -> Iterator[Finding]:
    """Whether the shopper's own address is seen: cartproxy speaks no TLS, so https has a proxy."""
    hops, about = settings.trusted_hops, "trusted_hops"
    behind_proxy = urlsplit(settings.public_url).scheme == "https"
    if behind_proxy and not hops:
        yield warning(
            "trusted-hops-none",
            about,
            "TLS ends at a proxy in front, and its address counts as every shopper's: limits by "
            "address apply to all of them together, or to nobody.",
            "Set trusted_hops to the number of your own proxies that append to X-Forwarded-For.",
        )
    elif hops and not behind_proxy:
        yield warning(
            "trusted-hops-forged",
            about,
            f"{hops} proxies are trusted, but public_url leads here without any: callers can "
            "choose the address by which they are limited.",
            "Set trusted_hops to 0, or public_url to the https address of the proxy in front.",
        )
    else:
        yield ok("trusted-hops", about, f"Proxies whose X-Forwarded-For is trusted: {hops}.")


def _is_public(store: StoreSettings) -> bool:
    return any(not is_local(origin) for origin in store.origins)


def origin_findings(name: str, store: StoreSettings, settings: Settings) -> Iterator[Finding]:
    """Whether the listed sites are those, and only those, that should use the carts."""
    about = f"store {name}"
    found = False
    for finding in (
        *_no_origins(about, store),
        *_plain_origins(about, store, settings),
        *_wildcards(about, store),
    ):
        found = True
        yield finding
    if not found:
        yield ok("origins", about, f"Sites that may use the carts: {', '.join(store.origins)}.")


def _no_origins(about: str, store: StoreSettings) -> Iterator[Finding]:
    if not store.origins:
        yield warning(
            "origins-none",
            about,
            "No site is listed, so browsers can't use the carts.",
            "List the sites in origins.",
        )


def _plain_origins(about: str, store: StoreSettings, settings: Settings) -> Iterator[Finding]:
    if is_local(settings.public_url):
        return
    for origin in store.origins:
        if is_local(origin):
            yield warning(
                "origin-local",
                about,
                f"{origin} is allowed: any program on a visitor's machine can pose as your site.",
                "Remove it; use another service for trying out.",
            )
        elif origin.startswith("http:"):
            yield warning(
                "origin-http",
                about,
                f"{origin} is not https: anyone on the way can change its pages and carts.",
                "Serve the site by https, and list that origin.",
            )


def _wildcards(about: str, store: StoreSettings) -> Iterator[Finding]:
    for origin in store.origins:
        if "*." in origin:
            yield warning(
                "origin-wildcard",
                about,
                f"{origin} allows every site directly below that domain.",
                "Keep it only if all of these are yours (never for a host of other people's "
                "sites); otherwise list your sites one by one.",
            )


def shop_findings(name: str, store: StoreSettings) -> Iterator[Finding]:
    """Whether shoppers may be sent to the shop: its pages and images are shown only by https."""
    if not store.site_url.startswith("https:") and not is_local(store.site_url):
        yield warning(
            "shop-not-https",
            f"store {name}",
            f"{store.site_url} is not https, so browsers get no addresses of pages, images and "
            "checkouts below it.",
            "Set shop_url, or secure_url, to the shop's https address.",
        )
