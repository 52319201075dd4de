"""A Spark Connect server on this computer, and queries that are run by it and by DuckDB."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from workbench import AS_OF

from benepass_tasks.sqlmodels.spark import Columns, Target, spark_query, spark_type_name, view_of
from benepass_tasks.sqlmodels.spark.functions import register

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    import duckdb
    import pyarrow as pa
    from pyspark.sql import SparkSession
    from workbench import Workbench

    from benepass_tasks.sqlmodels import Model

SETTINGS = {"as_of_date": f"date '{AS_OF}'", "pii_masking": "true"}
HASH = "UBIGINT"
"""The type of what hash() gives, which is each engine's own."""


@dataclass(frozen=True)
class Served:
    """A server: its address, and its process."""

    remote: str
    pid: int


@contextmanager
def serving(command: list[str], port: int) -> Iterator[Served]:
    """A server that a command starts, with its tables; both end with the block."""
    with (
        tempfile.TemporaryDirectory() as tables,
        subprocess.Popen(
            command, cwd=tables, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        ) as server,
    ):
        try:
            wait_for(port, server)
            yield Served(f"sc://127.0.0.1:{port}", server.pid)
        finally:
            server.terminate()


def served(port: int | None = None) -> AbstractContextManager[Served]:
    """Sail, or Spark itself where SPARK_ENGINE says so; a test is skipped where that is missing."""
    if os.environ.get("SPARK_ENGINE", "sail") == "sail":
        pytest.importorskip("pysail", reason="no Sail; `tox -e spark` has it")
        return sail(port)
    if shutil.which("java") is None:
        pytest.skip("no Java, which Spark runs in")
    return spark(port)


@contextmanager
def sail(port: int | None = None) -> Iterator[Served]:
    """Sail, the engine in Rust that pip installs."""
    port = port or free_port()
    program = Path(sys.executable).with_name("sail")
    listening = ["--ip", "127.0.0.1", "--port", str(port)]
    with serving([str(program), "spark", "server", *listening], port) as served:
        yield served


@contextmanager
def spark(port: int | None = None) -> Iterator[Served]:
    """Spark itself, where Java and its jars are."""
    import pyspark  # noqa: PLC0415

    port, home = port or free_port(), Path(pyspark.__file__).parent
    options = {
        "spark.connect.grpc.binding.port": str(port),
        "spark.connect.grpc.binding.address": "127.0.0.1",
        "spark.driver.host": "127.0.0.1",
        "spark.ui.enabled": "false",
        "spark.sql.shuffle.partitions": "2",
    }
    command = [
        str(home / "bin" / "spark-submit"),
        "--class", "org.apache.spark.sql.connect.service.SparkConnectServer",
        "--master", "local[2]",
        *(word for name, value in options.items() for word in ("--conf", f"{name}={value}")),
        "spark-internal",
    ]  # fmt: skip
    os.environ["PYSPARK_PYTHON"] = sys.executable
    with serving(command, port) as served:
        yield served


def free_port() -> int:
    with socket.socket() as opened:
        opened.bind(("127.0.0.1", 0))
        return int(opened.getsockname()[1])


def wait_for(port: int, server: subprocess.Popen[bytes], seconds: float = 120) -> None:
    ends = time.monotonic() + seconds
    while time.monotonic() < ends and server.poll() is None:
        with socket.socket() as opened:
            if opened.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.05)
    raise TimeoutError(f"nothing listens on {port}")


@contextmanager
def connected(remote: str) -> Iterator[SparkSession]:
    """A session with the functions that queries call."""
    from pyspark.sql import SparkSession  # noqa: PLC0415

    session = SparkSession.builder.remote(remote).create()
    session.conf.set("spark.sql.session.timeZone", "UTC")
    register(session)
    try:
        yield session
    finally:
        session.stop()


@dataclass(frozen=True)
class Difference:
    """The rows that one engine has and the other lacks."""

    relation: str
    rows: int
    only_there: list[tuple[Any, ...]]
    only_here: list[tuple[Any, ...]]

    def __bool__(self) -> bool:
        return bool(self.only_there or self.only_here)

    def __str__(self) -> str:
        there, here = self.only_there[:5], self.only_here[:5]
        return f"{self.relation}: only on Spark {there}; only on DuckDB {here}"


@dataclass
class BothEngines:
    """A session of Spark beside DuckDB's tables, which it is given as it needs them."""

    workbench: Workbench
    session: SparkSession
    settings: Mapping[str, str] = field(default_factory=lambda: SETTINGS)

    def with_settings(self, settings: Mapping[str, str]) -> BothEngines:
        return replace(self, settings=settings)

    def query(self, model: Model, columns: Columns) -> str:
        macros = self.workbench.graph.macros_behind(model.macros)
        return spark_query(
            model, {it.name: it for it in macros}, columns, Target(self.settings, view_of)
        ).sql

    def columns(
        self, connection: duckdb.DuckDBPyConnection, model: Model, made: Mapping[str, str]
    ) -> Columns:
        return Columns.of([self.kinds(connection, it) for it in model.references], made)

    def give(self, relation: str, table: pa.Table, kinds: Mapping[str, str]) -> None:
        if table.num_rows:
            frame = self.session.createDataFrame(table)
        else:
            empty = (
                f"cast(null as {spark_type_name(kind)}) as `{it}`" for it, kind in kinds.items()
            )
            frame = self.session.sql(f"select {', '.join(empty)} where false")
        frame.createOrReplaceTempView(view_of(relation))

    def give_all(self, connection: duckdb.DuckDBPyConnection, model: Model) -> None:
        """Give it what a model reads: DuckDB's tables, but for those with hashes, its own."""
        for relation in model.references:
            kinds = self.kinds(connection, relation)
            table = connection.sql(f"from {relation}").to_arrow_table()
            if HASH in kinds.values():
                upstream = self.workbench.graph.models[relation]
                self.give_all(connection, upstream)
                table = self.made(connection, upstream, kinds)
            self.give(relation, table, kinds)

    def made(
        self, connection: duckdb.DuckDBPyConnection, model: Model, kinds: Mapping[str, str]
    ) -> pa.Table:
        """What Spark makes of a model."""
        query = self.query(model, self.columns(connection, model, kinds))
        return self.session.sql(query).toArrow()

    def kinds(self, connection: duckdb.DuckDBPyConnection, relation: str) -> dict[str, str]:
        described = connection.execute(f"describe {relation}").fetchall()
        return {name: kind for name, kind, *_ in described}

    def differences(
        self, connection: duckdb.DuckDBPyConnection, relations: Iterable[str] | None = None
    ) -> list[Difference]:
        """What differs of models, all by default, each made by Spark of what Spark made before."""
        found = []
        for relation in relations or self.workbench.models:
            model = self.workbench.graph.models[relation]
            if not model.is_generated:
                found.append(self.compared(connection, model, f"select * from {relation}"))
            else:
                kinds = self.kinds(connection, relation)
                table = connection.sql(f"from {relation}").to_arrow_table()
                self.give(relation, table, kinds)
        return [it for it in found if it]

    def difference(self, connection: duckdb.DuckDBPyConnection, relation: str) -> Difference:
        """What differs of a model that Spark makes of DuckDB's tables."""
        model = self.workbench.graph.models[relation]
        self.give_all(connection, model)
        return self.compared(connection, model, f"select * from {relation}")

    def compared(
        self, connection: duckdb.DuckDBPyConnection, model: Model, here: str
    ) -> Difference:
        kinds = {it[0]: it[1] for it in connection.execute(f"describe {here}").fetchall()}
        table = self.made(connection, model, kinds)
        self.give(model.relation, table, kinds)
        compared = [it for it, kind in kinds.items() if kind != HASH]
        names = ", ".join(f'"{it}"' for it in compared)
        typed = ", ".join(f'cast("{it}" as {kinds[it]}) as "{it}"' for it in compared)
        connection.register("spark_rows", table)
        there, here = f"select {typed} from spark_rows", f"select {names} from ({here})"
        only_there = connection.execute(f"{there} except all ({here})").fetchall()
        only_here = connection.execute(f"{here} except all ({there})").fetchall()
        connection.unregister("spark_rows")
        return Difference(model.relation, table.num_rows, only_there, only_here)
