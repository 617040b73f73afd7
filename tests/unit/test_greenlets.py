"""What greenlets require of modules that are imported before gevent patches them."""

from __future__ import annotations

import json
import subprocess
import sys

# In a process of its own, as gunicorn's configuration does it.
_WHO_KEEPS_WHAT = """
import json, select, socket, ssl, sys, threading, time
import gevent.monkey
first = ssl.SSLContext
gevent.monkey.patch_ssl()
import cartproxy.app, cartproxy.server.worker
blocking = (time.sleep, socket.socket, socket.create_connection, socket.getaddrinfo,
            select.select, select.poll, first)
shared = threading.local
asked = ("cartproxy", "flask", "prometheus_client", "redis", "requests", "structlog", "urllib3",
         "werkzeug")
print(json.dumps(sorted(
    f"{name}.{key}"
    for name, module in sys.modules.items() if name.partition(".")[0] in asked
    for key, value in vars(module).items()
    if any(value is each for each in blocking)
    or isinstance(value, type) and issubclass(value, shared)
)))
"""


def test_no_module_keeps_a_call_or_a_local_that_is_one_for_all_greenlets() -> None:
    found = subprocess.run(
        [sys.executable, "-c", _WHO_KEEPS_WHAT], capture_output=True, text=True, check=True
    )

    # The writer of logs is a real thread; redis-py sleeps between repeats, of which we allow none.
    assert json.loads(found.stdout) == ["cartproxy.logs._sleep", "redis.retry.sleep"]
