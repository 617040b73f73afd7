"""The HTTP edge: knows Flask; knows neither Redis nor the store's names.

A request goes through `hooks` and `admission` to its route (`carts`, `checkout`, …). It reads the
body (`bodies`, `forms`) and calls a method of `cartproxy.carts.service`. A write goes on to
`records.writing` (begin), `carts.drive`, `store.client`, and back to the record's `save` (commit).
`cart_json` writes the answer, `problems` makes one of any error.
"""
