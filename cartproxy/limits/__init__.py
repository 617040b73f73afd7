"""Rate limits of an address, a cart or a site. Knows neither Flask nor the store."""
