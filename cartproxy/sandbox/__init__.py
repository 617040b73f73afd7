"""The simulated store: speaks the store's API (docs/store-api.md, v1 and v2) over HTTP.

Shares no code with the rest of cartproxy, so that a wrong reading of the API can't cancel out.
Nothing here is secret: the credentials below open a store that sells nothing.
"""

DEFAULT_SECURE_URL = "https://sandbox-store.example"
DEFAULT_PRIVATE_KEY = "00000000000000000000000000000000"
DEFAULT_TOKEN = "11111111111111111111111111111111"
