"""Loads the Lua scripts, and runs them with the product's errors."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from importlib.resources import files

import redis
from redis.commands.core import Script
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import TimeoutError as RedisTimeoutError

from cartproxy.carts.redis_errors import typed_errors

_LOST = (RedisConnectionError, RedisTimeoutError)


def load_script(client: redis.Redis, package: str, name: str) -> Script:
    """The script in `name`.lua of the package; the server is not asked before it is first run."""
    return Script(client, files(package).joinpath(f"{name}.lua").read_bytes())


def run_script(script: Script, keys: Sequence[str], args: Iterable[str | int | float]) -> object:
    """Run a script once, in one round trip; a server that lost it is sent it anew.

    Raises StorageError; the script may have run all the same.
    """
    with typed_errors():
        return script(keys=keys, args=list(args))


def run_twice(script: Script, keys: Sequence[str], args: Iterable[str | int | float]) -> object:
    """Like `run_script`, once more where the reply is lost: for scripts that bear repetition."""
    arguments = list(args)
    with typed_errors():
        try:
            return script(keys=keys, args=arguments)
        except _LOST:
            return script(keys=keys, args=arguments)
