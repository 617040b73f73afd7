"""The shopper's credential: read from bearer or cookie, issued as a cookie."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from flask import Response

from cartproxy.records.names import CREDENTIAL
from cartproxy.web.refusals import Refused


@dataclass(frozen=True, slots=True)
class CookiePolicy:
    """How the cookie is set; over plain http (localhost) without everything that needs TLS."""

    secure: bool
    max_age_seconds: int

    @property
    def name(self) -> str:
        """The cookie's name; `__Host-` makes browsers insist on Secure, Path=/ and no Domain."""
        return "__Host-cartproxy" if self.secure else "cartproxy"

    def issue(self, response: Response, credential: str) -> None:
        """Set the cookie, or set it again, so that it lives as long as the cart."""
        response.set_cookie(
            self.name,
            credential,
            max_age=self.max_age_seconds,
            path="/",
            secure=self.secure,
            httponly=True,
            samesite="None" if self.secure else "Lax",
            partitioned=self.secure,
        )

    def read(self, cookies: Mapping[str, str]) -> str | None:
        """The credential among a request's cookies; a malformed one counts as none."""
        value = cookies.get(self.name, "")
        return value if CREDENTIAL.fullmatch(value) else None


def read_bearer(authorization: str | None) -> str | None:
    """The header's credential, or None without one. Raises Refused when malformed."""
    if authorization is None:
        return None
    scheme, _, value = authorization.partition(" ")
    if scheme.lower() != "bearer" or not CREDENTIAL.fullmatch(value):
        raise Refused("credential-malformed", "The Authorization header is not a cart credential.")
    return value
