"""A server of Postgres for the tests, where its programs are installed."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import psycopg
import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

PASSWORD = "s3cret"  # noqa: S105 - of a server that lasts as long as a test


@contextmanager
def postgres(*settings: str) -> Iterator[str]:
    """A server of Postgres of its own on this machine, in a folder of its own; yields its address.

    Whoever is root starts it as another user, since it refuses to run as root.
    """
    # Debian keeps them to itself.
    there = sorted(map(str, Path("/usr/lib/postgresql").glob("*/bin")), reverse=True)
    path = os.pathsep.join([os.environ["PATH"], *there])
    programs = {it: shutil.which(it, path=path) for it in ("initdb", "postgres")}
    if not all(programs.values()):
        pytest.skip(f"there is no {' or '.join(it for it, at in programs.items() if not at)}")
    user = "nobody" if os.geteuid() == 0 else None
    with tempfile.TemporaryDirectory(prefix="pg-", dir="/tmp") as folder:
        # A path to a socket has few letters, and another user has to get there.
        Path(folder).chmod(0o755)
        data = Path(folder, "data")
        data.mkdir()
        if user:
            shutil.chown(data, user)
        command = [str(programs["initdb"]), "-D", str(data), "-U", "hr", "--auth=scram-sha-256"]
        secret = Path(folder, "password")
        secret.write_text(PASSWORD, encoding="utf-8")
        options = ["--pwfile", str(secret), "--no-sync", "--encoding=UTF8", "--locale=C"]
        subprocess.run([*command, *options], user=user, check=True, capture_output=True)
        port = _free_port()
        flags = ["-p", str(port), "-h", "127.0.0.1", "-F", "-c", "unix_socket_directories="]
        flags += [part for it in settings for part in ("-c", it)]
        server = subprocess.Popen(
            [str(programs["postgres"]), "-D", str(data), *flags],
            user=user,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        try:
            address = f"postgresql://hr:{PASSWORD}@127.0.0.1:{port}/postgres"
            _wait_for(address)
            yield address
        finally:
            server.send_signal(signal.SIGINT)
            server.wait(timeout=30)


def _free_port() -> int:
    with socket.socket() as any_port:
        any_port.bind(("127.0.0.1", 0))
        return int(any_port.getsockname()[1])


def _wait_for(address: str) -> None:
    for _ in range(300):
        try:
            with psycopg.connect(address, connect_timeout=2):
                return
        except psycopg.OperationalError:
            time.sleep(0.1)
    raise TimeoutError(address)
