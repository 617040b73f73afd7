"""The WSGI application of the settings in force. Importing it reads them: only for servers."""

from cartproxy import serving
from cartproxy.app import create_app

app = create_app(serving.settings())
