"""What is wrong now, by what the runs wrote into schema `meta`.

A problem is told in words that cannot quote what is personal: names of tables, columns, files and
tests, numbers, and the reasons of errors. The whole texts of errors are not among them: these may
name what a file has for a header, which may be somebody's record. Nor are the keys of rows, but
for those of a table that differs from a full build, where nothing in them is personal.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import groupby
from typing import Any, Literal

from sqlalchemy import Connection, Select, func, select

from benepass_tasks.catalog.datasets import Severity
from benepass_tasks.catalog.wording import printable
from benepass_tasks.quality.alerts.present import Present
from benepass_tasks.state.history.latest import latest_of
from benepass_tasks.state.markers import now
from benepass_tasks.state.meta import (
    CHECK_RESULTS,
    MATERIALIZATIONS,
    MONITOR_RESULTS,
    RUNS,
    SCHEMA_CHANGES,
)
from benepass_tasks.state.nodes import Kind
from benepass_tasks.state.restatements import Restatement, restatements_that_are_news
from benepass_tasks.state.store import state_of
from benepass_tasks.state.verifications import Verdict, wrong_tables

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
    state = state_of(connection)

    def standing(found_by: str, *, exists: bool | None) -> Standing:
        if exists is None:
            return "there" if found_by == run_id else "unknown"
        return "there" if exists else "gone"

    tests = [
        _failing_test(
            row, standing(row.run_id, exists=present.has_test(*row[:4]) if present else None)
        )
        for row in state.execute(_unpassed_tests())
    ]
    monitors = [
        _alarm(row, standing(row.run_id, exists=present.has_monitor(*row[:3]) if present else None))
        for row in state.execute(_alarms())
    ]
    is_tested = any(it.severity == "fail" and it.standing != "gone" for it in tests)
    nodes = [
        _failed_node(
            row, standing(row.run_id, exists=present.has_node(row.node) if present else None)
        )
        for row in state.execute(_failed_nodes())
        if not (is_tested and row.kind == "data tests")
    ]
    events = [
        _change(row, standing(row.run_id, exists=present.has_file(*row[:2]) if present else None))
        for row in state.execute(_changes_since(now() - EVENTS_LAST))
    ]
    different = [
        _different(
            verdict,
            standing(found_by, exists=present.has_node(verdict.relation) if present else None),
        )
        for found_by, verdict in wrong_tables(connection)
    ]
    restated = [
        _restated(run, list(months), standing(run, exists=True if present else None))
        for run, months in groupby(_restated_since(state, present), key=lambda it: it.run_id)
    ]
    return [*tests, *monitors, *nodes, *different, *_of_run(state, run_id), *events, *restated]


def run_failed(run_id: str, error: str) -> Problem:
    """A run that failed, though no task of it did, such as by an invalid catalog."""
    return Problem(RUN, "the run failed outside of its tasks", error, "fail", _shown(run_id))


def _unpassed_tests() -> Select[Any]:
    """What the latest tests of each table found; a run tests all that it promises, or nothing."""
    of = latest_of(CHECK_RESULTS, "relation").c
    place = (of.relation, of.column_name, of.test, of.arguments)
    found = (of.severity, of.failing_rows, of.checked_rows, of.run_id)
    in_order = (of.relation, of.column_name.nulls_last(), of.test, of.arguments)
    return select(*place, *found).where(of.status != "passed").order_by(*in_order)


def _failing_test(row: Any, standing: Standing) -> Problem:  # noqa: ANN401 - of the query above
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


def _alarms() -> Select[Any]:
    """What the monitors said when they looked last; they look at everything or at nothing."""
    of = latest_of(MONITOR_RESULTS).c
    found = (of.monitor, of.dataset, of.name, of.status, of.message, of.compared_with, of.run_id)
    in_order = (of.monitor, of.dataset, of.name.nulls_last())
    return select(*found).where(of.status != "ok").order_by(*in_order)


MORE_OF_MONITORS = {
    "freshness": "`benepass runs` lists what the last runs did",
    "clean_share": "`benepass quarantine {dataset}` lists the records",
    "flagged_share": "`benepass source inspect` says how the file is written",
    "missing_employees": "`benepass quarantine transactions` lists the charges",
    "restarted_ids": "`benepass quarantine {dataset}` lists the records",
    "quarantine_rate": "`benepass quarantine {dataset} --reason {name}` lists the records",
    "rejected_rate": "`raw.rejected_rows` has the records",
    "cut_off_file": "`raw.rejected_rows` has what there is of the record",
    "flag_rate": "`benepass status` counts the flagged records",
    "null_rate": "`benepass schema history` lists what changed in the files",
}


def _alarm(row: Any, standing: Standing) -> Problem:  # noqa: ANN401 - of the query above
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


def _failed_nodes() -> Select[Any]:
    """What could not be made when it was tried last."""
    of = MATERIALIZATIONS.c
    last = func.max(of.recorded_at).over(partition_by=of.node)
    rows = select(MATERIALIZATIONS, last.label("last")).subquery().c
    failed = (rows.outcome == "failed", rows.recorded_at == rows.last)
    found = select(rows.node, rows.kind, rows.reason, rows.run_id).where(*failed)
    return found.order_by(rows.node, rows.reason)


TITLES: Mapping[Kind, str] = {
    "extract": "{} could not be read",
    "source file": "{} could not be loaded",
    "reconciliation": "the books could not be balanced",
    "data tests": "the tables could not be tested",
    "publication": "nothing could be published",
}


def _failed_node(row: Any, standing: Standing) -> Problem:  # noqa: ANN401 - of the query above
    return Problem(
        key=f"failed:{row.node}",
        title=TITLES.get(row.kind, "{} could not be built").format(row.node),
        why=row.reason or "an earlier release did not keep the reason",
        severity="fail",
        more=_shown(row.run_id),
        standing=standing,
    )


def _different(verdict: Verdict, standing: Standing) -> Problem:
    """A table that was not what a full build of it is, when it was verified last."""
    return Problem(
        key=f"verified:{verdict.relation}",
        title=f"{verdict.relation} differed from a full build",
        # Its keys are of columns in which nothing is personal, as the catalog says.
        why=str(verdict),
        severity="fail",
        more=f"`benepass verify {verdict.relation}` looks again",
        standing=standing,
    )


def _changes_since(instant: datetime) -> Select[Any]:
    """What has changed about the columns of files, as far as somebody should know.

    Changes of earlier runs are among them, in case one was killed before it could tell; what is
    known already is told by its key. Columns are counted and not named: what a file has for a
    header may be somebody's name.
    """
    of = SCHEMA_CHANGES.c
    group = (of.source, of.file, of.load_id, of.change, of.run_id)
    counted = (func.count().label("columns"), func.sum(of.misfits).label("misfits"))
    return (
        select(*group, *counted)
        .where(of.severity == "warning", of.changed_at > instant)
        .group_by(*group)
        .order_by(func.min(of.changed_at), of.source, of.file, of.change)
    )


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


def _restated_since(connection: Connection, present: Present | None) -> list[Restatement]:
    """The old months whose money changed by so much that somebody should know, by run."""
    found = restatements_that_are_news(connection, now() - EVENTS_LAST)
    return [it for it in found if present is None or present.has_node(it.relation)]


def _restated(run_id: str, months: Sequence[Restatement], standing: Standing) -> Problem:
    """The old months whose money a run changed, in all tables together."""
    by_table = groupby(months, key=lambda it: it.relation)
    changes = (f"{table} {', '.join(map(str, of))}" for table, of in by_table)
    return Problem(
        key=f"restated:{run_id}",
        title=f"the money of old months changed ({len({it.month for it in months}):,})",
        why="; ".join(changes),
        severity="warn",
        more=_shown(run_id),
        is_event=True,
        standing=standing,
    )


def _of_run(state: Connection, run_id: str) -> Iterator[Problem]:
    """The run, if it failed and no task of it did."""
    of, nodes = RUNS.c, MATERIALIZATIONS.c
    explained = select(nodes.run_id).where(nodes.outcome == "failed")
    found = select(of.run_id, of.error).where(
        of.run_id == run_id, of.status == "failed", of.run_id.not_in(explained)
    )
    for failed, error in state.execute(found):
        yield run_failed(failed, error or "it did not say why")


def _shown(run_id: str) -> str:
    return f"`benepass runs show {run_id[:SHORT]}` shows more"
