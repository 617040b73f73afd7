"""Frozen values that all layers share. No I/O, and nothing of HTTP, Redis or the store's API."""
