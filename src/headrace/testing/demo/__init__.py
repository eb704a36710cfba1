"""The demo: `make demo` on a machine with nothing but Python.

Files: `run` (the story), `shop` (tables and first rows), `load` (the process that writes), `files` (worker.properties and
connectors), `worker` (the process under test), `watch` (progress), `compare` (row by row), `plugins/` (a transform of one's own).
"""

from headrace.testing.demo.run import run_demo

__all__ = ["run_demo"]
