"""Whether the newest census lacks employees with charges, as one without leavers does."""

from collections.abc import Iterator

from sqlalchemy import Connection

from benepass_tasks.quality.monitors.results import Result

SOURCE = "employees"

MISSING = """
with loaded as (
    select arg_max(run_id, loaded_at) as run_id from meta.loads where source = 'employees'
),

figures as (
    select
        runs.run_id,
        runs.started_at,
        max(value) filter (where figure = 'missing_with_charges') as employees,
        max(value) filter (where figure = 'missing_charged') as amount
    from meta.quality_figures as figures
    inner join meta.runs as runs on figures.run_id = runs.run_id
    where figures.dataset = 'employees'
    group by runs.run_id, runs.started_at
    having count(*) filter (where figure = 'missing_with_charges') > 0
),

before as (
    select arg_max(figures.employees, figures.started_at) as employees
    from figures
    where figures.started_at < (
        select runs.started_at
        from meta.runs as runs
        inner join loaded on runs.run_id = loaded.run_id
    )
)

select
    arg_max(figures.employees, figures.started_at) as employees,
    arg_max(figures.amount, figures.started_at) as amount,
    any_value(before.employees) as employees_before
from figures
cross join before
"""
"""The employees with charges that the census lacks, their charges, and how many it lacked before.

Before is the last run that balanced the books before the one that brought the newest census.
"""


def judge_census(connection: Connection) -> Iterator[Result]:
    """Judge whether the newest census took employees with charges away.

    Reads `meta.loads`, `meta.runs` and `meta.quality_figures`; says nothing of a first census.
    """
    found = connection.exec_driver_sql(MISSING).one()
    if found.employees is None or found.employees_before is None:
        return
    employees, before = int(found.employees), int(found.employees_before)
    yield Result(
        "missing_employees",
        SOURCE,
        "warn" if employees > before else "ok",
        f"{employees:,} employees with charges are missing, USD {found.amount:,.2f} of theirs is "
        f"quarantined; before the newest census it was {before:,}. A census has to keep those who "
        "have left, with their last day. If the file is one of the active alone, write census: "
        "active_only under employees.metadata, bring the file back that had them, run, and then "
        "the newest",
        "the last run before the newest census",
        value=employees,
        upper=before,
    )
