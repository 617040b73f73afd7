"""The HTTP edge: knows Flask; knows neither Redis nor the store's names."""
