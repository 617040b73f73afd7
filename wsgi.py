"""The production entrance: `gunicorn -c config/gunicorn.conf.py wsgi:app`."""

from cartproxy.wsgi import app

__all__ = ["app"]
