"""What computes the tables, as the settings name it: DuckDB, or a server of Spark Connect."""

import os
from dataclasses import dataclass, field
from importlib.util import find_spec
from typing import Literal, TypeAlias, get_args
from urllib.parse import urlsplit

from benepass_tasks.config.errors import ProjectError

EngineName: TypeAlias = Literal["duckdb", "spark"]
ENGINES: tuple[EngineName, ...] = get_args(EngineName)


def on_engine(engine: EngineName | None) -> str:
    """Where rows are computed, behind how they are; nothing of DuckDB, which is the usual one."""
    return " on Spark" if engine == "spark" else ""


TOKEN = "BENEPASS_SPARK_TOKEN"  # noqa: S105 - the name of the variable
"""The variable of the environment that holds the token of a server that asks for one."""


@dataclass(frozen=True, slots=True)
class SparkServer:
    """A server of Spark Connect.

    Attributes:
        remote: Where it is, such as `sc://host:15002`.
        token: What it asks for; empty where it asks for nothing.
    """

    remote: str
    token: str = field(default="", repr=False)

    @property
    def address(self) -> str:
        """What its client is told, with the token."""
        parts = urlsplit(self.remote)
        token = f"token={self.token}" if self.token else ""
        parameters = filter(None, (parts.path.strip("/;"), token))
        return f"sc://{parts.netloc}/;{';'.join(parameters)}"

    def __str__(self) -> str:
        """Its place, for messages."""
        return f"the Spark server at {urlsplit(self.remote).netloc}"


def read_spark_server(engine: str, remote: str) -> SparkServer | None:
    """The server that computes the tables; None where DuckDB does.

    Raises:
        ProjectError: the engine is unknown, it has no server, or its client is not installed.
    """
    if engine not in ENGINES:
        raise ProjectError(f"--benepass-engine is {engine!r}; it must be {' or '.join(ENGINES)}")
    if engine == "duckdb":
        return None
    if "token=" in remote:
        raise ProjectError(
            f"--benepass-spark-remote holds a token, which is a secret: set {TOKEN} in the "
            "environment instead"
        )
    parts = urlsplit(remote)
    if parts.scheme != "sc" or not parts.hostname:
        raise ProjectError(
            f"--benepass-spark-remote is {remote!r}; with the engine spark it must be the address "
            "of a Spark Connect server, such as sc://127.0.0.1:15002"
        )
    if find_spec("pyspark") is None:
        raise ProjectError(
            "the engine spark needs a client of Spark Connect: pip install 'benepass-tasks[spark]'"
        )
    return SparkServer(remote, os.environ.get(TOKEN, ""))
