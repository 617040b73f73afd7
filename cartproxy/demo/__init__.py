"""Trying it out: a simulated store, the proxy, and a blog page on an origin of its own."""
