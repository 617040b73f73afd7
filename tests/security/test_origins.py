"""Sites that only look like a listed one: refused before the store or Redis is called."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import redis
from support.raw import JSON, RawAnswer, RawClient
from support.shopper import BLOG

FORM = "Content-Type: application/x-www-form-urlencoded"
CART = "/v1/stores/demo/cart"
ITEM = b'{"catalog_id":3829}'
LOOK_ALIKES = [
    "null", "", "NULL", "*", "blog.example", "//blog.example", "http://blog.example",
    "https://blog.example:443", "https://blog.example:8443", "https://blog.example:",
    "https://blog.example.", "https://blog.example.evil.com", "https://evilblog.example",
    "https://blog.example.com", "https://xblog.example", "https://blog.exampl", "https://blog-example",
    "https://www.blog.example", "https://BLOG.example", "HTTPS://blog.example", "https://blog.example/",
    "https://blog.example/path", "https://blog.example?x", "https://blog.example#x",
    "https://user@blog.example", "https://blog.example@evil.com", "https://blog.example:x@evil.com",
    "https://blog.example\\@evil.com", "https://evil.com/https://blog.example", "https://bl%6fg.example",
    "https://xn--blg-sna.example", "https://bl\xf6g.example", "https://blog.example,https://evil.com",
    "https://blog.example https://evil.com", "https://blog.example\thttps://evil.com",
    "https://*.blogs.example", "https://blogs.example", "https://.blogs.example",
    "https://a.b.blogs.example", "https://A.blogs.example", "http://a.blogs.example",
    "https://a.blogs.example:8443", "https://a.blogs.example.", "https://-a.blogs.example",
    "https://evil.com/.blogs.example", "https://evil.com#.blogs.example", "https://e@a.blogs.example",
    "https://evil.com%00.blogs.example", "file://", "data:", "chrome-extension://abc",
]  # fmt: skip


@pytest.fixture
def redis_calls(redis_url: str) -> Iterator[redis.client.Monitor]:
    """Everything that reaches Redis from now on."""
    with redis.Redis.from_url(redis_url) as client, client.monitor() as monitor:
        yield monitor


def assert_redis_untouched(calls: redis.client.Monitor, redis_url: str) -> None:
    with redis.Redis.from_url(redis_url) as marker:
        marker.echo("the end of the test")
    seen: list[str] = []
    while "the end of the test" not in (command := calls.next_command()["command"]):
        seen.append(command)
    assert [each for each in seen if not each.startswith(("HELLO", "CLIENT", "AUTH"))] == []


def _attempts(raw: RawClient, *origin: str) -> Iterator[RawAnswer]:
    """Every kind of request from one page: a script's read and write, a form's post."""
    length = f"Content-Length: {len(ITEM)}"
    yield raw.send(f"POST {CART}/items", JSON, length, *origin, body=ITEM, leave_out="Origin")
    yield raw.send(f"DELETE {CART}", *origin, leave_out="Origin")
    yield raw.send("POST /v1/stores/demo/checkout", FORM, *origin, leave_out="Origin")
    buy = b"catalog_id=3829"
    yield raw.send(
        "POST /v1/stores/demo/buy", FORM, f"Content-Length: {len(buy)}", *origin, body=buy,
        leave_out="Origin",
    )  # fmt: skip
    yield raw.send(
        f"OPTIONS {CART}", "Access-Control-Request-Method: POST", *origin, leave_out="Origin"
    )
    if origin:
        yield raw.send(f"GET {CART}", *origin, leave_out="Origin")
        yield raw.send("GET /v1/stores/demo/products/3829", *origin, leave_out="Origin")


@pytest.mark.parametrize("origin", LOOK_ALIKES)
def test_look_alike_is_refused_before_store_and_redis(
    raw: RawClient, redis_calls: redis.client.Monitor, redis_url: str, origin: str
) -> None:
    for answer in _attempts(raw, f"Origin: {origin}"):
        assert (answer.status, answer.code) == (403, "origin-refused")
        assert "access-control-allow-origin" not in answer.headers
        assert "access-control-allow-credentials" not in answer.headers
        assert "Origin" in answer.headers["vary"]
        assert "set-cookie" not in answer.headers
    raw.assert_store_untouched()
    assert_redis_untouched(redis_calls, redis_url)


@pytest.mark.parametrize(
    "origins",
    [[BLOG, "https://evil.com"], ["https://evil.com", BLOG], [BLOG, "null"], ["null", BLOG]],
)
def test_several_origins_are_refused(
    raw: RawClient, redis_calls: redis.client.Monitor, redis_url: str, origins: list[str]
) -> None:
    for answer in _attempts(raw, *(f"Origin: {each}" for each in origins)):
        # The server may refuse a doubled header itself.
        assert answer.status in (400, 403)
        assert answer.headers.get("access-control-allow-origin") in (None, "*")
        assert "access-control-allow-credentials" not in answer.headers
    raw.assert_store_untouched()
    assert_redis_untouched(redis_calls, redis_url)


def test_write_without_an_origin_is_refused_before_store_and_redis(
    raw: RawClient, redis_calls: redis.client.Monitor, redis_url: str
) -> None:
    for answer in _attempts(raw):
        # A preflight always has an origin; without one, OPTIONS only asks what there is.
        assert answer.status == 403 or answer.headers.get("allow")
        assert "access-control-allow-origin" not in answer.headers
    raw.assert_store_untouched()
    assert_redis_untouched(redis_calls, redis_url)


def test_form_of_another_kind_proves_nothing(raw: RawClient) -> None:
    """What a form can send without a preflight is refused wherever a script is meant."""
    for kind in (
        "text/plain",
        "multipart/form-data; boundary=x",
        "application/x-www-form-urlencoded",
    ):
        answer = raw.send(
            f"POST {CART}/items", f"Content-Type: {kind}", f"Content-Length: {len(ITEM)}",
            body=ITEM, leave_out="Cartproxy-Client",
        )  # fmt: skip
        assert (answer.status, answer.code) == (400, "client-header-missing")
    raw.assert_store_untouched()
