"""Looks at settings, stores, Redis and machine before shoppers do, and says what to mend."""
