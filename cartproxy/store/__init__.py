"""The only code that knows the store's API: its names, headers, URLs and quirks."""
