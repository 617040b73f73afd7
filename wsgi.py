"""The production entrance: `gunicorn -c config/gunicorn.conf.py wsgi:app`."""

import os

from cartproxy.app import create_app
from cartproxy.settings_source import load_or_exit

app = create_app(load_or_exit(os.environ))
