"""gunicorn's configuration, for `gunicorn -c config/gunicorn.conf.py wsgi:app`.

The configuration is in the package, so that an installed wheel has it too (`cartproxy serve`).
"""

from importlib.resources import files
from runpy import run_path

globals().update(run_path(str(files("cartproxy") / "gunicorn_conf.py")))
