"""Checks settings, stores, Redis and machine before shoppers use them, and says what to fix."""
