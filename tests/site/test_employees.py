"""The page of the employees: who takes part, for how long, and who spends how much."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from rendered import MISSING, Shown, copied, republish, shown

from benepass_tasks.site.pages import employees

if TYPE_CHECKING:
    from pathlib import Path

    from workspace import Workspace

MANY = """
insert into marts.dim_employees by name
select
    'N' || i as employee_id,
    'First' || i as first_name,
    'Last' || i as last_name,
    '****@example.org' as email,
    if(i % 13 = 0, null, date '2026-01-01' - cast(i * 61 - 200 as int)) as hire_date,
    case when i % 7 = 0 then null when i % 5 = 0 then 'terminated' when i % 3 = 0 then 'on_leave'
        else 'active' end as status,
    coalesce(status = 'terminated', false) as is_terminated,
    if(i % 13 = 0, null, i * 61 - 200) as tenure_days
from range(260) as numbers(i)
"""
SPEND = """
insert into marts.fact_transactions by name
select
    if(i % 31 = 0, null, 'N' || i % 300) as employee_id,
    cast(5 + i * i % 977 / 10 + if(i = 77, 90000, 0) as decimal(18, 2)) as amount,
    timestamp '2025-03-01' as transaction_timestamp
from range(900) as numbers(i)
"""


def show(project: Workspace) -> Shown:
    return shown(project, employees.pages)


@pytest.fixture
def project(published_run: Workspace, tmp_path: Path) -> Workspace:
    """A project of the test's own that has been published."""
    return copied(published_run, tmp_path)


@pytest.fixture(scope="module")
def many(published_run: Workspace, tmp_path_factory: pytest.TempPathFactory) -> Shown:
    """The page of 263 employees, and of spend of some who are not among them."""
    project = copied(published_run, tmp_path_factory.mktemp("many"))
    republish(project, MANY, SPEND)
    return show(project)


def one(page: Shown, select: str) -> object:
    """The value of a query over what is published."""
    ((value,),) = page.project.query_published(f"select {select}")
    return value


def test_active_and_terminated_employees_and_all_others_are_counted(many: Shown) -> None:
    figures, notes = many.figures(), many.notes()
    for label, condition in (
        ("Active", "status = 'active'"),
        ("Terminated", "status = 'terminated'"),
        ("Other statuses", "status is null or status not in ('active', 'terminated')"),
    ):
        count = one(many, f"count(*) from marts.dim_employees where {condition}")
        assert figures[label] == f"{count:,}"
    assert notes["Active"] == "of 263 employees"
    away, unknown = (
        one(many, f"count(*) from marts.dim_employees where status is not distinct from {it}")
        for it in ("'on_leave'", "null")
    )
    assert notes["Other statuses"] == f"{away} on_leave, {unknown} no status"


def test_average_tenure_is_that_of_who_has_not_left_and_was_hired(many: Shown) -> None:
    known = "from marts.dim_employees where not is_terminated and hire_date <= '2026-01-01'"
    mean = one(many, f"avg(date '2026-01-01' - hire_date) / 365.25 {known}")
    assert many.figures()["Average tenure"] == f"{mean:.1f} years"
    assert f"of {one(many, f'count(*) {known}')} who" in many.notes()["Average tenure"]


def test_average_spend_is_that_of_who_spends(many: Shown) -> None:
    spenders = (
        "(select sum(amount) as spend from marts.fact_transactions "
        "where employee_id is not null group by employee_id)"
    )
    assert many.figures()["Average spend"] == f"${one(many, f'avg(spend) from {spenders}'):,.2f}"
    assert f"${one(many, f'median(spend) from {spenders}'):,.2f}" in many.notes()["Average spend"]


def test_everybody_who_has_not_left_is_in_one_year_of_tenure(many: Shown) -> None:
    rows = {row["tenure"]: row["employees"] for row in many.table("tenure")}
    years = "floor((date '2026-01-01' - hire_date) / 365.25)"
    for label, condition in (
        ("under 1", f"{years} = 0"),
        ("1", f"{years} = 1"),
        ("29", f"{years} = 29"),
        ("30 or more", f"{years} >= 30"),
        ("not hired yet", "hire_date > '2026-01-01'"),
        ("no hire date", "hire_date is null"),
    ):
        count = one(
            many, f"count(*) from marts.dim_employees where not is_terminated and {condition}"
        )
        assert rows[label] == count
        assert count
    everybody = one(many, "count(*) from marts.dim_employees where not is_terminated")
    assert sum(rows.values()) == everybody
    assert [*rows][:2] + [*rows][-3:] == [
        "under 1",
        "1",
        "30 or more",
        "not hired yet",
        "no hire date",
    ]


def test_year_without_anybody_between_others_is_there(project: Workspace) -> None:
    republish(project, "delete from marts.dim_employees where employee_id not in ('E1', 'E3')")
    assert [(row["tenure"], row["employees"]) for row in show(project).table("tenure")] == [
        ("under 1", 0),
        ("1", 1),
        ("2", 0),
        ("3", 0),
        ("4", 0),
        ("5", 0),
        ("6", 1),
    ]


def test_spend_of_each_employee_is_that_of_what_is_published(many: Shown) -> None:
    rows = many.table("employees")
    found = {row["employee_id"]: (row["transactions"], row["spend"]) for row in rows}
    spend = many.project.query_published(
        "select coalesce(employee_id, 'withheld'), count(*), cast(sum(amount) as double) "
        "from marts.fact_transactions group by all"
    )
    assert {name: sums for name, sums in found.items() if sums[0]} == {
        name: (count, total) for name, count, total in spend
    }
    idle = {name for name, sums in found.items() if sums == (0, 0)}
    everybody = many.project.query_published("select employee_id from marts.dim_employees")
    assert idle == {name for (name,) in everybody} - {name for name, *_ in spend}
    assert len(found) == len(rows)


def test_most_spend_comes_first(many: Shown) -> None:
    spend = [row["spend"] for row in many.table("employees")]
    assert spend == sorted(spend, reverse=True)


def test_spend_that_is_withheld_is_not_lost(many: Shown) -> None:
    rows = {row["employee_id"]: row for row in many.table("employees")}
    assert rows["withheld"]["spend"] > 0
    assert "in the row “withheld”" in many.document.one("caption", id="employees-caption").text
    assert rows["N299"]["status"] is None
    total = one(many, "cast(sum(amount) as double) from marts.fact_transactions")
    assert sum(row["spend"] for row in rows.values()) == pytest.approx(total)


def told_apart(page: Shown) -> list[dict[str, Any]]:
    """The employees whose spend is told: that of the others is withheld."""
    return [row for row in page.table("employees") if row["employee_id"] != "withheld"]


def test_steps_of_spend_hold_everybody_and_all_spend(many: Shown) -> None:
    rows, people = many.table("spend"), told_apart(many)
    assert sum(row["employees"] for row in rows) == len(people)
    assert sum(row["spend"] for row in rows) == pytest.approx(sum(it["spend"] for it in people))
    assert rows[0]["range"] == "nothing"
    assert rows[0]["employees"] == sum(it["spend"] == 0 for it in people)


def test_each_step_of_spend_holds_who_spent_as_much(many: Shown) -> None:
    people = [it["spend"] for it in told_apart(many) if it["spend"]]
    steps = many.chart("spend")[1:]
    assert 5 < len(steps) <= 16
    for step in steps:
        most = step["most_spend"] or float("inf")
        inside = [spend for spend in people if step["least_spend"] <= spend < most]
        assert step["employees"] == len(inside)
    # One employee who spent a fortune does not squeeze all others into one step.
    assert steps[-1]["range"].endswith(" or more")
    assert max(step["employees"] for step in steps) < len(people) / 2


def test_tenure_of_who_has_left_is_not_made_up(many: Shown) -> None:
    rows = many.table("employees")
    assert {row["tenure_years"] for row in rows if row["status"] == "terminated"} == {None}


def test_page_shows_no_name_and_no_address(many: Shown) -> None:
    files = [many.html, str(many.download("downloads/employees.csv")).encode()]
    for word in (b"First1", b"Last1", b"example.org"):
        assert not [it for it in files if word in it]


def test_employees_beyond_what_a_page_holds_are_added_up(
    many: Shown, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(employees, "MOST_ROWS", 20)
    page = show(many.project)
    rows = page.table("employees")
    assert rows == many.table("employees")[:20]
    others = many.table("employees")[20:]
    spend = sum(row["spend"] for row in others)
    caption = page.document.one("caption", id="employees-caption").text
    assert f"the other {len(others)} have spent ${spend:,.2f} together" in caption
    assert page.figures() == many.figures()


def test_download_holds_the_rows_of_the_table(many: Shown) -> None:
    link = many.document.one("a", href="downloads/employees.csv")
    assert "download" in link.attributes
    _, *records = many.download("downloads/employees.csv")
    assert [record[0] for record in records] == [
        row["employee_id"] for row in many.table("employees")
    ]


def test_values_from_files_are_text_and_nothing_else(project: Workspace) -> None:
    before = len(show(project).document.all("script"))
    republish(
        project,
        "update marts.dim_employees set status = $value where employee_id = 'E1'",
        "update marts.dim_employees set employee_id = '=1+1' || $value where employee_id = 'E2'",
        "update marts.dim_employees set employee_id = repeat('x', 5000000) || $value "
        "where employee_id = 'E3'",
        values={"value": "</script><img src=x onerror=alert(1)>"},
    )
    page = show(project)
    assert len(page.document.all("script")) == before
    assert not page.document.all("img")
    assert "<img src=x onerror=alert(1)>" in page.notes()["Other statuses"]
    assert len(page.html) < 50_000
    _, *records = page.download("downloads/employees.csv")
    assert len(records) == len(page.table("employees")) == 4
    assert not [record for record in records if record[0].startswith("=")]


def test_page_without_employees_says_what_to_do(project: Workspace) -> None:
    republish(project, "delete from marts.dim_employees", "delete from marts.fact_transactions")
    page = show(project)
    assert page.figures() == {
        "Active": "0",
        "Terminated": "0",
        "Other statuses": "0",
        "Average tenure": MISSING,
        "Average spend": MISSING,
    }
    empty = [it.text for it in page.document.all("p", **{"class": "empty"})]
    assert len(empty) == 3
    assert all("run make" in text for text in empty)


def test_employees_without_transactions_have_a_page(project: Workspace) -> None:
    republish(project, "delete from marts.fact_transactions")
    page = show(project)
    assert {row["spend"] for row in page.table("employees")} == {0}
    assert page.figures()["Average spend"] == MISSING


def test_same_data_makes_the_same_page(many: Shown) -> None:
    assert show(many.project).html == many.html
