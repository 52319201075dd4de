"""The pages that come with the project: what they say is what is published."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from rendered import MISSING, copied, republish
from written_pages import shown_page

from benepass_tasks.site.authored import rows as rows_of_queries

if TYPE_CHECKING:
    from pathlib import Path

    from rendered import Shown
    from workspace import Workspace

# Transactions of three employees in sixteen months, a merchant and a type of which are missing.
MANY = """
insert into marts.fact_transactions by name
select
    'M' || i as transaction_id,
    'E' || (1 + i % 3) as employee_id,
    if(i % 19 = 0, null, 'Merchant ' || (i * i % 23)) as merchant,
    cast(1 + i * 37 % 5000 / 100 as decimal(18, 2)) as amount,
    if(i % 50 = 0, timestamp '2030-05-05', timestamp '2024-11-03' + to_months(cast(i % 14 as int)))
        as transaction_timestamp,
    if(i % 17 = 0, null, ['wellness', 'meals', 'gym & <b>sauna</b>'][1 + i % 3]) as benefit_type,
    if(i % 11 = 0, ['future_timestamp'], cast([] as varchar[])) as dq_flags
from range(400) as numbers(i)
"""
NOT_LATER = "where transaction_timestamp < '2026-01-01'"


@pytest.fixture(scope="module")
def many(published_run: Workspace, tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    project = copied(published_run, tmp_path_factory.mktemp("many"))
    republish(project, MANY)
    return project


@pytest.fixture(scope="module")
def overview(many: Workspace) -> Shown:
    return shown_page(many, "index")


@pytest.fixture(scope="module")
def employees(many: Workspace) -> Shown:
    return shown_page(many, "employees")


# ---------------------------------------------------------------------------------- the overview


def test_the_total_is_of_the_months_up_to_the_as_of_date(overview: Shown) -> None:
    ((spend, count),) = overview.project.query_published(
        f"select sum(amount), count(*) from marts.fact_transactions {NOT_LATER}"
    )
    assert overview.figures()["Spend"] == f"${spend:,.2f}"
    assert overview.notes()["Spend"] == f"{count:,} transactions are accepted"


def test_the_money_that_is_not_in_it_stands_beside_it_and_is_told_apart(overview: Shown) -> None:
    ((late, late_spend),) = overview.project.query_published(
        "select count(*), sum(amount) from marts.fact_transactions "
        "where transaction_timestamp >= '2026-01-01'"
    )
    kept_out = overview.project.query_published(
        "select rejection_reason, count(*), cast(sum(amount) as double) "
        "from quality.quarantine_transactions group by all"
    )
    found = {it["what"]: (it["transactions"], it["amount"]) for it in overview.rows("outside")}
    assert found == {
        "dated after the as-of date": (late, float(late_spend)),
        **{
            f"quarantined: {reason.replace('_', ' ')}": (count, amount)
            for reason, count, amount in kept_out
        },
    }
    total = sum(amount or 0 for _, amount in found.values())
    assert overview.figures()["Not in these figures"] == f"${total:,.2f}"


def test_every_accepted_transaction_is_in_the_total_or_beside_it(overview: Shown) -> None:
    ((count,),) = overview.project.query_published("select count(*) from marts.fact_transactions")
    assert sum(it["transactions"] for it in overview.rows("spend")) == count
    late = [it for it in overview.rows("spend") if it["month"] > "2026-01"]
    (beside,) = (it for it in overview.rows("outside") if it["what"].startswith("dated after"))
    assert sum(it["transactions"] for it in late) == beside["transactions"]


def test_the_last_month_is_compared_with_the_one_before(overview: Shown) -> None:
    assert overview.notes()["Last month"].startswith("in 2025-12, ")
    assert overview.notes()["Last month"].endswith("% on 2025-11")


def test_clean_is_said_of_the_transactions_in_the_files(published_run: Workspace) -> None:
    page = shown_page(published_run, "index")
    assert page.figures()["Clean transactions"] == "40.0%"
    assert page.notes()["Clean transactions"] == "of 5 in the files"


def test_the_newest_transaction_is_not_one_from_the_future(overview: Shown) -> None:
    assert "The newest transaction is of 2025-12-03 00:00 UTC." in overview.document.text


def test_withheld_programmes_are_counted_and_told(many: Workspace, tmp_path: Path) -> None:
    project = copied(many, tmp_path)
    said = "programmes are withheld"
    (note,) = (it for it in shown_page(project, "index").document.all("p") if said in it.text)
    assert "hidden" in note.attributes
    republish(
        project,
        "update marts.dim_benefit_programs set employee_count = null where program_name = ("
        "select min(program_name) from marts.dim_benefit_programs)",
    )
    (note,) = (it for it in shown_page(project, "index").document.all("p") if said in it.text)
    assert "hidden" not in note.attributes
    assert note.text.startswith("1 of 2 programmes are withheld")


def test_balances_are_those_of_the_latest_month_that_are_published(overview: Shown) -> None:
    published = overview.project.query_published(
        "select program_name, cast(expected_balance as double), cast(allowance as double) "
        "from marts.program_balances where balance_month = ("
        "select max(balance_month) from marts.program_balances)"
    )
    assert published
    said = [
        (it["program"], it["expected_balance"], it["allowance"]) for it in overview.rows("balances")
    ]
    assert sorted(said, key=str) == sorted(published, key=str)


UTILIZATION = """
create or replace table marts.program_utilization as
select
    date '2025-02-01' as spend_month,
    'meals' as benefit_type,
    name as program_name,
    if(name = 'Tiny', null, 7) as account_count,
    if(name = 'Tiny', null, 6) as employee_count,
    cast(if(name = 'Tiny', null, 100) as decimal(38, 2)) as allowance,
    cast(if(name = 'Tiny', null, 25) as decimal(38, 2)) as spend,
    if(name = 'Known', 0.25, null) as utilization_rate
from (values ('Known'), ('Unknown'), ('Tiny')) as p(name)
"""


def test_an_allowance_that_is_not_known_is_not_an_allowance(
    many: Workspace, tmp_path: Path
) -> None:
    project = copied(many, tmp_path)
    republish(project, UTILIZATION)
    found = {
        it["program"]: (it["allowance"], it["spend"])
        for it in shown_page(project, "index").rows("programs")
    }
    assert found == {
        "Known (meals)": (100, 25),
        "Unknown (meals)": (None, 25),
        "Tiny (meals)": (None, None),
    }


def test_merchants_lead_to_their_transactions(overview: Shown) -> None:
    block = overview.document.one(
        "div", data_table="spend-by-merchant-a-merchant-leads-to-its-transactions"
    )
    links = {it.attributes["href"] for it in block.all("a")}
    assert "transactions.html#merchant=No+merchant" in links
    assert all(it.startswith("transactions.html#merchant=") for it in links)


@pytest.mark.parametrize("name", ["index", "employees", "quality", "transactions", "merchants"])
def test_a_page_of_a_large_company_is_not_larger_and_adds_up_all_the_same(
    many: Workspace, overview: Shown, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setattr(rows_of_queries, "MOST_ROWS", 250)
    page = shown_page(many, name)
    assert all(len(page.rows(query)) <= 250 for query in page.data["queries"])
    assert page.document.all("p", role="alert") == []
    if name == "index":
        assert page.figures() == overview.figures()
    if name == "transactions":
        assert page.figures() == {"Amount": MISSING}
        assert page.notes() == {"Amount": "not added up: this page has 250 of 395 rows"}


# -------------------------------------------------------------------------------- the employees


def test_who_takes_part_is_counted(employees: Shown) -> None:
    ((active, terminated, everybody),) = employees.project.query_published(
        "select count(*) filter (where status = 'active'), count(*) filter (where is_terminated), "
        "count(*) from marts.dim_employees"
    )
    figures = employees.figures()
    assert figures["Active"] == str(active)
    assert figures["Terminated"] == str(terminated)
    assert employees.notes()["Active"] == f"of {everybody} employees"


def test_the_tenure_is_that_of_people_who_have_not_left(employees: Shown) -> None:
    ((mean, count),) = employees.project.query_published(
        "select round(avg(tenure_days / 365.25), 1), count(*) from marts.dim_employees "
        "where not is_terminated and tenure_days >= 0"
    )
    assert float(employees.figures()["Average tenure, years"]) == mean
    assert employees.notes()["Average tenure, years"].startswith(f"of {count} who")
    counted = sum(it["employees"] for it in employees.rows("tenure"))
    assert (
        counted
        == employees.project.query_published(
            "select count(*) from marts.dim_employees where not is_terminated"
        )[0][0]
    )


def test_spend_is_that_of_each_employee_the_highest_first(employees: Shown) -> None:
    published = dict(
        employees.project.query_published(
            "select employee_id, cast(sum(amount) as double) from marts.fact_transactions "
            "group by all"
        )
    )
    found = employees.rows("employees")
    assert {it["employee_id"]: it["spend"] for it in found if it["spend"]} == published
    spend = [it["spend"] for it in found]
    assert spend == sorted(spend, reverse=True)


def test_the_steps_of_spend_hold_every_employee_once(employees: Shown) -> None:
    everybody = {it["employee_id"] for it in employees.rows("employees")}
    assert sum(it["employees"] for it in employees.rows("spread")) == len(everybody)
    assert employees.rows("spread")[0]["spent"] == "nothing"


# ------------------------------------------------------------------------------ an empty warehouse


@pytest.mark.parametrize("name", ["index", "employees", "quality", "transactions", "merchants"])
def test_of_nothing_there_is_a_page_that_says_so(
    published_run: Workspace, tmp_path: Path, name: str
) -> None:
    project = copied(published_run, tmp_path)
    tables = project.query_published(
        "select schema_name || '.' || table_name from duckdb_tables() where not internal"
    )
    republish(project, *(f"delete from {table}" for (table,) in tables))
    page = shown_page(project, name)
    assert page.document.all("p", role="alert") == []
    if name != "quality":
        assert "run make" in page.document.text
