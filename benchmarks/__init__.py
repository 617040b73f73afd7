"""Measures the service beside others that do the same job: `make bench`, docs/performance.md."""
