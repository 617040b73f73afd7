"""Everything that can be set, typed and explained.

Each setting is declared in one place: a dataclass field that carries its marshmallow field, from
which `cartproxy.settings_source` reads it.
"""

from __future__ import annotations

import dataclasses
import ipaddress
import os
import re
import signal
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from marshmallow import ValidationError, fields, validate
from redis import ConnectionPool, RedisError

from cartproxy.model.cart import Currency
from cartproxy.sites import LABEL

_HEADER_VALUE = validate.Regexp(r"[\x21-\x7e]*\Z", error="Must be printable ASCII without spaces.")
# Not `validate.URL`: to compile its pattern takes 50 ms of every start.
_HTTP_URL = validate.Regexp(
    r"https?://(?:[^\s/?#@]*@)?(?:(?:\w[\w-]*\.)*\w[\w-]*\.?|\[[0-9a-f:]+\])(?::\d{1,5})?"
    r"(?:[/?#]\S*)?\Z",
    re.IGNORECASE,
    error="Not a valid URL.",
)


def _is_http_url(text: str) -> None:
    """Refuse what is no address of a web server; its port is a number that there is."""
    _HTTP_URL(text)
    try:
        if urlsplit(text).port == 0:
            raise ValueError
    except ValueError:
        raise ValidationError("Not a valid URL.") from None


SEVERAL_SERVERS = re.compile(
    r"redis\+(?P<kind>sentinel|cluster)://(?:(?P<user>[^:@]*):(?P<password>[^@]*)@)?"
    r"(?P<hosts>[^/@]+)(?:/(?P<service>[A-Za-z0-9._-]+))?/?"
)
KEY_NAME = r"[A-Za-z0-9._-]{1,32}"  # of a server-side caller
# Names the file whose presence says that this instance is leaving; gunicorn's master sets it.
DRAINING_FLAG = "_CARTPROXY_DRAINING"
STOPS = (signal.SIGTERM, signal.SIGINT, signal.SIGQUIT)
# Redis counts in whole milliseconds, and not up to any number of them.
_SECONDS = validate.Range(0.001, 315_360_000)


class Secret:
    """Text that shows itself only when asked to."""

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        self._text = text

    def reveal(self) -> str:
        """The text itself."""
        return self._text

    def __bool__(self) -> bool:
        return bool(self._text)

    def __repr__(self) -> str:
        return "Secret(***)" if self._text else "Secret()"


class SecretField(fields.String):
    """Text that becomes a Secret."""

    def _deserialize(self, value: Any, *args: Any, **kwargs: Any) -> Any:
        return Secret(super()._deserialize(value, *args, **kwargs) or "")


class WholeField(fields.Integer):
    """A whole number; marshmallow would cut 0.5 down to 0, which may mean: no limit."""

    def _validated(self, value: Any) -> int:
        if isinstance(value, float) and not value.is_integer():
            raise self.make_error("invalid")
        return super()._validated(value)


def _setting(field: fields.Field[Any], help_text: str, default: Any = dataclasses.MISSING) -> Any:
    field.metadata = {"help": help_text}
    if default is dataclasses.MISSING:
        field.required = True
    return dataclasses.field(default=default, metadata={"field": field})


def _secret(help_text: str) -> Any:
    return _setting(SecretField(), help_text, Secret(""))


def _seconds(help_text: str, default: float) -> Any:
    return _setting(fields.Float(validate=_SECONDS), help_text, default)


def _count(help_text: str, default: int, least: int = 1, most: int = 1_000_000) -> Any:
    return _setting(WholeField(validate=validate.Range(least, most)), help_text, default)


def _per_minute(help_text: str, default: int) -> Any:
    return _count(f"{help_text} 0: no limit.", default, least=0)


def _texts(check: Callable[[str], Any], help_text: str, default: Any = dataclasses.MISSING) -> Any:
    return _setting(fields.List(fields.String(validate=check)), help_text, default)


_NAME = rf"(?:{LABEL}\.)*{LABEL}"
# A wildcard for a whole top-level domain would be everybody.
_ORIGIN = re.compile(
    rf"(?P<scheme>https?)://(?P<host>\*\.{LABEL}\.{_NAME}|{_NAME}|\[[0-9a-f:]+\])(?::(?P<port>[1-9]\d{{0,4}}))?",
    re.ASCII,
)
# A browser takes a host whose last label is a number for an address, and rewrites it.
_NUMBER = re.compile(r"\[.*\]|(?:.*\.)?(?:[0-9]+|0x[0-9a-f]*)")
_DEFAULT_PORTS = {"http": "80", "https": "443"}
_LAST_PORT = 65535


def _is_origin(text: str) -> None:
    """Refuse what no browser sends as an Origin; `*.` may stand for one label."""
    match = _ORIGIN.fullmatch(text)
    default = match and _DEFAULT_PORTS[match["scheme"]]
    if (
        match is None
        or match["port"] == default
        or int(match["port"] or 0) > _LAST_PORT
        or not _is_canonical(match["host"])
    ):
        raise ValidationError(
            f"{text!r} is not an origin as browsers send it: scheme://host[:port] in lower case, "
            "without path, trailing dot or default port."
        )


def is_site(text: str) -> bool:
    """Whether it is the Origin of one site, as browsers send it."""
    try:
        _is_origin(text)
    except ValidationError:
        return False
    return "*" not in text


def _is_canonical(host: str) -> bool:
    """Whether a browser would write the host so: a name, or an address in its usual form."""
    if not _NUMBER.fullmatch(host):
        return True
    try:
        return str(ipaddress.ip_address(host.strip("[]"))) == host.strip("[]")
    except ValueError:
        return False


_HOST = re.compile(
    rf"(?:{_NAME}|\[[0-9a-f:.]+\])(?::(?P<port>[1-9]\d{{0,4}}))?", re.ASCII | re.IGNORECASE
)


def _is_host(text: str) -> None:
    """Refuse what is no host with or without a port: a wildcard or an address would never fit."""
    match = _HOST.fullmatch(text)
    if match is None or int(match["port"] or 0) > _LAST_PORT:
        raise ValidationError(f"{text!r} is no host: www.example.com, or pay.example.com:8443.")


def _is_site(text: str) -> None:
    """Refuse what is neither a host nor an address of one."""
    try:
        parts = urlsplit(text if "://" in text else f"https://{text}")
        if parts.scheme not in _DEFAULT_PORTS or parts.query or parts.fragment:
            raise ValueError
        if re.search(r"\s", text):  # `urlsplit` ignores line ends
            raise ValueError
        _is_host(parts.netloc)
    except ValueError:
        raise ValidationError("Not the address of a site.") from None


def _is_base_url(text: str) -> None:
    """Refuse an address to which no path can be added, or that holds a secret: it is printed."""
    _is_http_url(text)
    if set("?#@") & set(text):
        raise ValidationError("Must have no user, no query and no fragment.")


def _is_public_url(text: str) -> None:
    """Refuse what a proxy in front would have to strip: addresses in answers would lack it."""
    _is_http_url(text)
    parts = urlsplit(text)
    if not text.endswith((parts.netloc, f"{parts.netloc}/")):
        raise ValidationError(
            "Must have no path: give the service a host name of its own, such as "
            "https://cart.example.com."
        )
    _is_host(parts.netloc)


def _is_ca_file(text: str) -> None:
    """Refuse a file without certificates: no call to the store would succeed."""
    import ssl

    try:
        if text:
            ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(text)
    except (OSError, ValueError) as error:
        reason = "not PEM" if isinstance(error, (ssl.SSLError, ValueError)) else error.strerror
        raise ValidationError(f"No certificates can be read from {text!r}: {reason}.") from None


_PLACE = re.compile(
    rf"(?-i:unix:(?://)?)(?P<path>/*[^/\s]\S*)|(?-i:fd://)\d+|(?:(?P<four>\d+(?:\.\d+)*)|{_NAME}|\[(?P<six>[0-9a-f:.]+)\])?"
    r":(?P<port>[1-9]\d{0,4})",
    re.ASCII | re.IGNORECASE,
)
_LONGEST_PATH = 107  # of a unix socket, in bytes


def _is_bind(text: str) -> None:
    """Refuse what gunicorn would try for seconds, or take for something else."""
    for each in text.split(","):
        match = _PLACE.fullmatch(each.strip())
        if match is None or int(match["port"] or 0) > _LAST_PORT:
            raise ValidationError(
                f"{each!r} is not an address and a port: 127.0.0.1:8000, [::1]:8000, unix:/path."
            )
        path = match["path"]
        if path and not (Path(path).parent.is_dir() and len(os.fsencode(path)) <= _LONGEST_PATH):
            raise ValidationError(
                f"There can be no socket {path!r}: no such directory, or too long."
            )
        if number := match["four"] or match["six"]:
            try:
                ipaddress.ip_address(number)
            except ValueError:
                raise ValidationError(f"{number} is no IP address.") from None


def _is_collector(text: str) -> None:
    """Refuse what is no address; nothing, and so no tracing, is allowed."""
    if text:
        _is_http_url(text)
    if "@" in text:
        raise ValidationError("Holds credentials, which belong in OTEL_EXPORTER_OTLP_HEADERS.")


def _is_product_list(text: str) -> None:
    origin, *products = text.split() or [""]
    _is_origin(origin)
    if not products or not all(re.fullmatch(r"[1-9][0-9]{0,8}", each) for each in products):
        raise ValidationError("An entry is an origin and catalog ids: https://blog.example 1 2.")


def _is_quota(text: str) -> None:
    origin, *quota = text.split() or [""]
    _is_origin(origin)
    if len(quota) != 1 or not re.fullmatch(r"[1-9][0-9]{0,5}", quota[0]):
        raise ValidationError("An entry is an origin and one number: https://blog.example 20.")


@dataclass(frozen=True)
class StoreSettings:
    """One merchant's store."""

    secure_url: str = _setting(
        fields.String(validate=validate.And(_HEADER_VALUE, _is_site)),
        "The store's secure URL, sent as the SecureURL header: https://www.example.com",
    )
    private_key: Secret = _setting(
        SecretField(), "The application's private key (PrivateKey header)."
    )
    origins: tuple[str, ...] = _texts(
        _is_origin,
        "The sites that may use the store's carts, exactly as browsers send their Origin; "
        "https://*.example.com stands for one label.",
    )
    token: Secret = _secret("The store's token for the application (Token header).")
    access_token: Secret = _secret(
        "OAuth access token, sent as Authorization: Bearer in addition to or instead of the token."
    )
    api_url: str = _setting(
        fields.String(validate=_is_base_url),
        "Base URL of the store's REST API, without the version.",
        "https://apirest.3dcart.com/3dCartWebAPI",
    )
    api_version: int = _setting(
        WholeField(validate=validate.OneOf((1, 2))), "Version of the store's API: 1 or 2.", 2
    )
    ca_file: str = _setting(
        fields.String(validate=_is_ca_file),
        "CA bundle to verify the API with, instead of the usual ones.",
        "",
    )
    shop_url: str = _setting(
        fields.String(validate=lambda text: _is_site(text) if text else None),
        "Base of the store's relative image and product links; the secure URL when empty.",
        "",
    )
    checkout_hosts: tuple[str, ...] = _texts(
        _is_host,
        "Hosts to which shoppers may be sent for checkout; the shop's own host when empty. Images "
        "and product pages may be on these hosts and on the shop's own.",
        (),
    )
    currency: str = _setting(
        fields.String(
            validate=validate.Regexp(r"[A-Z]{3}\Z", error="Must be three capital letters: USD.")
        ),
        "ISO 4217 currency code.",
        "USD",
    )
    currency_decimals: int = _count("Decimals of the currency's amounts.", 2, least=0, most=4)
    calls_per_second: float = _setting(
        fields.Float(validate=validate.Range(0.001, 1_000_000)),
        "Calls per second to the store, from all workers together.",
        2.0,
    )
    call_burst: int = _count("Calls that may be made at once.", 10)
    adds: str = _setting(
        fields.String(validate=validate.OneOf(("direct", "when_busy", "deferred"))),
        "When adds and changes are sent to the store. direct: at once; they are refused while no "
        "calls are left. when_busy: at once while the store has calls to spare; otherwise they are "
        "kept, shown as pending, and sent later, at the latest at the checkout. deferred: at the "
        "checkout.",
        "when_busy",
    )
    pending_carts: int = _count(
        "How many carts may wait for the store, each with up to 50 lines and 10 kB of typed texts "
        "(about 50 kB in Redis).",
        10_000,
        least=0,
    )
    address_pending_carts: int = _count(
        "How many carts of one address may wait for the store.", 100, least=0
    )
    concurrent_calls: int = _count("Calls under way at the same time, in each worker.", 64)
    api_keys: tuple[str, ...] = _texts(
        validate.Regexp(
            rf"{KEY_NAME}:[0-9a-f]{{64}}(:customers)?\Z",
            error="Not an entry of `cartproxy keys create`.",
        ),
        "Keys of server-side callers, as `cartproxy keys create` prints them: name:sha256. A key "
        "that ends in :customers may name a cart's customer by e-mail address.",
        (),
    )
    origin_products: tuple[str, ...] = _texts(
        _is_product_list,
        "Sites that may sell only some products: an origin and catalog ids, separated by spaces. "
        "A wildcard as in origins applies to each of its sites that has no entry of its own.",
        (),
    )
    origin_creates_per_minute: tuple[str, ...] = _texts(
        _is_quota,
        "Sites with a quota of new carts: an origin and a number, separated by a space. The sites "
        "of a wildcard share its quota. One address may use half of a quota.",
        (),
    )
    hook_secret: Secret = _secret(
        "Makes the store report its orders: 32 random characters or more (letters, digits, - . _ "
        "~), the last part of the address to which the store's webhook posts new orders. Needs "
        "the right to read Orders. Empty: there is no such address, and no sales are counted."
    )
    show_stock: bool = _setting(
        fields.Boolean(), "Whether browsers get the exact stock of products.", False
    )
    name: str = _setting(
        fields.String(validate=validate.Length(max=100)),
        "The store's name on the service's own pages; the host of its site when empty.",
        "",
    )
    buy_page: bool = _setting(
        fields.Boolean(),
        "Whether the service has a page with a buy button for each product "
        "(/v1/stores/<id>/buy/<catalog id>), for links in mail, feeds and QR codes. If every "
        "origin has an entry in origin_products, it sells only the products listed there.",
        True,
    )

    @property
    def money(self) -> Currency:
        """The store's currency."""
        return Currency(self.currency, self.currency_decimals)

    @property
    def base_url(self) -> str:
        """The API with its version: every call's path follows."""
        return f"{self.api_url.rstrip('/')}/v{self.api_version}"

    @property
    def site_url(self) -> str:
        """The store's own site, absolute and with a trailing slash."""
        url = self.shop_url or self.secure_url
        return (url if "://" in url else f"https://{url}").rstrip("/") + "/"

    @property
    def display_name(self) -> str:
        """The store's name, as shoppers are shown it."""
        return self.name or urlsplit(self.site_url).netloc

    @property
    def hosts(self) -> tuple[str, ...]:
        """Where a checkout URL may lead."""
        listed = tuple(host.lower() for host in self.checkout_hosts)
        return listed or (urlsplit(self.site_url).netloc.lower(),)


@dataclass(frozen=True)
class Settings:
    """The whole service."""

    stores: Mapping[str, StoreSettings]
    public_url: str = _setting(
        fields.String(validate=_is_public_url),
        "Where browsers reach this service, without a path; determines its own origin and the "
        "cookie's attributes.",
        "http://localhost:8000",
    )
    bind: str = _setting(
        fields.String(validate=_is_bind), "Address and port to listen on.", "127.0.0.1:8000"
    )
    workers: int = _count(
        "Worker processes; 0 means two, or one with the embedded storage.", 0, least=0
    )
    concurrency: int = _count(
        "Requests that each worker serves at once, most of them waiting for a store; more are "
        "refused as overloaded. Idle connections may be twice as many.",
        1000,
    )
    redis_url: Secret = _secret(
        "Address of the cart storage: redis://, rediss://, unix://, "
        "redis+sentinel://host:port,.../service or redis+cluster://host:port,... "
        "Empty: an embedded one, in memory, only for trying out."
    )
    redis_timeout_seconds: float = _seconds(
        "How long a Redis command may take; a request waits for at most two that get no reply.",
        0.25,
    )
    pepper: Secret = _secret(
        "Key of the hash that names carts in Redis: 32 random characters or more. Required with "
        "redis_url."
    )
    previous_pepper: Secret = _secret("The previous pepper; its carts can still be opened.")
    seal_key: Secret = _secret(
        "Seals order keys and carts in Redis: 32 random characters or more, with the extra "
        "`crypto` installed. Empty: they are not encrypted."
    )
    previous_seal_key: Secret = _secret("The previous seal key; what it sealed can still be read.")
    idle_seconds: float = _seconds(
        "A cart that is not used for this long is deleted.", 14 * 86400.0
    )
    absolute_seconds: float = _seconds("The longest lifetime of a cart's record.", 60 * 86400.0)
    record_format: int = _setting(
        WholeField(validate=validate.OneOf((5, 6))),
        "The format in which carts are written to Redis; both are read. Release 0.1 reads only 5: "
        "choose that for as long as you may go back to it.",
        6,
    )
    snapshot_fresh_seconds: float = _seconds("How long a cart that was read counts as fresh.", 30.0)
    product_fresh_seconds: int = _count("How long a product counts as fresh.", 300)
    request_seconds: float = _seconds("Deadline of a whole request.", 10.0)
    store_connect_seconds: float = _seconds("Deadline for a connection to the store.", 2.0)
    store_call_seconds: float = _seconds("Hard deadline of one store call.", 6.0)
    lock_lease_seconds: float = _seconds("How long a dead writer blocks a cart.", 15.0)
    lock_wait_seconds: float = _seconds("How long a write waits for another one.", 3.0)
    call_wait_seconds: float = _seconds("How long a call waits for its turn at the store.", 5.0)
    settle_seconds: float = _seconds(
        "How long the store may take to apply an add whose answer was lost.", 10.0
    )
    answer_seconds: float = _seconds("How long answers are kept under an idempotency key.", 86400.0)
    breaker_failures: int = _count(
        "Failures in a row after which a store is not called for a while.", 5
    )
    breaker_seconds: float = _seconds(
        "How long a failing store is not called at first; it doubles up to a minute.", 5.0
    )
    drain_seconds: float = _setting(
        fields.Float(validate=validate.Range(0, 86_400)),
        "Time between SIGTERM, when /readyz begins to fail, and the end of accepting requests.",
        0.0,
    )
    max_quantity: int = _count("Largest quantity of a line.", 100_000)
    max_body_bytes: int = _count("Largest request body.", 65536, least=1024, most=1_048_576)
    trusted_hops: int = _count(
        "Number of your own proxies in front that append to X-Forwarded-For: the shopper's "
        "address is taken from there. 0: the peer's address is taken.",
        0,
        least=0,
        most=10,
    )
    address_reads_per_minute: int = _per_minute("Reads from one address (IPv6: one /64).", 600)
    address_writes_per_minute: int = _per_minute("Writes from one address.", 120)
    address_creates_per_minute: int = _per_minute("New carts from one address.", 30)
    cart_reads_per_minute: int = _per_minute("Reads of one cart.", 240)
    cart_writes_per_minute: int = _per_minute("Writes to one cart.", 120)
    docs: str = _setting(
        fields.String(validate=validate.OneOf(("auto", "on", "off"))),
        "Whether /docs, /openapi.json and /llms.txt are open. auto: only while public_url is "
        "plain http, which is for trying out.",
        "auto",
    )
    metrics_token: Secret = _secret("Bearer token for /metrics; without one, /metrics is closed.")
    trace_url: str = _setting(
        fields.String(validate=_is_collector),
        "Where OpenTelemetry spans are sent by OTLP/HTTP: http://localhost:4318/v1/traces, with "
        "the extra `otel` installed. Empty: no tracing.",
        "",
    )
    log_level: str = _setting(
        fields.String(validate=validate.OneOf(("debug", "info", "warning", "error"))),
        "Lowest level that is logged.",
        "info",
    )

    def hook_url(self, store: str) -> str:
        """Where a store's webhook posts, without the secret that follows."""
        return f"{self.public_url.rstrip('/')}/v1/stores/{store}/hooks/"

    @property
    def own_origin(self) -> str:
        """The service's origin, as browsers send it."""
        parts = urlsplit(self.public_url.lower())
        host = parts.netloc.removesuffix(f":{_DEFAULT_PORTS[parts.scheme]}")
        return f"{parts.scheme}://{host}"

    @property
    def idle_connections(self) -> int:
        """Connections that a worker keeps between two requests."""
        return 2 * self.concurrency

    @property
    def worker_connections(self) -> int:
        """Connections of a worker: requests under way, idle ones, and those being closed."""
        return self.idle_connections + 2 * self.concurrency

    @property
    def redis_connections(self) -> int:
        """Connections of a worker to Redis: one for each request, and some for the background."""
        return self.concurrency + 8

    @property
    def shows_docs(self) -> bool:
        """Whether the API's description is open to everybody."""
        return self.docs == "on" or (self.docs == "auto" and self.public_url.startswith("http:"))

    @property
    def worker_count(self) -> int:
        """Processes to run: the embedded storage lives in one."""
        return self.workers or (2 if self.redis_url else 1)


def declared(
    kind: type[Settings] | type[StoreSettings],
) -> Iterator[tuple[str, fields.Field[Any], Any]]:
    """Name, marshmallow field and default (MISSING when required) of every setting."""
    for each in dataclasses.fields(kind):
        if "field" in each.metadata:
            yield each.name, each.metadata["field"], each.default


def is_storage_url(url: str) -> bool:
    """Whether `storage.connect` can make something of the address."""
    try:
        if several := SEVERAL_SERVERS.fullmatch(url):
            for host in several["hosts"].split(","):
                _is_host(host.strip())
            return several["kind"] == "sentinel" or several["service"] in (None, "0")
        pool = ConnectionPool.from_url(url)
        pool.make_connection()
        if "decode_responses" in pool.connection_kwargs:
            return False  # our code expects bytes
        parts = urlsplit(url)
        database = parts.scheme == "unix" or re.fullmatch(r"(?:/\d*)?", parts.path)
        return bool(database and re.fullmatch(r"\w+://\S+", url) and parts.port != 0)
    except (ValueError, TypeError, ValidationError, RedisError):
        return False
