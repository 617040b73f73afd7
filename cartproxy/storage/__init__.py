"""Redis plumbing: connections, scripts, errors. Knows nothing of carts."""
