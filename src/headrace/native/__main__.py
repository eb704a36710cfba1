"""`python -m headrace.native`: the implementations that can be had here, the best first, one a line."""

from __future__ import annotations

from headrace.errors import ConfigException
from headrace.native import choose

for name in ("rust", "python"):
    try:
        choose(name)
    except ConfigException:
        continue
    print(name)
