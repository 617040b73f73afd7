"""How gunicorn runs cartproxy: every value comes from cartproxy's own settings."""

import os
import shutil
import signal
import tempfile
import threading
from pathlib import Path

# Shared by the workers: their figures, and the flag that says that this instance is leaving.
_folder = Path(tempfile.mkdtemp(prefix="cartproxy-"))
# Figures over all workers need a directory before the first metric is made.
os.environ.setdefault("PROMETHEUS_MULTIPROC_DIR", str(_folder))

from prometheus_client import multiprocess

from cartproxy.settings import DRAINING_FLAG
from cartproxy.settings_source import load_or_exit

_settings = load_or_exit(os.environ)
os.environ[DRAINING_FLAG] = str(_folder / "draining")

bind = _settings.bind
workers = _settings.worker_count
worker_class = "cartproxy.server.Worker"  # gthread, with answers of ours
threads = _settings.threads
reuse_port = workers > 1
keepalive = 75
graceful_timeout = int(_settings.request_seconds) + 5
# gthread's timeout watches the worker's own loop, not a request: those have deadlines of ours.
timeout = 60
control_socket_disable = True
# Nothing of a request is taken from what a proxy in front may have said of it: such headers could
# as well be the client's, who would choose the SCRIPT_NAME, and so the address, by them.
forwarded_allow_ips = ""
forwarder_headers = ""
secure_scheme_headers = {}
accesslog = None  # the application writes a line of its own per request
loglevel = "warning"


def when_ready(server):
    """From here on SIGTERM first makes /readyz fail, so that nobody is sent here any more."""
    stop = signal.getsignal(signal.SIGTERM)

    def drain(_signum, _frame):
        signal.signal(signal.SIGTERM, stop)
        Path(os.environ[DRAINING_FLAG]).touch()
        again = threading.Timer(_settings.drain_seconds, os.kill, (server.pid, signal.SIGTERM))
        again.daemon = True
        again.start()

    if _settings.drain_seconds:
        signal.signal(signal.SIGTERM, drain)


def child_exit(_server, worker):
    """A worker's figures stay counted after its end."""
    multiprocess.mark_process_dead(worker.pid)


def on_exit(_server):
    """Nothing is left behind."""
    shutil.rmtree(_folder, ignore_errors=True)
