"""Testing the tables whose content or tests are not those that passed last."""

import logging
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError

from benepass_tasks.catalog import DataTest, RowCount, SqlCheck, Table
from benepass_tasks.config.errors import ContractError
from benepass_tasks.engine.failures import explain
from benepass_tasks.engine.tables import engine_of
from benepass_tasks.quality.data_tests import scan
from benepass_tasks.quality.data_tests.results import Outcome, Result, keep_results, summary
from benepass_tasks.quality.data_tests.scan import Probe
from benepass_tasks.sqlmodels import Model, ModelGraph
from benepass_tasks.state.markers import now

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class _Finding:
    """What a test found, before it is judged."""

    column: str | None
    test: DataTest
    failing_rows: int
    keys: Sequence[Sequence[str | None]]
    seconds: float


@dataclass(frozen=True, slots=True)
class Tested:
    """What became of some tests.

    Attributes:
        failed: The tables of which a test of severity `fail` failed.
        said: Totals, and a table of what did not pass.
        failure: What names each failed test; None where none failed.
    """

    failed: frozenset[str]
    said: str
    failure: ContractError | None


def run_tests(
    connection: Connection, tables: Sequence[Table], graph: ModelGraph, run_id: str
) -> Tested:
    """Put every promise of some tables to the test, and keep what is found, whatever it is.

    Args:
        connection: A session in a transaction.
        tables: The tables.
        graph: The SQL checks.
        run_id: The run that tests.

    Raises:
        ContractError: a check cannot be run, and then nothing is kept.
    """
    started = time.perf_counter()
    results = [it for table in tables for it in _test_table(connection, table, graph, run_id)]
    keep_results(connection, results)
    for result in results:
        if result.status == "warned":
            log.warning("%s", result)
    failed = [result for result in results if result.status == "failed"]
    return Tested(
        frozenset(result.relation for result in failed),
        summary(results, time.perf_counter() - started),
        _failure(failed, len(results)) if failed else None,
    )


def _test_table(
    connection: Connection, table: Table, graph: ModelGraph, run_id: str
) -> list[Result]:
    rows, scanned = _scan(connection, table)
    findings = [*scanned, *_run_checks(connection, table, graph)]
    return [_judged(table, rows, finding, run_id) for finding in findings]


def _scan(connection: Connection, table: Table) -> tuple[int, list[_Finding]]:
    started = time.perf_counter()
    probes = scan.probes_of(table)
    rows, *counts = _one(connection, scan.counting_query(table, probes), table.relation)
    found = dict(zip(probes, counts, strict=True))
    keys = _sample(connection, table, [it for it in probes if found[it] and not it.distinct])
    for probe in (it for it in probes if found[it] and it.distinct):
        keys[probe], found[probe] = _one(
            connection, scan.repetition_query(table, probe), table.relation
        )
    sized = [
        (column, test, _amiss(test, rows))
        for column, test in table.promises
        if isinstance(test, RowCount)
    ]
    seconds = time.perf_counter() - started
    return rows, [
        *(
            _Finding(it.column, it.test, found[it], _known(table, keys.get(it)), seconds)
            for it in probes
        ),
        *(_Finding(column, test, amiss, (), seconds) for column, test, amiss in sized),
    ]


def _sample(
    connection: Connection, table: Table, probes: Sequence[Probe]
) -> dict[Probe, Sequence[Sequence[str | None]] | None]:
    if not probes or not table.key:
        return {}
    *keys, _ = _one(connection, scan.sampling_query(table, probes), table.relation)
    return dict(zip(probes, keys, strict=True))


def _known(
    table: Table, keys: Sequence[Sequence[str | None]] | None
) -> Sequence[Sequence[str | None]]:
    return keys if keys and table.key else ()


def _amiss(test: RowCount, rows: int) -> int:
    """How many rows are too few or too many."""
    too_few = int(test.minimum) - rows if test.minimum is not None else 0
    too_many = rows - int(test.maximum) if test.maximum is not None else 0
    return max(too_few, too_many, 0)


def _run_checks(connection: Connection, table: Table, graph: ModelGraph) -> Iterator[_Finding]:
    for test in table.tests:
        if isinstance(test, SqlCheck):
            started = time.perf_counter()
            check = graph.checks[test.name]
            for macro in graph.macros_of(check):
                engine_of(connection).define(macro.name, macro.sql)
            (failing,) = _one(connection, scan.check_count_query(check.sql), str(check.path))
            keys = _keys_of_check(connection, table, check) if failing else ()
            yield _Finding(None, test, failing, keys, time.perf_counter() - started)


def _keys_of_check(
    connection: Connection, table: Table, check: Model
) -> Sequence[Sequence[str | None]]:
    """The keys of the table's rows that a check returns; none where it returns no such columns."""
    engine = engine_of(connection)
    returned, declared = engine.columns_of_query(check.sql), engine.columns(table.relation)
    if not table.key or any(returned.get(name) != declared[name] for name in table.key):
        return ()
    keys, _ = _one(connection, scan.check_sampling_query(table, check.sql), str(check.path))
    return keys or ()


def _one(connection: Connection, sql: str, what: str) -> Any:  # noqa: ANN401 - a row
    try:
        return connection.exec_driver_sql(sql).one()
    except DBAPIError as error:
        # Without the cause: its text may quote a value of the data.
        raise ContractError(f"{what} cannot be checked: {explain(error)}") from None


def _judged(table: Table, rows: int, finding: _Finding, run_id: str) -> Result:
    status: Outcome = "passed"
    if finding.failing_rows:
        status = "failed" if finding.test.severity == "fail" else "warned"
    keys = dict.fromkeys(_key_text(key) for key in finding.keys)
    return Result(
        run_id=run_id,
        relation=table.relation,
        column_name=finding.column,
        test=finding.test.kind,
        arguments=finding.test.arguments,
        severity=finding.test.severity,
        status=status,
        failing_rows=finding.failing_rows,
        checked_rows=rows,
        sample_keys=list(keys),
        seconds=finding.seconds,
        checked_at=now(),
        has_personal_keys=any(table.columns[name].pii.is_personal for name in table.key),
    )


def _key_text(key: Sequence[str | None]) -> str:
    return " ".join("NULL" if part is None else part for part in key)


def _failure(failed: Sequence[Result], count: int) -> ContractError:
    lines = "\n".join(f"  {result}" for result in failed)
    return ContractError(
        f"{len(failed)} of {count} tests failed; the marts stay as they are:\n{lines}\n"
        "  what was found is in meta.check_results; the tests are in catalog.yaml"
    )
