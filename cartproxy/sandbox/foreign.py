"""The answer of the fault `other_cart`: about another cart, line or product than the call's.

It is about an existing one, else about an invented one. A write still takes effect.
"""

from __future__ import annotations

from collections.abc import Callable

from flask import Response, json

from cartproxy.sandbox.state import State

_INVENTED = {"orderkey": "MadeUpOrderKey0", "cartitemid": "1"}


def of_other(state: State, method: str, path: str, answer: Callable[[str], Response]) -> Response:
    """The answer to the same call about another cart; `answer` makes a call with a path."""
    kind, key, *_ = [*path.strip("/").split("/"), ""]
    if kind.lower() == "products":
        return answer(next(f"/Products/{id}" for id in state.carts.catalogue if str(id) != key))
    others = [each for each in state.carts.all() if each.state == "open" and each.order_key != key]
    if method == "GET" and others:
        return answer(f"/Cart/{others[-1].order_key}")
    response = answer(path)
    if method == "GET":
        text = response.get_data(as_text=True)
        response.set_data(text.replace(key, _INVENTED["orderkey"]))
        return response
    (envelope,) = response.get_json()
    named = dict(_INVENTED)
    if others:
        named["orderkey"] = others[-1].order_key
        if others[-1].lines:
            named["cartitemid"] = str(others[-1].lines[-1].item_id)
    value = named.get(envelope["Key"].lower(), "")
    response.set_data(json.dumps([envelope | {"Value": value}]))
    return response
