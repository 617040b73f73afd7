"""Settings of a service that settles lost adds quickly, and whose breaker never opens."""

SETTLE_SECONDS = 2.0
QUICK = {
    "CARTPROXY_SETTLE_SECONDS": str(SETTLE_SECONDS),
    "CARTPROXY_BREAKER_FAILURES": "1000000",
}
