"""Random requests from a grammar, from valid to hostile: heads, bodies and their framing.

None of them could be fulfilled at a store: no item is complete, no credential
has a cart.
"""

from __future__ import annotations

from random import Random

from support.shopper import BLOG

CART = "/v1/stores/demo/cart"
OWN = "http://127.0.0.1:8000"

_METHODS = ["GET"] * 12 + ["POST"] * 12 + ["OPTIONS", "HEAD", "PATCH", "PUT", "CONNECT", "TRACE", "get",
            "GE", "X" * 20, "X" * 21, "G#T", "GE\x00T", ""]  # fmt: skip
_TARGETS = [f"{CART}/items", f"{CART}/items/1", "/livez", "/readyz", "/"] * 8 + ["*", "//evil.example/",
            "/v1//stores/demo/cart", "/%6civez", "/v1/stores/demo%2fcart", "/livez?a=b", "/livez#a", "/li\xe9vez",
            "/li vez", "/livez\t", "/\x7f", "/" + "a" * 4200, "http://evil.example/livez", "http://evil.example",
            f"{OWN}/livez", f"{OWN}.evil.example/", "HTTP://[::1]/", "evil.example:443", "livez", "?a", ""]  # fmt: skip
_VERSIONS = ["HTTP/1.1"] * 40 + ["HTTP/1.0", "HTTP/1.2", "HTTP/1.9", "HTTP/2.0", "HTTP/0.9", "http/1.1",
             "HTTP/1.1 ", "HTTP/1.10", "HTTP/11", "HTTP/1.", ""]  # fmt: skip
_HOSTS = ["Host: x"] * 24 + ["Host: ", "Host: a b", "Host: x\r\nHost: y", "host:x", "Host: [::1]:80",
          "Host: a@b", ""]  # fmt: skip
# What a listed page's script sends.
PAGE = [f"Origin: {BLOG}", "Cartproxy-Client: tests/1", "Content-Type: application/json",
        "Authorization: Bearer cpt1_" + "h" * 43]  # fmt: skip
_FIELDS = PAGE * 8 + ["Accept: text/html", "Prefer: return=minimal", "Cookie: a=b", "If-Match: *"] * 4 + [
    "Connection: close", "Connection: keep-alive", "Connection: close, keep-alive", "Expect: 100-continue",
    "Expect: wonders", "Upgrade: h2c", "X-A : b", "X-A: b\r\n folded", " X-A: b", "X-A", ": b", "X-A:", "X_A: b",
    "X-\xe9: b", "X-A: \xe9", "X-A: \x00", "X-A: a\rb", "X-A: a\nb", "X-A: \x7f", "X-Request-Id: 12345678",
    "Accept: a" + "\t" * 8000 + "b", "X-A: " + "a" * 8300, "Content-Encoding: gzip",
]  # fmt: skip
_CODINGS = ["gzip, chunked", "chunked, gzip", "chunked, chunked", "identity", "xchunked", "chunked;a=b", "",
            "Chunked", " chunked", "\tchunked", "chunked\x0b"]  # fmt: skip
_LENGTHS = ["-1", "+2", "0x2", "2, 2", "2 2", "", "\xb2", "9" * 20, "9" * 18, "1e1", "002"]
_BODIES = [b"", b"{}", b"[]", b'{"quantity":1}', b'{"catalog_id":"x"}', b'{"items":[]}', b'{"items":[{}]}', b"\xff\xfe",
           b"NaN", b"[" * 2000, b'{"a":1,"a":2}', b'{"OrderKey":"x"}', b"GET /livez HTTP/1.1\r\n\r\n"]  # fmt: skip
_CHUNKED = [b"2\r\n{}\r\n0\r\n\r\n", b"2;a=b\r\n{}\r\n0\r\n\r\n", b"2\r\n{}\r\n0\r\nX-A: b\r\n\r\n", b"2\r\n{}\r\n0\r\nHost: b\r\n\r\n",
            b"1\r\n{\r\n1\r\n}\r\n0\r\n\r\n", b"zz\r\n", b"-1\r\n{}\r\n", b"2\r\n{}", b"ffffffffffffffffffff\r\n{}", b"2\n{}\n0\n\n",
            b"2\r\n{}XX0\r\n\r\n", b"1\r\n \r\n" * 300 + b"0\r\n\r\n", b"0" * 9000, b"2\r\n{}\r\n0\r\n" + b"a:b\r\n" * 3000]  # fmt: skip


def head(random: Random, *framing: str) -> bytes:
    """A complete head; in one of four a byte is changed, left out or inserted."""
    line = f"POST {CART}/items HTTP/1.1" if framing else f"GET {CART} HTTP/1.1"
    if random.random() < 0.5:
        line = " ".join(map(random.choice, (_METHODS, _TARGETS, _VERSIONS)))
    odd = random.choices(_FIELDS, k=random.choice((0, 0, 0, 0, 1, 1, 2, 3, 70)))
    fields = [random.choice(_HOSTS), *(PAGE if random.random() < 0.8 else []), *odd, *framing]
    text = "\r\n".join([line, *filter(None, fields), "", ""]).encode("latin-1")
    return _bent(random, text) if random.random() < 0.25 else text


def request(random: Random) -> bytes:
    """A head and what should be its body."""
    kind = random.random()
    if kind < 0.3:
        return head(random)
    if kind < 0.7:
        body = random.choice(_BODIES)
        length = random.choice(_LENGTHS) if random.random() < 0.2 else str(len(body))
        return head(random, f"Content-Length: {length}") + body
    coding = random.choice(_CODINGS) if random.random() < 0.2 else "chunked"
    more = ["Content-Length: 2"] if random.random() < 0.1 else []
    return head(random, f"Transfer-Encoding: {coding}", *more) + random.choice(_CHUNKED)


def _bent(random: Random, text: bytes) -> bytes:
    at = random.randrange(len(text))
    instead = random.choice(
        [b"", text[at : at + 1] * 2, bytes([random.randrange(256)]), b"\r", b"\n", b" ", b":"]
    )
    return text[:at] + instead + text[at + 1 :]
