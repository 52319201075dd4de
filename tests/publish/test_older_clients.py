"""A client with an older DuckDB reads what is published; tox's environment reader14 has one."""

from __future__ import annotations

import json
import os
import subprocess
from typing import TYPE_CHECKING

import duckdb
import pytest

if TYPE_CHECKING:
    from workspace import Workspace

OLDER_CLIENT = os.environ.get("OLDER_CLIENT", "")

CLIENT = """
import duckdb, json, sys

folder = sys.argv[1]
with duckdb.connect(f"{folder}/benepass.duckdb", read_only=True) as db:
    tables = db.execute(
        "select schema_name || '.' || table_name, comment from duckdb_tables() order by all"
    ).fetchall()
    found = {
        name: [
            comment,
            repr(db.execute(f"from {name}").fetchall()),
            repr(db.execute(f"from read_parquet('{folder}/parquet/{name}.parquet')").fetchall()),
        ]
        for name, comment in tables
    }
print(json.dumps([duckdb.__version__, found]))
"""


@pytest.mark.skipif(not OLDER_CLIENT, reason="needs a Python with DuckDB 1.4: tox run -e reader14")
@pytest.mark.usefixtures("published")
def test_a_client_with_duckdb_1_4_reads_every_table(workspace: Workspace) -> None:
    client = [OLDER_CLIENT, "-I", "-c", CLIENT, str(workspace.published)]
    said = subprocess.run(client, capture_output=True, text=True, check=True).stdout
    version, found = json.loads(said)
    assert version.startswith("1.4.")
    assert version != duckdb.__version__
    assert found.keys() == {path.stem for path in (workspace.published / "parquet").iterdir()}
    for name, (comment, rows, rows_in_parquet) in found.items():
        assert comment
        assert rows == rows_in_parquet == repr(workspace.query_published(f"from {name}"))
    assert "Iron Heron Gym" in found["marts.dim_merchants"][1]
