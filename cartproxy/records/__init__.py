"""The carts in Redis: their form, their locks, their names. Knows neither Flask nor the store."""
