"""The heart: what a cart is and what can be done with it. Knows neither Flask nor HTTP."""
