"""The carts in Redis: their format, locks and names. Knows neither Flask nor the store."""
