"""Settings of a service that soon believes that a lost add never comes, and leaves no store alone."""

SETTLE_SECONDS = 2.0
QUICK = {
    "CARTPROXY_SETTLE_SECONDS": str(SETTLE_SECONDS),
    "CARTPROXY_BREAKER_FAILURES": "1000000",
}
