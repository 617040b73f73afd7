"""The probe: finds out undocumented behaviour of a store, with its own carts.

It places no order, sends nobody's address, and deletes what it created.
"""
