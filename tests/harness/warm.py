"""Programs that start in a process which has imported the libraries already.

A command line of the project takes a second to import what others wrote, and a test of one is not
about that. A server imports it once; each program is a fork of it, with the arguments, folder,
environment and outputs of its own. What is the project's own is imported anew in each.
"""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

LIBRARIES = (
    *("alembic", "click", "dlt", "dlt.destinations", "duckdb", "duckdb_sqlalchemy", "jinja2"),
    *(
        "luigi",
        "luigi.cmdline",
        "luigi.server",
        "marshmallow",
        "pyarrow",
        "rich.table",
        "sqlalchemy",
    ),
    *("sqlglot", "sqlglot.optimizer", "tenacity", "yaml"),
)
STDOUT, STDERR = 1, 2
MOST = 1 << 20
"""Bytes of a request, at most."""


def run_warm(
    command: Sequence[str], cwd: Path, env: Mapping[str, str], timeout: float = 120
) -> subprocess.CompletedProcess[str]:
    """Run `python -m MODULE ARGUMENTS...` as `subprocess.run` would, with its output captured.

    Raises:
        subprocess.TimeoutExpired: the program was still running then; it has been killed.
    """
    python, flag, module, *arguments = command
    assert (python, flag) == (sys.executable, "-m")
    request = {"module": module, "arguments": arguments, "cwd": str(cwd), "env": dict(env)}
    with (
        tempfile.TemporaryFile() as out,
        tempfile.TemporaryFile() as err,
        socket.socket(socket.AF_UNIX) as client,
    ):
        client.settimeout(timeout)
        client.connect(_server().address)
        encoded = json.dumps(request).encode()
        socket.send_fds(client, [len(encoded).to_bytes(4, "big")], [out.fileno(), err.fileno()])
        client.sendall(encoded)
        pid = int.from_bytes(_received(client, 4), "big")
        try:
            code = int.from_bytes(_received(client, 2), "big", signed=True)
        except TimeoutError:
            os.kill(pid, signal.SIGKILL)
            raise subprocess.TimeoutExpired(list(command), timeout) from None
        out.seek(0)
        err.seek(0)
        said = out.read().decode(), err.read().decode()
    return subprocess.CompletedProcess(list(command), code, *said)


def _received(connection: socket.socket, size: int) -> bytes:
    data = b""
    while len(data) < size:
        part = connection.recv(size - len(data))
        assert part, "the server of warm programs is gone"
        data += part
    return data


@dataclass(frozen=True)
class _Server:
    process: subprocess.Popen[bytes]
    address: str


@cache
def _server() -> _Server:
    """The server of this process, which ends with it."""
    address = str(Path(tempfile.mkdtemp(prefix="warm-")) / "socket")
    # It ends when its standard input does, which is when this process does.
    command = [sys.executable, __file__, address]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert process.stdout
    assert process.stdout.readline() == b"ready\n"
    return _Server(process, address)


def _serve(address: str) -> NoReturn:
    import importlib  # noqa: PLC0415 - of the server alone
    import select  # noqa: PLC0415

    for library in LIBRARIES:
        importlib.import_module(library)
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    server = socket.socket(socket.AF_UNIX)
    server.bind(address)
    server.listen()
    print("ready", flush=True)  # noqa: T201
    while True:
        ready, _, _ = select.select([server, sys.stdin], [], [])
        if sys.stdin in ready:
            with suppress(OSError):
                Path(address).unlink()
                Path(address).parent.rmdir()
            os._exit(0)
        connection, _ = server.accept()
        if os.fork() == 0:
            server.close()
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            _handle(connection)
        connection.close()


def _handle(connection: socket.socket) -> None:
    """Fork the program, and say how it ended; returns in the program's process alone."""
    size, fds, _, _ = socket.recv_fds(connection, 4, 2)
    request = json.loads(_received(connection, int.from_bytes(size, "big")))
    pid = os.fork()
    if pid == 0:
        connection.close()
        os.setpgid(0, 0)
        _become(request, fds)
    connection.sendall(pid.to_bytes(4, "big"))
    _, status = os.waitpid(pid, 0)
    with suppress(OSError):
        connection.sendall(os.waitstatus_to_exitcode(status).to_bytes(2, "big", signed=True))
    os._exit(0)


def _become(request: dict[str, Any], outputs: Sequence[int]) -> NoReturn:
    """Be `python -m MODULE` with a folder, an environment and outputs of its own."""
    import runpy  # noqa: PLC0415 - of the server alone

    from luigi.configuration import LuigiConfigParser, add_config_path  # noqa: PLC0415

    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    os.dup2(outputs[0], STDOUT)
    os.dup2(outputs[1], STDERR)
    os.chdir(request["cwd"])
    os.environ.clear()
    os.environ.update(request["env"])
    sys.argv = [request["module"], *request["arguments"]]
    if not sys.flags.safe_path:
        sys.path[0] = request["cwd"]
    # It has taken the arguments of the server when it was imported.
    sys.modules.pop("luigi.cmdline", None)
    # Luigi has read the luigi.cfg of the folder that the server started in, and it looks at the
    # environment when it is imported.
    LuigiConfigParser._instance = None  # noqa: SLF001
    if "LUIGI_CONFIG_PATH" in os.environ:
        add_config_path(os.environ["LUIGI_CONFIG_PATH"])  # type: ignore[no-untyped-call]
    runpy.run_module(request["module"], run_name="__main__", alter_sys=True)
    sys.exit(0)


if __name__ == "__main__":
    _serve(sys.argv[1])
