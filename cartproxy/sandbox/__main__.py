"""`python -m cartproxy.sandbox`: only the simulated store."""

import argparse

from cartproxy.sandbox.arguments import add_arguments
from cartproxy.sandbox.server import serve_from_arguments

parser = argparse.ArgumentParser(prog="python -m cartproxy.sandbox", description=__doc__)
add_arguments(parser)
raise SystemExit(serve_from_arguments(parser.parse_args()))
