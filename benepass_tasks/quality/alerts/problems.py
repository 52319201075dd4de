"""What is wrong now, by what the runs wrote into schema `meta`.

A problem is told in words that cannot quote the data: names of tables, columns, files and tests,
numbers, and the reasons of errors. The keys of rows are not among them, nor the whole texts of
errors: these may name what a file has for a header, which may be somebody's record.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Literal

from sqlalchemy import Connection

from benepass_tasks.catalog.datasets import Severity
from benepass_tasks.catalog.wording import printable
from benepass_tasks.quality.alerts.present import Present
from benepass_tasks.state.markers import is_relation, now
from benepass_tasks.state.nodes import BOOKS, CONTRACTS, PUBLISHED

LONGEST_TITLE = 150
LONGEST_DETAIL = 250
"""In characters; what is longer is cut."""

EVENTS_LAST = timedelta(days=7)
"""What merely happened, and was not told for longer, is no news any more."""

RUN = "run"
"""The key of a run that failed, though no task of it did."""

SHORT = 8
"""Letters that tell the id of a run."""

Standing = Literal["there", "gone", "unknown"]
"""Whether what a problem is about still exists; unknown where the project cannot be read."""


@dataclass(frozen=True, slots=True)
class Problem:
    """Something that is wrong now.

    Attributes:
        key: What it is about, the same in each run in which it is wrong.
        title: What is wrong, in a few words.
        why: The message or the figures behind it.
        severity: Whether it failed something or only warns.
        more: Where there is more about it, as a whole clause; may be empty.
        is_event: Whether it merely happened, and is over as soon as it was told.
        standing: Whether what it is about still exists.
    """

    key: str
    title: str
    why: str
    severity: Severity
    more: str = ""
    is_event: bool = False
    standing: Standing = "there"

    def __post_init__(self) -> None:
        """Make what is told one line that steers nothing, and bound it."""
        object.__setattr__(self, "title", printable(self.title, LONGEST_TITLE))

    @property
    def detail(self) -> str:
        """Why it is wrong, and where there is more about it."""
        more = f"; {printable(self.more, LONGEST_DETAIL // 2)}" if self.more else ""
        why = " ".join(self.why.replace("`", "'").split())
        return f"{printable(why, LONGEST_DETAIL - len(more) - len('...'))}{more}"


def problems_of(connection: Connection, run_id: str, present: Present | None) -> list[Problem]:
    """What is wrong after a run, by the latest word on each thing, of whichever run.

    So what was not looked at again stays as it was: it is neither new nor mended.

    Args:
        connection: A session on a warehouse that has all tables of `meta`: this reads `runs`,
            `materializations`, `check_results`, `monitor_results` and `schema_changes`.
        run_id: The run.
        present: What exists; None where the project cannot be read.
    """

    def standing(found_by: str, *, exists: bool | None) -> Standing:
        if exists is None:
            return "there" if found_by == run_id else "unknown"
        return "there" if exists else "gone"

    tests = [
        _failing_test(
            row, standing(row.run_id, exists=present.has_test(*row[:4]) if present else None)
        )
        for row in _rows(connection, TESTS)
    ]
    monitors = [
        _alarm(row, standing(row.run_id, exists=present.has_monitor(*row[:3]) if present else None))
        for row in _rows(connection, MONITORS)
    ]
    is_tested = any(it.severity == "fail" and it.standing != "gone" for it in tests)
    nodes = [
        _failed_node(
            row, standing(row.run_id, exists=present.has_node(row.node) if present else None)
        )
        for row in _rows(connection, NODES)
        if not (is_tested and row.node == CONTRACTS)
    ]
    events = [
        _change(row, standing(row.run_id, exists=present.has_file(*row[:2]) if present else None))
        for row in connection.exec_driver_sql(CHANGES, (now() - EVENTS_LAST,))
    ]
    return [*tests, *monitors, *nodes, *_of_run(connection, run_id), *events]


def run_failed(run_id: str, error: str) -> Problem:
    """A run that failed, though no task of it did, such as by an invalid catalog."""
    return Problem(RUN, "the run failed outside of its tasks", error, "fail", _shown(run_id))


TESTS = """
select relation, column_name, test, arguments, severity, failing_rows, checked_rows, run_id
from meta.check_results
qualify
    status <> 'passed'
    and run_id = first_value(run_id) over (partition by relation order by checked_at desc)
order by all
"""
"""What the latest tests of each table found; a run tests all that a table promises, or nothing."""


def _failing_test(row: Any, standing: Standing) -> Problem:  # noqa: ANN401 - a row of TESTS
    place = f"{row.relation}.{row.column_name}" if row.column_name else row.relation
    named = f"{row.test} ({row.arguments})" if row.arguments else row.test
    counts = f"{row.failing_rows:,} of {row.checked_rows:,} rows fail it"
    size = f"{row.checked_rows:,} rows, {row.failing_rows:,} too few or too many"
    return Problem(
        key=":".join(filter(None, ("contract", place, row.test, row.arguments))),
        title=f"{place}: {named}",
        why=size if row.test == "row_count" else counts,
        severity=row.severity,
        more="" if row.test == "row_count" else "`meta.check_results` has the keys of the first",
        standing=standing,
    )


MONITORS = """
select monitor, dataset, name, status, message, compared_with, run_id
from meta.monitor_results
qualify
    status <> 'ok'
    and run_id = first_value(run_id) over (order by checked_at desc)
order by all
"""
"""What the monitors said when they looked last; they look at everything or at nothing."""

MORE_OF_MONITORS = {
    "freshness": "`benepass runs` lists what the last runs did",
    "clean_share": "`benepass quarantine {dataset}` lists the records",
    "missing_employees": "`benepass quarantine transactions` lists the charges",
    "restarted_ids": "`benepass quarantine {dataset}` lists the records",
    "quarantine_rate": "`benepass quarantine {dataset} --reason {name}` lists the records",
    "rejected_rate": "`raw.rejected_rows` has the records",
    "flag_rate": "`benepass status` counts the flagged records",
    "null_rate": "`benepass schema history` lists what changed in the files",
}


def _alarm(row: Any, standing: Standing) -> Problem:  # noqa: ANN401 - a row of MONITORS
    more = MORE_OF_MONITORS.get(row.monitor, "`benepass runs show` lists what was built and why")
    return Problem(
        key=":".join(filter(None, (row.monitor, row.dataset, row.name))),
        title=f"{row.dataset}: {row.monitor}{f' of {row.name}' if row.name else ''}",
        # Numbers, dates, and names that the catalog and the SQL have.
        why=f"{row.message} ({row.compared_with})",
        severity=row.status,
        more=more.format(dataset=row.dataset, name=row.name),
        standing=standing,
    )


NODES = """
select node, reason, run_id
from meta.materializations
qualify
    outcome = 'failed'
    and recorded_at = max(recorded_at) over (partition by node)
order by all
"""
"""What could not be made when it was tried last."""

TITLES = {
    BOOKS: "the books could not be balanced",
    CONTRACTS: "the tables could not be tested",
    PUBLISHED: "nothing could be published",
}


def _failed_node(row: Any, standing: Standing) -> Problem:  # noqa: ANN401 - a row of NODES
    action = "built" if is_relation(row.node) else "loaded"
    return Problem(
        key=f"failed:{row.node}",
        title=TITLES.get(row.node, f"{row.node} could not be {action}"),
        why=row.reason or "an earlier release did not keep the reason",
        severity="fail",
        more=_shown(row.run_id),
        standing=standing,
    )


CHANGES = """
select source, file, load_id, change, count(*) as columns, sum(misfits) as misfits, run_id
from meta.schema_changes
where severity = 'warning' and changed_at > ?
group by source, file, load_id, change, run_id
order by min(changed_at), source, file, change
"""
"""What has changed about the columns of files, as far as somebody should know.

Changes of earlier runs are among them, in case one was killed before it could tell; what is known
already is told by its key. Columns are counted and not named: what a file has for a header may be
somebody's name.
"""

CHANGED = {
    "added": "new columns",
    "removed": "missing columns",
    "reappeared": "columns that are back",
    "renamed": "columns that seem to be renamed",
    "type_changed": "columns with values of another type",
}


def _change(row: Any, standing: Standing) -> Problem:  # noqa: ANN401 - a row of CHANGES
    misfits = f"; {row.misfits:,} values do not fit" if row.misfits else ""
    return Problem(
        key=f"schema:{row.source}:{row.file}:{row.load_id}:{row.change}",
        title=f"{row.source}: {CHANGED.get(row.change, row.change)} ({row.columns:,})",
        why=f"in {row.file}{misfits}",
        severity="warn",
        more=f"`benepass schema history {row.source}` names them",
        is_event=True,
        standing=standing,
    )


FAILED_RUN = """
select run_id, error
from meta.runs
where
    run_id = ?
    and status = 'failed'
    and run_id not in (select run_id from meta.materializations where outcome = 'failed')
"""
"""The run, if it failed and no task of it did."""


def _of_run(connection: Connection, run_id: str) -> Iterator[Problem]:
    for failed, error in connection.exec_driver_sql(FAILED_RUN, (run_id,)):
        yield run_failed(failed, error or "it did not say why")


def _shown(run_id: str) -> str:
    return f"`benepass runs show {run_id[:SHORT]}` shows more"


def _rows(connection: Connection, sql: str) -> Sequence[Any]:
    return connection.exec_driver_sql(sql).all()
