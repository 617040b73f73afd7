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
    url = settings.public_url
    secure = urlsplit(url).scheme == "https"
    name = CookiePolicy(secure, int(settings.idle_seconds)).name
    if secure:
        attributes = "Secure, HttpOnly, SameSite=None, Partitioned, Path=/"
        yield ok("public-url", f"{url}: the cookie is {name} ({attributes}).")
    elif is_local(url):
        detail = f"{url}: only for this machine; the cookie is {name} (HttpOnly, SameSite=Lax)."
        yield ok("public-url", detail)
    else:
        yield error(
            "public-url-http",
            f"{url} is not https: credentials are sent unencrypted, and the cookie ({name}, not "
            "Secure, SameSite=Lax) is not sent from other sites.",
            "Put a proxy with TLS in front, and set public_url to its https address.",
        )
    origins = [origin for store in settings.stores.values() for origin in store.origins]
    if is_local(url) and not all(map(is_local, origins)):
        yield warning(
            "public-url-local",
            f"{url} leads only to this machine, but sites on the web are listed as origins.",
            "Set public_url to the address that shoppers' browsers use.",
        )


def trusted_hops_findings(settings: Settings) -> Iterator[Finding]:
    """Whether the service sees shoppers' addresses: it has no TLS, so https means a proxy."""
    hops = settings.trusted_hops
    behind_proxy = urlsplit(settings.public_url).scheme == "https"
    if behind_proxy and not hops:
        yield warning(
            "trusted-hops-none",
            "TLS ends at a proxy in front, and its address counts as every shopper's: limits by "
            "address apply to all of them together, or to nobody.",
            "Set trusted_hops to the number of your own proxies that append to X-Forwarded-For.",
        )
    elif hops and not behind_proxy:
        yield warning(
            "trusted-hops-forged",
            f"{hops} proxies are trusted, but public_url leads here without any: callers can "
            "choose the address by which they are limited.",
            "Set trusted_hops to 0, or public_url to the https address of the proxy in front.",
        )
    else:
        yield ok("trusted-hops", f"Proxies whose X-Forwarded-For is trusted: {hops}.")


def origin_findings(_name: str, store: StoreSettings, settings: Settings) -> Iterator[Finding]:
    """Whether only the right sites are listed."""
    if not store.origins:
        yield warning(
            "origins-none",
            "No site is listed, so browsers can't use the carts.",
            "List the sites in origins.",
        )
        return
    is_public = not is_local(settings.public_url)
    findings = [each for origin in store.origins for each in _origin_findings(origin, is_public)]
    listed = ", ".join(store.origins)
    yield from findings or [ok("origins", f"Sites that may use the carts: {listed}.")]


def _origin_findings(origin: str, is_public: bool) -> Iterator[Finding]:
    if is_public and is_local(origin):
        yield warning(
            "origin-local",
            f"{origin} is allowed: any program on a visitor's machine can pose as your site.",
            "Remove it; use another service for trying things out.",
        )
    elif is_public and origin.startswith("http:"):
        yield warning(
            "origin-http",
            f"{origin} is not https: anyone on the network path can change its pages and carts.",
            "Serve the site by https, and list that origin.",
        )
    if "*." in origin:
        yield warning(
            "origin-wildcard",
            f"{origin} allows every site directly below that domain.",
            "Keep it only if all of these are yours (never on a host that other people's sites "
            "share); otherwise list your sites one by one.",
        )


def shop_findings(_name: str, store: StoreSettings, _settings: Settings) -> Iterator[Finding]:
    """Whether shoppers can be sent to the shop: browsers get only https addresses of it."""
    if not store.site_url.startswith("https:") and not is_local(store.site_url):
        yield warning(
            "shop-not-https",
            f"{store.site_url} is not https, so browsers get no addresses of pages, images and "
            "checkouts below it.",
            "Set shop_url, or secure_url, to the shop's https address.",
        )
