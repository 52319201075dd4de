"""Command lines in processes of their own, forked from one that has imported the libraries.

That is most of what such a process takes. The program itself and Luigi, which look at the folder
and at the environment when they are imported, each process imports for itself, as `python` does.
"""

from __future__ import annotations

import atexit
import os
import runpy
import subprocess
import sys
import traceback
from multiprocessing import get_context, set_start_method
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

LIBRARIES = (
    *("alembic.command", "click", "dlt", "dlt.destinations", "dlt.destinations.impl.duckdb.duck"),
    *("duckdb_sqlalchemy", "jinja2", "marshmallow", "openpyxl", "pygments"),
    *("rich.console", "rich.table", "sqlalchemy", "tenacity", "yaml"),
)
"""What is imported once, where it is installed; nothing that starts a thread, as pyarrow does."""

_server = get_context("forkserver")
_server.set_forkserver_preload([__name__, *LIBRARIES])


def run_line(
    line: Sequence[str], folder: Path, environment: Mapping[str, str], timeout: float = 120
) -> subprocess.CompletedProcess[str]:
    """Run `python -m MODULE ...` or `python -c PROGRAM ...` to its end.

    Args:
        line: The command line; the interpreter is the one that runs here.
        folder: Where it runs.
        environment: All its environment variables; those for Python itself come too late.
        timeout: Seconds after which it is killed, and the test fails.
    """
    assert line[0] == sys.executable
    with TemporaryDirectory() as said:
        out, err = Path(said, "out"), Path(said, "err")
        arguments = (line[1:], folder, dict(environment), out, err)
        process = _server.Process(target=_be, args=arguments)
        process.start()
        process.join(timeout)
        if process.exitcode is None:
            process.kill()
            raise subprocess.TimeoutExpired(list(line), timeout)
        code, texts = process.exitcode, [it.read_text(encoding="utf-8") for it in (out, err)]
        process.close()
    return subprocess.CompletedProcess(line, code, *texts)


def _be(
    line: Sequence[str], folder: Path, environment: Mapping[str, str], out: Path, err: Path
) -> None:
    """Be the process that runs a command line."""
    # It starts processes of its own as any other would.
    set_start_method(None, force=True)
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(environment)
    for number, path in ((1, out), (2, err)):
        os.dup2(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600), number)
    flag, what, *arguments = line
    sys.argv = [flag, *arguments]
    try:
        if flag == "-m":
            runpy.run_module(what, run_name="__main__", alter_sys=True)
        else:
            exec(compile(what, "<string>", "exec"), {"__name__": "__main__"})  # noqa: S102
    except Exception:  # noqa: BLE001 - as the interpreter itself does
        traceback.print_exc()
        sys.exit(1)
    finally:
        # Processes of this kind leave it out.
        atexit._run_exitfuncs()  # noqa: SLF001
