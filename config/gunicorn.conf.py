"""How gunicorn runs cartproxy: every value comes from cartproxy's own settings."""

import os
import tempfile

# Figures over all workers need a directory before the first metric is made.
if "PROMETHEUS_MULTIPROC_DIR" not in os.environ:
    os.environ["PROMETHEUS_MULTIPROC_DIR"] = tempfile.mkdtemp(prefix="cartproxy-metrics-")

from prometheus_client import multiprocess

from cartproxy.settings_source import load_or_exit

_settings = load_or_exit(os.environ)

bind = _settings.bind
workers = _settings.worker_count
worker_class = "gthread"
threads = _settings.threads
reuse_port = workers > 1
keepalive = 75
graceful_timeout = int(_settings.request_seconds) + 5
# gthread's timeout watches the worker's own loop, not a request: those have deadlines of ours.
timeout = 60
control_socket_disable = True
accesslog = None  # the application writes a line of its own per request
loglevel = "warning"


def child_exit(server, worker):
    """A worker's figures stay counted after its end."""
    multiprocess.mark_process_dead(worker.pid)
