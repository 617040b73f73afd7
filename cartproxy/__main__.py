"""`python -m cartproxy` is the command `cartproxy`."""

from cartproxy.cli import main

raise SystemExit(main())
