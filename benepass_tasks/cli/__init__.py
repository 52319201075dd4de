"""The command line `benepass`.

Each module of `commands` is one sub-command: it holds a click command called `command`, and that
is all it takes to be found. What a command needs it imports when it runs, so that `--help` waits
for nothing.
"""

from benepass_tasks.cli.program import main

__all__ = ["main"]
