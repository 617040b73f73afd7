"""Redis plumbing: connections, scripts, errors. Knows nothing about carts."""
