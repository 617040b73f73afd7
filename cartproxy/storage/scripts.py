"""Loads the Lua scripts, and runs them with the product's errors."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from importlib.resources import files

import redis
from redis.commands.core import Script
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import NoScriptError
from redis.exceptions import TimeoutError as RedisTimeoutError

from cartproxy.metrics import count_redis_error
from cartproxy.storage.errors import typed_errors
from cartproxy.tracing import Span, span

_LOST = (RedisConnectionError, RedisTimeoutError)


@dataclass(frozen=True, slots=True)
class NamedScript:
    """A script, and the operation as which it is counted."""

    name: str
    script: Script


def load_script(client: redis.Redis, package: str, *names: str) -> NamedScript:
    """The script in the last of the `.lua` files of the package, behind what it uses of the others.

    The server is not asked before it is first run.
    """
    text = b"\n".join(files(package).joinpath(f"{name}.lua").read_bytes() for name in names)
    return NamedScript(names[-1], Script(client, text))


def run_script(
    named: NamedScript, keys: Sequence[str], args: Iterable[str | int | float]
) -> object:
    """Run a script once, in one round trip; a server that lost it is sent it anew.

    Raises StorageError; the script may have run all the same.
    """
    with _traced(named), typed_errors(named.name):
        return _run(named, keys, list(args))


def run_twice(named: NamedScript, keys: Sequence[str], args: Iterable[str | int | float]) -> object:
    """Like `run_script`, once more where the reply is lost: for scripts that bear repetition."""
    arguments = list(args)
    with _traced(named), typed_errors(named.name):
        try:
            return _run(named, keys, arguments)
        except _LOST as error:
            count_redis_error(type(error).__name__)
            return _run(named, keys, arguments)


def _run(named: NamedScript, keys: Sequence[str], args: Sequence[str | int | float]) -> object:
    script = named.script
    try:
        # What Script itself does, without four calls on the way.
        client = script.registered_client
        return client.execute_command(  # type: ignore[no-untyped-call]
            "EVALSHA", script.sha, len(keys), *keys, *args
        )
    except NoScriptError:
        return script(keys=keys, args=args)


def _traced(named: NamedScript) -> Span:
    return span(f"redis {named.name}", script=named.name)
