"""The production entrance: `gunicorn -c config/gunicorn.conf.py wsgi:app`."""

from cartproxy import serving
from cartproxy.app import create_app

app = create_app(serving.settings())
