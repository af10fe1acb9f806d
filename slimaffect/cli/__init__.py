"""The `slim` commands, a file for each group; no logic.

Heavy rooms are imported inside a command, so that `slim --help` is quick. A command is listed in the order in which its
file is imported here.
"""

# ruff: noqa: F401, I001 (importing a file adds its commands; their order is that of `slim --help`)
from slimaffect.cli import run, status, report, bill, bundles, bench, data, cache
from slimaffect.cli.common import app
from slimaffect.cli.main import main

__all__ = ["app", "main"]
