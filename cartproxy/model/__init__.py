"""Frozen values that every floor shares. No I/O, and nothing of HTTP, Redis or the store's API."""
