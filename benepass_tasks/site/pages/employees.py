"""The page Employees: who takes part, for how long, and who spends how much."""

from collections.abc import Iterator, Mapping, Sequence
from math import fsum
from typing import Any

from benepass_tasks.site.charts import vega_lite
from benepass_tasks.site.page import MOST_ROWS, Chart, DataTable, Download, Field, Page
from benepass_tasks.site.rendering import written
from benepass_tasks.site.sources import Sources

NOBODY_YET = "No employee is published yet. Put employees.csv into the data folder and run make."

WITHHELD = "withheld"
"""What stands for the employees of whom it is not told who they are."""

EMPLOYEE = (
    Field("employee_id", "Employee", "code"),
    Field("status", "Status"),
    Field("tenure_years", "Tenure, years", "number"),
    Field("transactions", "Transactions", "count"),
    Field("spend", "Spend", "money"),
)


def pages(sources: Sources) -> Iterator[Page]:
    """The page."""
    totals: Mapping[str, Any] = sources.published("employee_totals")[0]
    employees: Sequence[Mapping[str, Any]] = sources.published(
        "employee_spend", most_rows=MOST_ROWS
    )
    yield Page(
        "employees.html",
        "employees.html.j2",
        "Employees",
        "employees.html",
        values={
            "as_of": sources.settings.as_of.isoformat(),
            "totals": totals,
            "others": totals["employees"]
            - totals["active_employees"]
            - totals["terminated_employees"],
            "statuses": sources.published("employee_statuses"),
            "tenure_chart": _tenure_chart(sources.published("tenure_distribution")),
            "spend_chart": _spend_chart(sources.published("spend_distribution")),
            "employee_table": _employee_table(employees, totals),
        },
        has_charts=True,
        downloads=(Download("downloads/employees.csv", EMPLOYEE, employees),),
    )


def _employee_table(rows: Sequence[Mapping[str, Any]], totals: Mapping[str, Any]) -> DataTable:
    total = rows[0]["all_rows"] if rows else 0
    beyond = ""
    if any(row["employee_id"] == WITHHELD for row in rows):
        beyond = f" What is spent in programmes of few employees is in the row “{WITHHELD}”."
    if total > len(rows):
        spend = totals["spend"] - fsum(row["spend"] for row in rows)
        beyond += (
            f" These are the {len(rows):,} with the most spend; the other {total - len(rows):,} "
            f"have spent {written(spend, 'money')} together."
        )
    return DataTable(
        "employees",
        "Spend by employee, in all months, the highest first. Names are in marts.dim_employees, "
        f"for those who look people up.{beyond}",
        EMPLOYEE,
        rows,
        total=total,
        is_searchable=True,
        download="downloads/employees.csv",
        empty=NOBODY_YET,
    )


def _tenure_chart(rows: Sequence[Mapping[str, Any]]) -> Chart:
    return Chart(
        "tenure",
        "Tenure",
        "Employees by full years since they were hired, at the as-of date. Terminated ones are "
        "left out, since the day they left is not known.",
        vega_lite("employees-by", dimension="tenure", title="Years"),
        rows,
        DataTable(
            "tenure",
            "Employees by full years of tenure.",
            (Field("tenure", "Years"), Field("employees", "Employees", "count")),
            rows,
            page_size=12,
        ),
        empty=NOBODY_YET,
    )


def _spend_chart(found: Sequence[Mapping[str, Any]]) -> Chart:
    rows = [{**row, "range": _range(row)} for row in found]
    return Chart(
        "spend",
        "Spend per employee",
        "How many employees have spent how much, in all months: it shows what is usual and how far "
        "it spreads, which the bars of a few names would not. A step begins with its first amount "
        "and ends before its second.",
        vega_lite("employees-by", dimension="range", title="Spend"),
        rows,
        DataTable(
            "spend",
            "Employees by what they have spent.",
            (
                Field("range", "Spend"),
                Field("employees", "Employees", "count"),
                Field("spend", "Together", "money"),
            ),
            rows,
            page_size=20,
        ),
        empty="Nobody has spent anything yet. Put transactions*.csv into the data folder and run "
        "make.",
    )


def _range(row: Mapping[str, Any]) -> str:
    least, most = row["least_spend"], row["most_spend"]
    if least is None:
        return "nothing"
    return f"${least:,.0f} or more" if most is None else f"${least:,.0f}\N{EN DASH}{most:,.0f}"
