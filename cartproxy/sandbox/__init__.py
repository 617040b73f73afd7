"""The simulated store: speaks the store's API (docs/store-api.md, v1 and v2) over HTTP.

It shares no code with the rest of cartproxy: otherwise both could share the same wrong reading of
the API. Nothing here is secret: the credentials below belong to a store that sells nothing.
"""

DEFAULT_SECURE_URL = "https://sandbox-store.example"
DEFAULT_PRIVATE_KEY = "00000000000000000000000000000000"
DEFAULT_TOKEN = "11111111111111111111111111111111"
