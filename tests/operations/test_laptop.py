"""`make lake`: servers on this computer, and a run that makes there what it makes by default."""

from __future__ import annotations

import re
import shlex
import signal
import socket
import subprocess
import sys
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import lakes
import laptop
import psycopg
import pyarrow.parquet as pq
import pytest
from deployed import program
from projects import ROOT
from workspace import FILES, Workspace

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from pathlib import Path

pytestmark = pytest.mark.deploy

LAYERS = ("staging", "intermediate", "quality", "marts")
COMMAND = (sys.executable, str(ROOT / "deploy/laptop.py"))
READY = "  . data/lake/env; make\n"


@contextmanager
def lake(root: Path) -> Iterator[tuple[subprocess.Popen[str], dict[str, str]]]:
    """What `make lake` starts in the folder of a project, and what a run is told of it."""
    for name in ("sail", "weed"):
        program(name)
    with subprocess.Popen([*COMMAND], cwd=root, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout
            assert READY in (said := [*_until_ready(process.stdout)]), said
            exported = (root / "data/lake/env").read_text()
            told = re.findall(r"^export (\w+)=(.*)$", exported, re.MULTILINE)
            yield process, {name: shlex.split(value)[0] for name, value in told}
        finally:
            process.terminate()


def _until_ready(said: Iterable[str]) -> Iterator[str]:
    for line in said:
        yield line
        if line == READY:
            return


def ports(told: Mapping[str, str], root: Path) -> set[int]:
    """Those of all servers."""
    texts = [*told.values(), (root / "data/lake/luigi.cfg").read_text()]
    return {int(it) for text in texts for it in re.findall(r"127\.0\.0\.1:(\d+)", text)}


def listens(port: int, host: str = "127.0.0.1") -> bool:
    with socket.socket() as client:
        return client.connect_ex((host, port)) == 0


def gone(found: Iterable[int]) -> bool:
    """Whether nothing listens any more, within half a minute."""
    ends = time.monotonic() + 30
    while (are_left := any(map(listens, found))) and time.monotonic() < ends:
        time.sleep(0.1)
    return not are_left


def test_it_is_for_this_computer_alone_and_ends_without_a_trace(workspace: Workspace) -> None:
    secret = workspace.root / "data/lake/env"
    with lake(workspace.root) as (process, told):
        found, servers = ports(told, workspace.root), (secret.parent / "servers").readlink()
        assert len(found) == 4 + bool(told.get("LAKE_DATABASE")), "S3 and Iceberg, luigid, Sail"
        assert all(map(listens, found))
        assert not any(listens(it, "127.0.0.2") for it in found), "not on every address"
        assert secret.stat().st_mode & 0o777 == 0o600
        twice = subprocess.run(
            COMMAND, cwd=workspace.root, capture_output=True, text=True, check=False
        )
        assert (twice.returncode, twice.stdout) == (1, "")
        assert "run already, in another terminal" in twice.stderr
        process.send_signal(signal.SIGINT)
        assert process.wait(timeout=30) == 0
        assert not any(map(listens, found))
    assert not servers.exists()


@pytest.mark.nightly
def test_nothing_of_one_that_is_killed_is_in_the_way_of_the_next(workspace: Workspace) -> None:
    link = workspace.root / "data/lake/servers"
    with lake(workspace.root) as (process, told):
        left = link.readlink()
        process.kill()
        assert gone(ports(told, workspace.root))
        assert left.exists()
    with lake(workspace.root):
        assert not left.exists()
        assert link.readlink() != left


def test_a_server_that_does_not_start_ends_it_with_what_the_server_said(tmp_path: Path) -> None:
    (port,) = laptop.free_ports(1)
    command = ["sh", "-c", "echo there is no disk; exit 3"]
    server = laptop.Server("Storage", "", port, command)
    with (
        laptop.running(server, tmp_path) as process,
        pytest.raises(laptop.LakeError, match=r"(?s)Storage does not start.*there is no disk"),
    ):
        laptop.wait_for(server, process, tmp_path)


def test_without_the_programs_of_postgres_there_is_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(laptop, "POSTGRES", str(tmp_path / "*"))
    assert laptop.database(tmp_path) is None


def renamed(rows: Sequence[Sequence[object]]) -> list[Any]:
    """Rows that are of files in a folder, as those of the same files in the bucket are."""
    names = {f"{it}.csv": f"s3://lake/data/{it}.csv" for it in FILES}
    found = [tuple(names.get(str(it), it) for it in row) for row in rows]
    return sorted(found, key=repr)


@pytest.mark.nightly
def test_a_run_there_makes_the_rows_of_the_embedded_default(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    workspace.run("Publish")
    expected = {name: renamed(rows) for name, rows in workspace.content(LAYERS).items()}
    in_lake = Workspace(workspace.root / "data/lake")
    with lake(workspace.root) as (_, told):
        done = workspace.run_command(task="BuildSite", **told)
        assert done.returncode == 0, done.stderr
        assert in_lake.content(LAYERS) == expected
        assert in_lake.query(
            "select distinct engine from meta.materializations where how = 'full'"
        ) == [("spark",)]
        for name, value in told.items():
            monkeypatch.setenv(name, value)
        published = {
            it.name.split(".")[1]: pq.read_table(it).to_pylist()
            for it in workspace.published.glob("parquet/*.parquet")
        }
        for catalog in lakes.opened():
            tables = [name for _, name in catalog.catalog.list_tables("benefits")]
            in_iceberg = {it: catalog.rows(f"benefits.{it}") for it in tables}
        assert {name: renamed([[*it.values()] for it in in_iceberg[name]]) for name in tables} == {
            name: renamed([[*it.values()] for it in rows]) for name, rows in published.items()
        }
        if database := told.get("LAKE_DATABASE"):
            with psycopg.connect(database) as connection:
                merchants = connection.execute("select * from benefits.dim_merchants").fetchall()
            assert merchants == [tuple(it.values()) for it in published["dim_merchants"]]
    assert (in_lake.site / "index.html").is_file()
