"""The probe: learns of a store what no page says of it, through carts of its own.

It places no order, sends no address of anybody, and deletes what it made.
"""
