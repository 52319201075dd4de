"""Which promises of the catalog, that should hold whatever the files say, a database breaks."""

from __future__ import annotations

from typing import TYPE_CHECKING

from benepass_tasks.catalog import SqlCheck
from benepass_tasks.quality.data_tests import scan

if TYPE_CHECKING:
    import duckdb
    from workbench import Workbench

    from benepass_tasks.catalog import Table


def broken(connection: duckdb.DuckDBPyConnection, workbench: Workbench) -> list[str]:
    """The tests of severity `fail` that rows fail, each with its table and column."""
    tables = [table for table in workbench.catalog.tables.values() if any(table.promises)]
    return [found for table in tables for found in _broken(connection, workbench, table)]


def _broken(connection: duckdb.DuckDBPyConnection, workbench: Workbench, table: Table) -> list[str]:
    probes = [probe for probe in scan.probes_of(table) if probe.test.severity == "fail"]
    counted = connection.execute(scan.counting_query(table, probes)).fetchone() or ()
    found = [
        f"{table.relation}.{probe.column} {probe.test}"
        for probe, count in zip(probes, counted[1:], strict=True)
        if count and (not probe.distinct or _repeats(connection, table, probe))
    ]
    for test in table.tests:
        if isinstance(test, SqlCheck):
            sql = scan.check_count_query(workbench.graph.checks[test.name].sql)
            found += [f"{table.relation} {test}"] * (connection.execute(sql).fetchall() != [(0,)])
    return found


def _repeats(connection: duckdb.DuckDBPyConnection, table: Table, probe: scan.Probe) -> bool:
    ((_, rows),) = connection.execute(scan.repetition_query(table, probe)).fetchall()
    return bool(rows)
