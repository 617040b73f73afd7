"""How often one address, cart or site may ask. Knows neither Flask nor the store."""
