"""Testing the tables whose content or tests are not those that passed last."""

import logging
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError

from benepass_tasks.catalog import Catalog, DataTest, RowCount, SqlCheck, Table
from benepass_tasks.config.errors import ContractError
from benepass_tasks.engine.failures import explain
from benepass_tasks.engine.measure import Measure
from benepass_tasks.engine.nodes import CONTRACTS
from benepass_tasks.engine.session import Warehouse
from benepass_tasks.engine.tables import engine_of
from benepass_tasks.quality.data_tests import scan
from benepass_tasks.quality.data_tests.results import Outcome, Result, keep_results, summary
from benepass_tasks.quality.data_tests.scan import Probe
from benepass_tasks.sqlmodels import Model, ModelGraph
from benepass_tasks.state.history.materializations import record_built
from benepass_tasks.state.markers import (
    Materialization,
    Snapshot,
    forget_materializations,
    now,
    write_materializations,
)
from benepass_tasks.state.plan import Plan, Status, contract_of, is_contract
from benepass_tasks.state.this_run import run_id

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
class _Checked:
    """A table's results, and the record that vouches for them if no test of it failed."""

    results: Sequence[Result]
    record: Materialization

    @property
    def is_kept(self) -> bool:
        """Whether no test failed."""
        return not _failed(self.results)


def check_contracts(
    warehouse: Warehouse, catalog: Catalog, graph: ModelGraph, plan: Plan, known: Snapshot
) -> str:
    """Put every promise to the test that is not known to be kept.

    Results are kept, whatever they are; a table whose tests do not fail gets a record, and is
    tested again only when its content or its tests change.

    Args:
        warehouse: Where everything was built.
        catalog: What the tables promise.
        graph: The SQL checks.
        plan: Which contracts are up to date, and the fingerprints of those that are not.
        known: The state of the warehouse.

    Returns:
        What to say about it: totals, and a table of what does not pass.

    Raises:
        ContractError: a test of severity `fail` failed; the message names each. Or a check cannot
            be run, and then nothing is kept.
    """
    if plan[CONTRACTS].fingerprint is None:
        raise ContractError("the contracts cannot be checked: a table is not up to date; run again")
    started = time.perf_counter()
    due = [
        table
        for table in catalog.tables.values()
        if contract_of(table.relation) in plan and not plan[contract_of(table.relation)].is_current
    ]
    with warehouse.write() as connection:
        checked = [
            _check_table(connection, table, graph, plan[contract_of(table.relation)])
            for table in due
        ]
        results = [result for one in checked for result in one.results]
        keep_results(connection, results)
        forget_materializations(connection, _void(checked, plan, known))
        valid = _valid(checked, plan, started)
        write_materializations(connection, valid)
        for record in valid:
            if record.name == CONTRACTS:
                record_built(connection, record, plan[CONTRACTS].reason)
    return _verdict(results, time.perf_counter() - started)


def _void(checked: Sequence[_Checked], plan: Plan, known: Snapshot) -> list[str]:
    """The records of what failed, and of what makes no promise any more."""
    gone = [name for name in known.materializations if is_contract(name) and name not in plan]
    return [CONTRACTS, *gone, *(one.record.name for one in checked if not one.is_kept)]


def _valid(checked: Sequence[_Checked], plan: Plan, started: float) -> list[Materialization]:
    records = [one.record for one in checked if one.is_kept]
    if len(records) == len(checked):
        records.append(_materialization(CONTRACTS, plan[CONTRACTS], started))
    return records


def _materialization(name: str, status: Status, started: float) -> Materialization:
    fingerprint = str(status.fingerprint)
    return Materialization.of_this_run(
        name, status.code_version, fingerprint, Measure(None, fingerprint), started
    )


def _check_table(
    connection: Connection, table: Table, graph: ModelGraph, status: Status
) -> _Checked:
    started = time.perf_counter()
    rows, scanned = _scan(connection, table)
    findings = [*scanned, *_run_checks(connection, table, graph)]
    results = [_judged(table, rows, finding) for finding in findings]
    return _Checked(results, _materialization(contract_of(table.relation), status, started))


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
                engine_of(connection).define(macro.sql)
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


def _judged(table: Table, rows: int, finding: _Finding) -> Result:
    status: Outcome = "passed"
    if finding.failing_rows:
        status = "failed" if finding.test.severity == "fail" else "warned"
    keys = dict.fromkeys(_key_text(key) for key in finding.keys)
    return Result(
        run_id=run_id(),
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


def _failed(results: Sequence[Result]) -> list[Result]:
    return [result for result in results if result.status == "failed"]


def _verdict(results: Sequence[Result], seconds: float) -> str:
    for result in results:
        if result.status == "warned":
            log.warning("%s", result)
    failed = _failed(results)
    if failed:
        heading = f"{len(failed)} of {len(results)} tests failed; the marts stay as they are:\n"
        lines = "\n".join(f"  {result}" for result in failed)
        raise ContractError(
            f"{heading}{lines}\n"
            "  what was found is in meta.check_results; the tests are in catalog.yaml"
        )
    return summary(results, seconds)
