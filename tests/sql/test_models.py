"""What holds for every model, whatever its rows."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from casebook import CASES, USUAL, case_files, read_case
from promises import broken
from workbench import Workbench

if TYPE_CHECKING:
    from pathlib import Path

    import duckdb
    from workbench import RawRows


@pytest.fixture
def usual_company(workbench: Workbench) -> RawRows:
    """The usual company with an offset in a timestamp, a clean and a rejected transaction."""
    usual = read_case(USUAL, workbench)
    charge = usual.usual["raw.transactions"]
    clean = {"transaction_id": "T1", "transaction_timestamp": "2025-07-01T01:30:00+02:00"}
    undated = {"transaction_id": "T2", "transaction_timestamp": "2025-06-30"}
    rejected = {"transaction_id": "T3", "amount": "0"}
    charges = [charge | clean, charge | undated, charge | rejected]
    return usual.raw_rows() | {"raw.transactions": charges}


def test_all_models_are_empty_when_every_file_is(workbench: Workbench) -> None:
    with workbench.built({}) as connection:
        made = [model.relation for model in workbench.graph.models.values() if model.references]
        counts = {model: len(rows(connection, model)) for model in made}
    assert counts == dict.fromkeys(made, 0)


@pytest.mark.parametrize("empty", ["employees", "benefit_accounts", "category_benefit_mappings"])
def test_transactions_stay_when_another_file_is_empty(
    empty: str, usual_company: RawRows, workbench: Workbench
) -> None:
    raw = {table: given for table, given in usual_company.items() if table != f"raw.{empty}"}
    with workbench.built(raw) as connection:
        kept = rows(connection, "marts.fact_transactions")
        rejected = rows(connection, "quality.quarantine_transactions")
    assert len(kept) + len(rejected) == 3


def test_columns_are_those_that_the_catalog_declares(workbench: Workbench) -> None:
    with workbench.built({}) as connection:
        made = {it.relation: columns(connection, it.sql) for it in workbench.graph.models.values()}
    for model in workbench.models:
        declared = workbench.catalog.tables[model].columns.values()
        assert made[model] == {column.name: column.type for column in declared}


def test_time_zone_of_the_session_changes_nothing(
    usual_company: RawRows, workbench: Workbench
) -> None:
    found = []
    for zone in ("UTC", "America/New_York", "Asia/Kolkata"):
        with workbench.loaded(usual_company) as connection:
            connection.execute("set variable as_of_date = date '2025-06-30'")
            connection.execute(f"set TimeZone = '{zone}'")
            workbench.build(connection)
            found.append({model: rows(connection, model) for model in workbench.models})
            connection.execute("set TimeZone = 'UTC'")
    assert found[0] == found[1] == found[2]


def test_emails_are_masked_for_a_session_that_never_said_so(
    usual_company: RawRows, workbench: Workbench
) -> None:
    with workbench.loaded(usual_company) as connection:
        connection.execute("reset variable pii_masking")
        workbench.build(connection, "staging.stg_employees")
        emails = connection.execute("select distinct email from staging.stg_employees").fetchall()
    assert emails == [("****@x.example",)]


def test_only_tenure_the_future_and_the_latest_month_depend_on_the_as_of_date(
    workbench: Workbench,
) -> None:
    models = workbench.graph.models.values()
    reading = {model.relation for model in models if "as_of_date" in model.variables}
    assert reading == {
        "intermediate.int_transaction_issues",
        "marts.dim_employees",
        "marts.account_balances",
    }


@pytest.mark.nightly
@pytest.mark.parametrize(
    "file", case_files(), ids=lambda path: path.relative_to(CASES).with_suffix("").as_posix()
)
def test_no_case_breaks_a_promise_that_fails_the_run(file: Path, workbench: Workbench) -> None:
    with workbench.built(read_case(file, workbench).raw_rows()) as connection:
        assert broken(connection, workbench) == []


@pytest.mark.parametrize(
    "issues", ["employee_issues", "benefit_account_issues", "transaction_issues"]
)
def test_the_tier_of_an_issue_alone_keeps_records_out(issues: str, workbench: Workbench) -> None:
    """Each flag of the cases, once its tier is 2: no mart has a record of which it is said."""
    strict = with_every_tier_2(workbench)
    source = f"{issues.removesuffix('_issues')}s"
    accepted = {
        "employees": "select count(*) from marts.dim_employees",
        "benefit_accounts": "select count(*) from intermediate.accepted_benefit_accounts",
        "transactions": "select count(*) from marts.fact_transactions",
    }
    place = "select distinct _source_file, _row_number"
    cases = [read_case(it, workbench) for it in sorted((CASES / f"quality.{issues}").glob("*.txt"))]
    of_issue = {row["issue"]: case for case in cases for row in case.expected.as_rows()}
    for case in {case.name: case for case in of_issue.values()}.values():
        with strict.built(case.raw_rows()) as connection:
            found = connection.execute(f"{place} from quality.{issues} order by all").fetchall()
            kept_out = f"{place} from quality.quarantine_{source} order by all"
            assert connection.execute(kept_out).fetchall() == found
            ((left,),) = connection.execute(accepted[source]).fetchall()
            ((staged,),) = connection.execute(f"select count(*) from raw.{source}").fetchall()
            assert left == staged - len(found)
            assert broken(connection, strict) == []


def with_every_tier_2(workbench: Workbench) -> Workbench:
    models = dict(workbench.graph.models)
    declared = models["quality.issue_types"]
    sql = declared.sql.replace("', 1, ", "', 2, ")
    assert sql.count("', 2, ") > declared.sql.count("', 2, ")
    models["quality.issue_types"] = replace(declared, sql=sql)
    return Workbench(workbench.catalog, replace(workbench.graph, models=models))


@pytest.mark.parametrize(
    ("change", "promise"),
    [
        ("insert into marts.dim_employees select * from marts.dim_employees", "Unique"),
        ("update marts.fact_transactions set employee_id = 'E999'", "Relationships"),
        ("update marts.fact_transactions set amount = -1", "SqlCheck"),
        ("delete from marts.account_balances", "SqlCheck"),
        ("update marts.fact_transactions set dq_flags = ['odd']", "Relationships"),
        ("update quality.issue_types set tier = 3", "AcceptedValues"),
        ("update quality.quarantine_transactions set rejection_reason = null", "NotNull"),
        ("delete from marts.program_utilization", "SqlCheck"),
    ],
)
def test_a_defect_in_the_sql_would_break_a_promise(
    change: str, promise: str, usual_company: RawRows, workbench: Workbench
) -> None:
    with workbench.built(usual_company) as connection:
        connection.execute(change)
        found = broken(connection, workbench)
    assert any(f" {promise}(" in it for it in found)


def rows(connection: duckdb.DuckDBPyConnection, relation: str) -> list[tuple[object, ...]]:
    return connection.execute(f"select * from {relation} order by all").fetchall()


def columns(connection: duckdb.DuckDBPyConnection, query: str) -> dict[str, str]:
    described = connection.execute(f"describe\n{query}").fetchall()
    return {name: type_ for name, type_, *_ in described}
