"""What pages may read of the runs beside what is published; none of it is a personal value."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from sqlalchemy import Connection, select

from benepass_tasks.catalog import Catalog, Source
from benepass_tasks.catalog.wording import printable
from benepass_tasks.ingestion.schema_evolution.history import Entry, read_entries
from benepass_tasks.quality.data_tests.results import Result, read_latest
from benepass_tasks.site.page import cut
from benepass_tasks.sqlmodels.binding import Types
from benepass_tasks.state.history.read import RunFigures, figures_over_runs
from benepass_tasks.state.meta import LOADS
from benepass_tasks.state.store import state_of

SCHEMA = "history"

RUNS = 100
"""Runs that are compared at most, of those that balanced the books."""

UNDECLARED = "not in the catalog"
"""Stands for the name of a column that only a file has."""

_TABLES = {
    "records": "run timestamp, runs_ago bigint, source varchar, records bigint, clean bigint, "
    "flagged bigint, quarantined bigint, rejected bigint, uncounted bigint, erased bigint, "
    "expired bigint, completeness double",
    "issues": "run timestamp, runs_ago bigint, source varchar, kind varchar, issue varchar, "
    "records bigint",
    "checks": "status varchar, severity varchar, relation varchar, column_name varchar, "
    "test varchar, failing bigint, checked_rows bigint, first_keys varchar, checked_at timestamp",
    "schema_changes": "changed_at timestamp, severity varchar, source varchar, file varchar, "
    "column_name varchar, header varchar, change varchar, before varchar, after varchar, "
    "misfits bigint",
    "loads": "source varchar, file varchar, records bigint, rejected bigint, loaded_at timestamp",
}

HISTORY: Mapping[str, Types] = {
    name: {column: type_.upper() for column, type_ in map(str.split, columns.split(", "))}
    for name, columns in _TABLES.items()
}
"""The columns of each table, with their types; `runs_ago` is 0 for the last run."""


def read_history(connection: Connection, catalog: Catalog) -> dict[str, list[dict[str, Any]]]:
    """The rows of each table, as the warehouse has them."""
    runs = figures_over_runs(connection, RUNS)
    return {
        "records": list(_records(runs)),
        "issues": list(_issues(runs)),
        "checks": [_check(it, catalog) for it in read_latest(connection)],
        "schema_changes": [
            _change(it, catalog.sources.get(it.source))
            for it in _since_the_first_load(read_entries(connection))
        ],
        "loads": list(_loads(connection)),
    }


def _dated(runs: Iterable[RunFigures]) -> Iterator[tuple[dict[str, Any], RunFigures]]:
    for ago, run in enumerate(reversed(list(runs))):
        yield {"run": run.started_at, "runs_ago": ago}, run


def _records(runs: Iterable[RunFigures]) -> Iterator[dict[str, Any]]:
    for dated, run in _dated(runs):
        for it in run.sources:
            figures = {name: getattr(it, name) for name in HISTORY["records"] if name not in dated}
            yield dated | figures


def _issues(runs: Iterable[RunFigures]) -> Iterator[dict[str, Any]]:
    for dated, run in _dated(runs):
        for it in run.sources:
            for kind, counts in (("reason", it.by_reason), ("flag", it.by_flag)):
                for issue, count in counts.items():
                    named = {"source": it.source, "kind": kind, "issue": issue}
                    yield dated | named | {"records": count}


def _check(it: Result, catalog: Catalog) -> dict[str, Any]:
    table = catalog.tables.get(it.relation)
    is_public = table is not None and table.impersonal.issuperset(table.key)
    keys = ", ".join(printable(key) for key in it.sample_keys)
    return {
        "status": it.status,
        "severity": it.severity,
        "relation": it.relation,
        "column_name": it.column_name,
        "test": cut(it.named),
        "failing": it.failing_rows,
        "checked_rows": it.checked_rows,
        "first_keys": cut(keys) if is_public or not keys else "personal: in meta.check_results",
        "checked_at": it.checked_at,
    }


def _since_the_first_load(entries: Iterable[Entry]) -> list[Entry]:
    first: dict[str, tuple[str, str]] = {}
    loads = ((it, (it.load_id, it.file)) for it in entries)
    return [it for it, load in loads if first.setdefault(it.source, load) != load]


def _change(it: Entry, source: Source | None) -> dict[str, Any]:
    """A change of a file's columns; a column that the catalog does not declare is not named.

    A file may have a record for a header.
    """
    change = it.change
    declared = source.columns if source else {}

    def named(column: str | None) -> str | None:
        return column if column is None or column in declared else UNDECLARED

    header, before, after = change.header, change.before, change.after
    if header is not None and change.column not in declared:
        header = UNDECLARED
    if change.kind == "renamed":
        before, after = named(before), named(after)
    elif change.kind == "respelled" and change.column not in declared:
        before = after = UNDECLARED
    guess = " (a guess)" if change.is_guess else ""
    return {
        "changed_at": it.changed_at,
        "severity": change.severity,
        "source": it.source,
        "file": cut(it.file),
        "column_name": named(change.column),
        "header": None if header is None else cut(printable(header)),
        "change": f"{change.kind.replace('_', ' ')}{guess}",
        "before": None if before is None else cut(printable(before)),
        "after": None if after is None else cut(printable(after)),
        "misfits": change.violations.count if change.violations else None,
    }


def _loads(connection: Connection) -> Iterator[dict[str, Any]]:
    columns = [LOADS.c[it] for it in HISTORY["loads"]]
    for row in state_of(connection).execute(select(*columns)).mappings():
        yield dict(row)
