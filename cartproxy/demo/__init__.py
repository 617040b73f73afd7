"""A demo: a simulated store, the proxy, and a blog page on its own origin."""
