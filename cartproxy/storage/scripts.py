"""Loads the Lua scripts, and runs them with the product's errors."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from importlib.resources import files
from typing import Any

import redis
from redis.commands.core import Script
from redis.exceptions import NoScriptError, ResponseError

from cartproxy.storage.errors import ReplyLost, typed_errors
from cartproxy.storage.values import Kind, is_wrong_type, note_unreadable
from cartproxy.tracing import span

Argument = str | bytes | int | float
_DROP_FOREIGN = files(__package__).joinpath("drop_foreign.lua").read_text()


@dataclass(frozen=True, slots=True)
class NamedScript:
    """A script, and the name of its operation in metrics."""

    name: str
    script: Script


def load_script(client: redis.Redis, package: str, *names: str) -> NamedScript:
    """The script in the last of these `.lua` files of the package, after the code of the others.

    The server is not contacted until the script runs.
    """
    text = b"\n".join(files(package).joinpath(f"{name}.lua").read_bytes() for name in names)
    return NamedScript(names[-1], Script(client, text))


def probe_script(client: redis.Redis) -> NamedScript:
    """A script that tests the writes which carts need, and leaves nothing; it takes one key."""
    return load_script(client, __package__, "probe")


def run_script(
    named: NamedScript,
    keys: Mapping[str, Kind],
    args: Iterable[Argument],
    *,
    insist: bool = False,
) -> Any:
    """The reply of one run, in one round trip; `keys` says which kind of value each key has.

    Each script's file says what it returns; texts come as bytes. The script is sent again if the
    server does not have it. Raises StorageError; the script may still have run. For `insist` see
    `typed_errors`.
    """
    traced = span(f"redis {named.name}", script=named.name)
    with traced, typed_errors(named.name, insist=insist):
        return _run(named, keys, list(args))


def run_twice(
    named: NamedScript,
    keys: Mapping[str, Kind],
    args: Sequence[Argument],
    *,
    insist: bool = False,
) -> Any:
    """Like `run_script`, but again if the reply is lost: only for idempotent scripts."""
    try:
        return run_script(named, keys, args, insist=insist)
    except ReplyLost:
        return run_script(named, keys, args)


def _run(named: NamedScript, keys: Mapping[str, Kind], args: Sequence[Argument]) -> Any:
    """Run a script; if a value has the wrong type, delete that and run it again.

    The first run ends at that value. So each script is either idempotent, or reads every key before
    it writes.
    """
    try:
        return _evaluate(named.script, [*keys], args)
    except ResponseError as error:
        if not is_wrong_type(error):
            raise
    kinds = [kind.type for kind in keys.values()]
    deleted = named.script.registered_client.eval(_DROP_FOREIGN, len(keys), *keys, *kinds)
    for (key, kind), was_foreign in zip(keys.items(), deleted, strict=True):
        if was_foreign:
            note_unreadable(kind, key)
    return _evaluate(named.script, [*keys], args)


def _evaluate(script: Script, keys: Sequence[str], args: Sequence[Argument]) -> Any:
    try:
        # The same as Script's own call, without four calls in between.
        client = script.registered_client
        return client.execute_command(  # type: ignore[no-untyped-call]
            "EVALSHA", script.sha, len(keys), *keys, *args
        )
    except NoScriptError:
        return script(keys=keys, args=args)
