"""Whether the newest census lacks employees with charges, as one without leavers does."""

from collections.abc import Iterator
from typing import Any

from sqlalchemy import Connection, Select, case, func, select

from benepass_tasks.quality.monitors.results import Result
from benepass_tasks.state.meta import LOADS, QUALITY_FIGURES, RUNS
from benepass_tasks.state.store import state_of

SOURCE = "employees"


def _missing() -> Select[Any]:
    """The employees with charges that the census lacks, by run, with the charges, the newest first.

    `began` is when the run did, `loaded` when the one did that brought the newest census.
    """
    of, runs = QUALITY_FIGURES.c, RUNS.c
    newest = select(LOADS.c.run_id).where(LOADS.c.source == SOURCE)
    newest_run = newest.order_by(LOADS.c.loaded_at.desc()).limit(1).scalar_subquery()
    loaded = select(runs.started_at).where(runs.run_id == newest_run).scalar_subquery()
    employees, amount = (
        func.max(case((of.figure == figure, of.value)))
        for figure in ("missing_with_charges", "missing_charged")
    )
    return (
        select(
            employees.label("employees"),
            amount.label("amount"),
            runs.started_at.label("began"),
            loaded.label("loaded"),
        )
        .join_from(QUALITY_FIGURES, RUNS, of.run_id == runs.run_id)
        .where(of.dataset == SOURCE)
        .group_by(runs.run_id, runs.started_at)
        .having(employees.is_not(None))
        .order_by(runs.started_at.desc())
    )


def judge_census(connection: Connection) -> Iterator[Result]:
    """Judge whether the newest census took employees with charges away.

    Reads `meta.loads`, `meta.runs` and `meta.quality_figures`; says nothing of a first census.
    It is held against the last run that balanced the books before the newest census came.
    """
    found = state_of(connection).execute(_missing()).all()
    earlier = [it for it in found if it.loaded is not None and it.began < it.loaded]
    if not earlier:
        return
    amount = found[0].amount
    employees, before = int(found[0].employees), int(earlier[0].employees)
    yield Result(
        "missing_employees",
        SOURCE,
        "warn" if employees > before else "ok",
        f"{employees:,} employees with charges are missing, USD {amount:,.2f} of theirs is "
        f"quarantined; before the newest census it was {before:,}. A census has to keep those who "
        "have left, with their last day. If the file is one of the active alone, write census: "
        "active_only under employees.metadata, bring the file back that had them, run, and then "
        "the newest",
        "the last run before the newest census",
        value=employees,
        upper=before,
    )
