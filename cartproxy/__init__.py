"""cartproxy: a headless storefront cart proxy for 3dcart (Shift4Shop) stores."""

__version__ = "0.1.0"
