"""One HTTP call to the store: bounded in time and size, and every failure a typed error.

Knows HTTP and nothing of carts. No exception of requests, urllib3 or json leaves this module.
"""

from __future__ import annotations

import json
import ssl
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal

import requests
import urllib3
from urllib3.exceptions import NewConnectionError, ReadTimeoutError

from cartproxy.carts.deadline import Deadline
from cartproxy.carts.errors import (
    Outcome,
    StoreBadResponse,
    StoreError,
    StoreFailed,
    StoreTimeout,
    StoreTls,
    StoreUnreachable,
)
from cartproxy.metrics import count_store_call
from cartproxy.tracing import span

MAX_ANSWER_BYTES = 1024 * 1024
_LONGEST_NUMBER = 9  # digits
_NO_TIME_LEFT = "There is no time left to ask the store."


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back: the HTTP status, the parsed JSON (Decimals for fractions) and `Retry-After`.

    `body` is None when an error came without readable JSON. `retry_after` is in seconds, and None
    when absent or not a plain number. `date` is the header of that name, as it came.
    """

    status: int
    body: object
    retry_after: int | None
    date: str = ""


class StoreTransport:
    """Sends one store's calls over the process's Session.

    The adapter is used directly: it follows no redirect (which would carry the secret headers
    elsewhere), keeps no cookie between shoppers, and asks the environment for no proxy.
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
        self._adapter = session.get_adapter(base_url)
        headers = {
            "Accept": "application/json",
            "Accept-Encoding": "identity",
            "User-Agent": "cartproxy",
            **secret_headers,
        }
        # Preparing costs as much as sending, so each call is a copy of one that is prepared.
        self._request = requests.Request("GET", base_url, headers=headers).prepare()
        self._base_url = str(self._request.url).rstrip("/")
        self._connect_seconds = connect_seconds
        self._call_seconds = call_seconds
        self._verify: bool | str = ca_file or True
        self._label = label

    def call(
        self, method: str, path: str, deadline: Deadline, body: object = None, *, operation: str
    ) -> Answer:
        """Make one call and return its answer, whatever its status below 500.

        `operation` is a short constant name for metrics and spans. Raises StoreUnreachable and
        StoreTls (surely not sent), StoreTimeout, StoreFailed (5xx or a broken connection) and
        StoreBadResponse (a redirect, too large, encoded, not JSON), each with an outcome that is
        UNKNOWN where a write may have taken effect.
        """
        began = time.monotonic()
        with span(f"store {operation}", store=self._label, operation=operation) as traced:
            try:
                answer = self._exchange(method, path, deadline, body)
            except StoreError as error:
                count_store_call(self._label, operation, error.code, time.monotonic() - began)
                traced.note(outcome=error.code)
                raise
            count_store_call(self._label, operation, str(answer.status), time.monotonic() - began)
            traced.note(outcome=str(answer.status))
        return answer

    def _exchange(self, method: str, path: str, deadline: Deadline, body: object) -> Answer:
        total = min(self._call_seconds, deadline.remaining())
        if total <= 0:
            raise StoreTimeout(_NO_TIME_LEFT)
        timeout = urllib3.Timeout(connect=min(self._connect_seconds, total), total=total)
        request = self._prepare(method, path, body)
        maybe_applied = Outcome.NOT_APPLIED if method == "GET" else Outcome.UNKNOWN
        try:
            with self._adapter.send(
                request,
                stream=True,
                timeout=timeout,  # type: ignore[arg-type] # taken, though the stubs don't say so
                verify=self._verify,
                proxies={},
            ) as response:
                return _read(response, maybe_applied)
        except (requests.RequestException, urllib3.exceptions.HTTPError, OSError) as error:
            raise _translate(error, maybe_applied) from None

    def _prepare(self, method: str, path: str, body: object) -> requests.PreparedRequest:
        """The prepared request with its own path and body; every path is made of safe parts."""
        request = self._request.copy()
        request.method, request.url = method, self._base_url + path
        if body is not None:
            payload = json.dumps(body, separators=(",", ":"), default=_number).encode()
            request.body = payload
            request.headers["Content-Type"] = "application/json"
            request.headers["Content-Length"] = str(len(payload))
        elif method != "GET":
            request.headers["Content-Length"] = "0"
        return request


def _number(value: object) -> int | float:
    if isinstance(value, Decimal):
        return int(value) if value == value.to_integral_value() else float(value)
    raise TypeError(f"{type(value).__name__} has no place in a call to the store")


def _read(response: requests.Response, maybe_applied: Outcome) -> Answer:
    status = response.status_code
    retry_after = response.headers.get("Retry-After", "")
    plain = retry_after.isascii() and retry_after.isdigit() and len(retry_after) <= _LONGEST_NUMBER
    seconds = int(retry_after) if plain else None
    if 300 <= status < 400:
        raise StoreBadResponse("The store answered with a redirect.", outcome=maybe_applied)
    if status >= 500:
        failed = StoreFailed(
            f"The store answered with status {status}.",
            outcome=maybe_applied,
            retry_after=seconds,
        )
        # 502 to 504 may be a gateway's word, behind which the store is still at work.
        failed.answered = status in (500, 501)
        raise failed
    body = _error_body(response) if status >= 400 else _json(response, maybe_applied)
    return Answer(status, body, seconds, response.headers.get("Date", ""))


def _json(response: requests.Response, outcome: Outcome) -> object:
    if response.headers.get("Content-Encoding", "identity").lower() != "identity":
        raise StoreBadResponse(
            "The store answered in an encoding nobody asked for.", outcome=outcome
        )
    raw = b""
    # To the end, where a body that was cut short is told apart from a whole one.
    while chunk := response.raw.read(MAX_ANSWER_BYTES + 1, decode_content=False):
        raw += chunk
        if len(raw) > MAX_ANSWER_BYTES:
            raise StoreBadResponse("The store's answer is larger than 1 MiB.", outcome=outcome)
    try:
        body: object = json.loads(raw, parse_float=Decimal, parse_constant=_refuse_constant)
    except (ValueError, ArithmeticError, RecursionError):
        raise StoreBadResponse("The store's answer is not JSON.", outcome=outcome) from None
    return body


def _error_body(response: requests.Response) -> object:
    """The JSON of an error answer, or None: errors come as HTML or empty too."""
    try:
        return _json(response, Outcome.NOT_APPLIED)
    except StoreBadResponse:
        return None


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is not JSON")


def _translate(error: Exception, maybe_applied: Outcome) -> StoreError:
    """The product's error for one of the libraries', by what it says about the call's effect."""
    causes = tuple(_causes(error))
    for matches, make in _MEANINGS:
        if any(matches(cause) for cause in causes):
            return make(maybe_applied)
    return StoreFailed("The connection to the store broke.", outcome=maybe_applied)


def _causes(error: BaseException) -> list[BaseException]:
    """The error with everything it wraps: by chaining, as an argument, or as urllib3's `reason`."""
    found: list[BaseException] = []
    waiting: list[object] = [error]
    while waiting:
        current = waiting.pop()
        if isinstance(current, BaseException) and current not in found:
            found.append(current)
            waiting += [current.__cause__, current.__context__, getattr(current, "reason", None)]
            waiting += current.args
    return found


_Matcher = Callable[[BaseException], bool]
_Maker = Callable[[Outcome], StoreError]

# First match wins: a bad certificate or a refused connection comes wrapped in broader errors.
_MEANINGS: tuple[tuple[_Matcher, _Maker], ...] = (
    (
        lambda cause: isinstance(cause, ssl.SSLCertVerificationError),
        lambda _: StoreTls("The store's certificate can't be verified."),
    ),
    (
        lambda cause: isinstance(cause, (NewConnectionError, requests.ConnectTimeout)),
        lambda _: StoreUnreachable("The store can't be reached."),
    ),
    (
        lambda cause: isinstance(cause, (ReadTimeoutError, requests.ReadTimeout, TimeoutError)),
        lambda outcome: StoreTimeout("The store did not answer in time.", outcome=outcome),
    ),
    (
        lambda cause: isinstance(cause, (requests.exceptions.SSLError, ssl.SSLError)),
        lambda outcome: StoreTls("The secure connection to the store failed.", outcome=outcome),
    ),
)
