"""A server of MariaDB for the tests, where its programs are installed."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pymysql
import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pymysql.connections import Connection

PASSWORD = "s3cret"  # noqa: S105 - of a server that lasts as long as a test
USER = "hr"


@contextmanager
def mariadb() -> Iterator[int]:
    """A server of MariaDB of its own on this machine, in a folder of its own; yields its port.

    Its database `hr` belongs to the user of that name. Its zone is none that anybody lives in, so
    that whoever takes local times for UTC is found out.
    """
    # Debian keeps a server where only root looks.
    path = os.pathsep.join([os.environ["PATH"], "/usr/sbin"])
    programs = {it: shutil.which(it, path=path) for it in ("mariadb-install-db", "mariadbd")}
    if not all(programs.values()):
        pytest.skip(f"there is no {' or '.join(it for it, at in programs.items() if not at)}")
    user = "nobody" if os.geteuid() == 0 else None
    with tempfile.TemporaryDirectory(prefix="my-", dir="/tmp") as folder:
        Path(folder).chmod(0o755)
        data, begin = Path(folder, "data"), Path(folder, "begin.sql")
        data.mkdir()
        if user:
            shutil.chown(data, user)
        begin.write_text(
            f"create database {USER};\n"
            f"create user {USER}@'127.0.0.1' identified by '{PASSWORD}';\n"
            f"grant all on *.* to {USER}@'127.0.0.1' with grant option;\n",
            encoding="utf-8",
        )
        where = ["--no-defaults", f"--datadir={data}"]
        install = [str(programs["mariadb-install-db"]), *where, "--skip-test-db"]
        install += ["--auth-root-authentication-method=normal", "--cross-bootstrap"]
        subprocess.run(install, user=user, check=True, capture_output=True)
        port = _free_port()
        flags = [f"--port={port}", "--bind-address=127.0.0.1", "--skip-name-resolve"]
        flags += [f"--socket={data}/socket", f"--init-file={begin}", "--sql-mode="]
        flags += ["--innodb-flush-log-at-trx-commit=0", "--default-time-zone=-03:30"]
        server = subprocess.Popen(
            [str(programs["mariadbd"]), *where, *flags],
            user=user,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        try:
            _wait_for(port)
            yield port
        finally:
            server.terminate()
            server.wait(timeout=30)


def connected(port: int) -> Connection:
    """A connection to its database, each of whose statements counts at once."""
    return pymysql.connect(
        host="127.0.0.1", port=port, user=USER, password=PASSWORD, database=USER, autocommit=True
    )


def _free_port() -> int:
    with socket.socket() as any_port:
        any_port.bind(("127.0.0.1", 0))
        return int(any_port.getsockname()[1])


def _wait_for(port: int) -> None:
    for _ in range(600):
        try:
            connected(port).close()
        except pymysql.OperationalError:
            time.sleep(0.1)
        else:
            return
    raise TimeoutError(port)
