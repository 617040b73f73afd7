"""How gunicorn runs cartproxy: every value comes from cartproxy's own settings.

Executed by its path, not imported: at the start, and again when SIGHUP has brought valid settings
(see `when_ready`).
"""

import gc
import signal

# Until gunicorn has its own handlers, Ctrl-C ends the start like SIGTERM, without a traceback.
if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})  # `cartproxy serve` has blocked it

# Hardly anything of what is imported becomes garbage: looking for it takes a sixth of the time.
gc.disable()

import gevent.monkey

# The workers replace the other blocking calls when they start. Of this module urllib3 takes a class
# for good when it is imported, which is below.
gevent.monkey.patch_ssl()

import functools
import os
import resource
import shutil
import threading
from pathlib import Path
from typing import Any

from cartproxy import serving

# Figures over all workers need a directory before the first metric is made.
os.environ.setdefault("PROMETHEUS_MULTIPROC_DIR", str(serving.shared_folder()))

from prometheus_client import multiprocess

import cartproxy.app  # noqa: F401 # before the fork: workers begin sooner, and all with one code
from cartproxy.settings import DRAINING_FLAG, STOPS
from cartproxy.settings_source import SettingsError

# What is imported stays. A worker that went through it for garbage would make it all its own, page
# by page, and take 0.3 s of that at its end.
gc.freeze()
gc.enable()

_settings = serving.settings()
os.environ[DRAINING_FLAG] = str(serving.shared_folder() / "draining")

bind = _settings.bind.split(",")
workers = _settings.worker_count
worker_class = "cartproxy.server.worker.Worker"
worker_connections = _settings.worker_connections
# A usual shell allows 1,024 open files, and lets us have more for the asking.
_, _most_files = resource.getrlimit(resource.RLIMIT_NOFILE)
resource.setrlimit(resource.RLIMIT_NOFILE, (_most_files, _most_files))
# One socket for all workers, which outlives them: with one each (reuse_port), whoever waits at the
# socket of a worker that leaves is cut off. Measured at SIGHUP with idle connections, 2026-11-21.
reuse_port = False
# Each worker makes its own application, of the settings in force when it is forked.
preload_app = False
graceful_timeout = int(_settings.request_seconds) + 5
# It watches the worker's loop, not a request: those have deadlines of ours.
timeout = 60
control_socket_disable = True
accesslog = None  # the application writes a line of its own per request
loglevel = "warning"


def when_ready(server: Any) -> None:
    """From here on SIGTERM drains, and SIGHUP reads the settings again; wrong ones change nothing.

    SIGUSR2 does nothing: the second master that gunicorn would start fails in its imports. All are
    handled in gunicorn's main loop: a signal's own handler may interrupt the writing of a log line,
    and then can't write one.
    """
    stop, reload = server.handle_term, server.handle_hup

    def drain() -> None:
        """First make /readyz fail, so that nobody is sent here any more."""
        server.handle_term = stop
        Path(os.environ[DRAINING_FLAG]).touch()  # it tells workers too that nobody succeeds them
        seconds = serving.settings().drain_seconds
        if not seconds:
            stop()  # which ends the main loop by an exception
        again = threading.Timer(seconds, os.kill, (server.pid, signal.SIGTERM))
        again.daemon = True
        again.start()

    def renew() -> None:
        """Let gunicorn start new workers only with valid settings: it would end otherwise."""
        try:
            serving.renew()
        except SettingsError as error:
            for problem in error.problems:
                server.log.critical("SIGHUP: the settings are not changed: %s", problem)
        else:
            server.log.warning("SIGHUP: new settings are in force")
            reload()

    def stay() -> None:
        server.log.warning("SIGUSR2 is ignored: SIGHUP renews settings, a new release is a restart")

    server.handle_term, server.handle_hup, server.handle_usr2 = drain, renew, stay
    take_stops = functools.partial(signal.pthread_sigmask, signal.SIG_UNBLOCK, STOPS)
    os.register_at_fork(after_in_parent=take_stops)


def pre_fork(_server: Any, _worker: Any) -> None:
    """Block stop signals until the new worker handles them: before, one would drain the service."""
    signal.pthread_sigmask(signal.SIG_BLOCK, STOPS)


def child_exit(_server: Any, worker: Any) -> None:
    """A worker's figures stay counted after its end."""
    multiprocess.mark_process_dead(worker.pid)  # type: ignore[no-untyped-call]


def on_exit(_server: Any) -> None:
    """Nothing is left behind."""
    shutil.rmtree(serving.shared_folder(), ignore_errors=True)
