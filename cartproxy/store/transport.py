"""One HTTP call to the store: bounded in time and size, with a typed error for every failure.

Knows HTTP, and nothing about carts. No exception of requests, urllib3 or json leaves this module.
"""

from __future__ import annotations

import json
import re
import ssl
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from functools import cached_property
from urllib.parse import urlsplit

import requests
from urllib3.exceptions import (
    ConnectTimeoutError,
    HTTPError,
    NewConnectionError,
    SSLError,
)
from urllib3.util.ssl_match_hostname import CertificateError

from cartproxy.deadline import Deadline
from cartproxy.errors import Outcome
from cartproxy.metrics import count_store_call
from cartproxy.store.errors import (
    StoreBadResponse,
    StoreError,
    StoreFailed,
    StoreTimeout,
    StoreTls,
    StoreUnreachable,
)
from cartproxy.store.exchange import AnswerTooLarge, BrokenAnswer, Exchange, NotSent
from cartproxy.store.limits import LONGEST_PAUSE_SECONDS
from cartproxy.store.sessions import StorePool, store_pool
from cartproxy.tracing import span

MAX_ANSWER_BYTES = 1024 * 1024
_MAX_OBJECTS = 5_000  # a cart of 90 lines has 91, a product of a thousand variants some 1,100
_SHORTEST_SECRET = 16  # a shorter one may be part of an answer by chance
_SAFE_PATH = re.compile(r"[!-~]+", re.ASCII)
_NO_TIME_LEFT = "There is no time left to call the store."


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer: the HTTP status, the parsed JSON (Decimals for fractions) and `Retry-After`.

    `body` is None if an error has no readable JSON. `retry_after` is in seconds, at most 60, and
    None if absent or not a plain number. `date` is the header of that name, unparsed.
    """

    status: int
    body: object
    retry_after: int | None
    date: str = ""


Check = Callable[[Answer], bool]


def is_success(answer: Answer) -> bool:
    """The check of a call whose answer does not show what it belongs to."""
    return answer.status < 400


class StoreTransport:
    """Sends one store's calls over the connections that the process's Session keeps.

    It follows no redirect (which would send the secret headers elsewhere), keeps no cookies, and
    uses no proxy from the environment.
    """

    def __init__(
        self,
        session: requests.Session,
        *,
        base_url: str,
        secret_headers: Mapping[str, str],
        connect_seconds: float,
        call_seconds: float,
        ca_file: str | None = None,
        label: str = "store",
    ) -> None:
        headers = {
            "Accept": "application/json",
            "Accept-Encoding": "identity",
            "User-Agent": "cartproxy",
            **secret_headers,
        }
        sent = (text.rpartition(" ")[2].encode() for text in secret_headers.values())  # no "Bearer"
        own = secret_headers.get("SecureURL", "").encode()  # the store's own address: no secret
        self._secrets = [each for each in sent if len(each) >= _SHORTEST_SECRET and each != own]
        self._session = session
        # Address and headers are checked by requests once; each call sends them unchanged.
        prepared = requests.Request("GET", base_url, headers=headers).prepare()
        self._url = str(prepared.url)
        url = urlsplit(self._url)
        fields = {"Host": url.netloc.rpartition("@")[2], **prepared.headers}
        self._base_path = url.path.rstrip("/")
        self._fields = "".join(f"{name}: {value}\r\n" for name, value in fields.items())
        self._connect_seconds = connect_seconds
        self._call_seconds = call_seconds
        self._ca_file = ca_file
        self._label = label

    def call(
        self,
        method: str,
        path: str,
        deadline: Deadline,
        body: object = None,
        *,
        operation: str,
        check: Check = is_success,
    ) -> Answer:
        """Make one call and return its answer, whatever its status below 500.

        `operation` is a short constant name for metrics and spans. `check` says whether the answer
        certainly belongs to this call; if not, or if it raises a StoreError, the connection is not
        kept. Raises StoreUnreachable and StoreTls (certainly not sent), StoreTimeout, StoreFailed
        (5xx or a broken connection) and StoreBadResponse (a redirect, too large, encoded, not
        JSON); their outcome is UNKNOWN if a write may have taken effect.
        """
        began = time.monotonic()
        with span(f"store {operation}", store=self._label, operation=operation) as traced:
            try:
                answer = self._exchange(method, path, deadline, body, check)
            except StoreError as error:
                count_store_call(self._label, operation, error.code, time.monotonic() - began)
                traced.note(outcome=error.code)
                raise
            count_store_call(self._label, operation, str(answer.status), time.monotonic() - began)
            traced.note(outcome=str(answer.status))
        return answer

    def _exchange(
        self, method: str, path: str, deadline: Deadline, body: object, check: Check
    ) -> Answer:
        total = min(self._call_seconds, deadline.remaining())
        if total <= 0:
            raise StoreTimeout(_NO_TIME_LEFT)
        ends = time.monotonic() + total
        connect_seconds = min(self._connect_seconds, total)
        request = self._write(method, path, body)
        maybe_applied = Outcome.NOT_APPLIED if method == "GET" else Outcome.UNKNOWN
        try:
            with self._pool.exchange(request, connect_seconds, ends) as exchange:
                answer = _read(exchange, self._secrets)
                exchange.reusable = check(answer) and exchange.reusable
                return answer
        except StoreError as error:
            error.outcome = maybe_applied
            raise
        except (HTTPError, OSError, CertificateError, BrokenAnswer, NotSent) as error:
            raise _translate(error, maybe_applied) from None

    @cached_property
    def _pool(self) -> StorePool:
        return store_pool(self._session, self._url, self._ca_file)

    def _write(self, method: str, path: str, body: object) -> bytes:
        """The request as it goes over the wire."""
        if not _SAFE_PATH.fullmatch(path):
            raise ValueError("the path of a store call has unsafe characters")
        lines = [f"{method} {self._base_path}{path} HTTP/1.1\r\n", self._fields]
        payload = b""
        if body is not None:
            payload = _encode(body).encode()
            lines.append("Content-Type: application/json\r\n")
        if method != "GET":
            lines.append(f"Content-Length: {len(payload)}\r\n")
        return "".join(lines).encode("latin-1") + b"\r\n" + payload


def _number(value: object) -> int | float:
    if isinstance(value, Decimal):
        return int(value) if value == value.to_integral_value() else float(value)
    raise TypeError(f"{type(value).__name__} can't be sent to the store")


def _read(exchange: Exchange, secrets: Iterable[bytes]) -> Answer:
    status = exchange.status
    seconds = _retry_after(exchange.headers.get("retry-after", ""))
    if 300 <= status < 400:
        raise StoreBadResponse("The store answered with a redirect.")
    if status >= 500:
        failed = StoreFailed(f"The store answered with status {status}.", retry_after=seconds)
        # 502 to 504 may come from a gateway while the store is still working.
        failed.answered = status in (500, 501)
        raise failed
    try:
        body = _json(exchange, secrets)
    except StoreBadResponse:
        if status < 400:
            raise
        body = None  # errors may also be HTML, or empty
    return Answer(status, body, seconds, exchange.headers.get("date", ""))


def _retry_after(text: str) -> int | None:
    """The seconds to wait, with a limit: shoppers get them too."""
    if not (text.isascii() and text.isdigit()):
        return None
    number = text.lstrip("0") or "0"
    return min(int(number[:4]), LONGEST_PAUSE_SECONDS)


def _json(exchange: Exchange, secrets: Iterable[bytes]) -> object:
    if exchange.headers.get("content-encoding", "identity").lower() != "identity":
        raise StoreBadResponse("The store answered in an encoding that was not requested.")
    try:
        raw = exchange.read(MAX_ANSWER_BYTES)
    except AnswerTooLarge:
        raise StoreBadResponse("The store's answer is larger than 1 MiB.") from None
    if any(secret in raw for secret in secrets):  # shoppers are shown reasons and names
        raise StoreBadResponse("The store's answer repeats a secret.")
    if raw.count(b"{") > _MAX_OBJECTS:
        raise StoreBadResponse("The store's answer holds too many objects.")
    try:
        return _decode(raw.decode(json.detect_encoding(raw), "surrogatepass"))
    except (ValueError, ArithmeticError, RecursionError):
        raise StoreBadResponse("The store's answer is not JSON.") from None


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is not JSON")


_decode = json.JSONDecoder(parse_float=Decimal, parse_constant=_refuse_constant).decode
_encode = json.JSONEncoder(separators=(",", ":"), default=_number).encode


def _translate(error: Exception, maybe_applied: Outcome) -> StoreError:
    """Our error for an error of the libraries, by what it means for the call's effect."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return StoreTls("The store's certificate can't be verified.")
    if isinstance(error, (NewConnectionError, ConnectTimeoutError, NotSent)):
        return StoreUnreachable("The store can't be reached.")
    if isinstance(error, TimeoutError):
        return StoreTimeout("The store did not answer in time.", outcome=maybe_applied)
    if isinstance(error, (ssl.SSLError, SSLError, CertificateError)):
        return StoreTls("The secure connection to the store failed.", outcome=maybe_applied)
    return StoreFailed("The connection to the store broke.", outcome=maybe_applied)
