"""What is wrong now, by what the runs wrote into schema `meta`.

A problem is told in words that cannot quote the data: names of tables, columns, files and tests,
and numbers. Neither the keys of rows nor the texts of errors are among them: the first record of a
file that lacks its header is named in an error as what the header has, and it may be a person's.
"""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection

from benepass_tasks.catalog.datasets import Severity
from benepass_tasks.catalog.wording import printable
from benepass_tasks.engine.nodes import BOOKS, CONTRACTS, PUBLISHED
from benepass_tasks.state.markers import is_relation, now

LONGEST_TITLE = 150
LONGEST_DETAIL = 250
"""In characters; what is longer is cut."""

EVENTS_LAST = timedelta(days=7)
"""What merely happened, and was not told for longer, is no news any more."""

RUN = "run"
"""The key of a run that failed, though no task of it did."""


@dataclass(frozen=True, slots=True)
class Problem:
    """Something that is wrong now.

    Attributes:
        key: What it is about, the same in each run in which it is wrong.
        title: What is wrong, in a few words.
        detail: How wrong it is.
        severity: Whether it failed something or only warns.
        is_event: Whether it merely happened, and is over as soon as it was told.
    """

    key: str
    title: str
    detail: str
    severity: Severity
    is_event: bool = False

    def __post_init__(self) -> None:
        """Make what is told one line that steers nothing, and bound it."""
        object.__setattr__(self, "title", printable(self.title, LONGEST_TITLE))
        object.__setattr__(self, "detail", printable(self.detail, LONGEST_DETAIL))


def problems_of(connection: Connection, run_id: str) -> list[Problem]:
    """What is wrong after a run, by the latest word on each thing, of whichever run.

    So what was not looked at again stays as it was: it is neither new nor mended.

    Args:
        connection: A session on a warehouse that has all tables of `meta`: this reads `runs`,
            `materializations`, `check_results`, `monitor_results`, `schema_changes` and `markers`.
        run_id: The run.
    """
    kept = [*_of_tests(connection), *_of_monitors(connection)]
    is_tested = any(it.key.startswith("contract:") and it.severity == "fail" for it in kept)
    failures = _of_nodes(connection, known=(CONTRACTS,) if is_tested else ())
    found = [*kept, *failures, *_of_run(connection, run_id)]
    found += events_of(connection, now() - EVENTS_LAST)
    return found


def run_failed(run_id: str) -> Problem:
    """A run that failed, though no task of it did, such as by an invalid catalog."""
    return Problem(
        RUN, "the run failed outside of its tasks", f"the log of run {run_id} says why", "fail"
    )


TESTS = """
select relation, column_name, test, arguments, severity, failing_rows, checked_rows
from meta.check_results
qualify
    status <> 'passed'
    and run_id = first_value(run_id) over (partition by relation order by checked_at desc)
    -- What no table promises any more is vouched for by no marker, once all other tests pass.
    and (
        'contracts/' || relation in (select name from meta.markers)
        or 'contracts' not in (select name from meta.markers)
    )
order by all
"""
"""What the latest tests of each table found; a run tests all that a table promises, or nothing."""


def _of_tests(connection: Connection) -> Iterator[Problem]:
    for relation, column, test, arguments, severity, failing, checked in _rows(connection, TESTS):
        place = f"{relation}.{column}" if column else relation
        named = f"{test} ({arguments})" if arguments else test
        rows = f"{failing:,} of {checked:,} rows"
        size = f"{checked:,} rows, {failing:,} too few or too many"
        yield Problem(
            key=":".join(filter(None, ("contract", place, test, arguments))),
            title=f"{place}: {named}",
            detail=size if test == "row_count" else rows,
            severity=severity,
        )


MONITORS = """
select monitor, dataset, name, status, message, compared_with
from meta.monitor_results
qualify
    status <> 'ok'
    and run_id = first_value(run_id) over (order by checked_at desc)
order by all
"""
"""What the monitors said when they looked last; they look at everything or at nothing."""


def _of_monitors(connection: Connection) -> Iterator[Problem]:
    rows = _rows(connection, MONITORS)
    for monitor, dataset, name, status, message, compared_with in rows:
        yield Problem(
            key=":".join(filter(None, (monitor, dataset, name))),
            title=f"{dataset}: {monitor}{f' of {name}' if name else ''}",
            # Numbers, dates, and names that the catalog and the SQL have.
            detail=f"{message} ({compared_with})",
            severity=status,
        )


NODES = """
with latest as (
    select node, outcome, recorded_at, run_id
    from meta.materializations
    qualify recorded_at = max(recorded_at) over (partition by node)
)

select distinct node, run_id
from latest
where
    outcome = 'failed'
    -- The books balance only over everything: what failed before and is not in them is gone.
    and not exists (
        from latest as books
        where
            books.node = 'books'
            and books.outcome <> 'failed'
            and books.recorded_at > latest.recorded_at
            and latest.node not similar to '(contracts|published)([/:].*)?'
    )
order by all
"""
"""What could not be made when it was tried last."""


def _of_nodes(connection: Connection, known: Collection[str]) -> Iterator[Problem]:
    for node, run_id in _rows(connection, NODES):
        if node not in known:
            yield Problem(
                key=f"failed:{node}",
                title=_failure(node),
                detail=f"the log of run {run_id} says why",
                severity="fail",
            )


def _failure(node: str) -> str:
    whole = {
        BOOKS: "the books could not be balanced",
        CONTRACTS: "the tables could not be tested",
        PUBLISHED: "nothing could be published",
    }
    return whole.get(node, f"{node} could not be {'built' if is_relation(node) else 'loaded'}")


CHANGES = """
select source, file, load_id, change, count(*), sum(misfits)
from meta.schema_changes
where severity = 'warning' and changed_at > ?
group by source, file, load_id, change
order by min(changed_at), source, file, change
"""
"""What has changed about the columns of files, as far as somebody should know."""


def events_of(connection: Connection, since: datetime) -> Iterator[Problem]:
    """What merely happened since an instant: changes of the columns of files.

    Those of earlier runs are among them, in case one was killed before it could tell; what is known
    already is told by its key. Columns are counted and not named: what a file has for a header may
    be somebody's name.
    """
    rows = connection.exec_driver_sql(CHANGES, (since,))
    for source, file, load_id, change, columns, misfits in rows:
        unfit = f"; {misfits:,} values do not fit" if misfits else ""
        yield Problem(
            key=f"schema:{source}:{file}:{load_id}:{change}",
            title=f"{source}: {CHANGED.get(change, change)} ({columns:,})",
            detail=f"in {file}{unfit}; `schema history {source}` names them",
            severity="warn",
            is_event=True,
        )


CHANGED = {
    "added": "new columns",
    "removed": "missing columns",
    "reappeared": "columns that are back",
    "renamed": "columns that seem to be renamed",
    "type_changed": "columns with values of another type",
}


FAILED_RUN = """
select run_id
from meta.runs
where
    run_id = ?
    and status = 'failed'
    and run_id not in (select run_id from meta.materializations where outcome = 'failed')
"""
"""The run, if it failed and no task of it did."""


def _of_run(connection: Connection, run_id: str) -> Iterator[Problem]:
    for (failed,) in connection.exec_driver_sql(FAILED_RUN, (run_id,)):
        yield run_failed(failed)


def _rows(connection: Connection, sql: str) -> Sequence[Any]:
    return connection.exec_driver_sql(sql).all()
