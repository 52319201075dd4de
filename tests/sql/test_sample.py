"""The committed sample against the frozen ledger of what was planted in it."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest
import yaml
from projects import ROOT
from workbench import Workbench

from benepass_tasks.ingestion.readers.records import RecordReader
from benepass_tasks.sample.ledger import TIER_1, TIER_2

if TYPE_CHECKING:
    from collections.abc import Iterator

    import duckdb

    from benepass_tasks.catalog import Source

LEDGER: dict[str, Any] = yaml.safe_load(
    (ROOT / "tests" / "sample" / "ledger.yaml").read_text(encoding="utf-8")
)
SOURCES = ("employees", "benefit_accounts", "transactions", "category_benefit_mappings")
ISSUES = {
    "employees": "quality.employee_issues",
    "benefit_accounts": "quality.benefit_account_issues",
    "transactions": "quality.transaction_issues",
}
"""The table of issues of each source whose records can be quarantined."""


@pytest.fixture(scope="module")
def sample(workbench: Workbench) -> Iterator[duckdb.DuckDBPyConnection]:
    """The sample with every model built; on a database of its own, since it stays for a while."""
    bench = Workbench(workbench.catalog, workbench.graph)
    with bench.loaded({}) as connection:
        connection.execute("create table accounting (source varchar, records int, rejected int)")
        for source in SOURCES:
            load(connection, workbench.catalog.sources[source])
        connection.execute(f"set variable as_of_date = date '{LEDGER['as_of']}'")
        connection.execute("set variable pii_masking = true")
        bench.build(connection)
        yield connection


def load(connection: duckdb.DuckDBPyConnection, declared: Source) -> None:
    source = declared.name
    required = [name for name, column in declared.columns.items() if column.required]
    with (ROOT / "data" / "sample" / f"{source}.csv").open("rb") as file:
        reader = RecordReader(file)
        for batch in reader.batches(reader.header, required):
            connection.register("batch", batch.table)
            connection.execute(
                f"insert into raw.{source} by name "
                f"select *, '{source}.csv' as _source_file, 'load-1' as _dlt_load_id from batch"
            )
            connection.unregister("batch")
    found = reader.accounting
    connection.execute(
        "insert into accounting values (?, ?, ?)", [source, found.records, found.rejected]
    )


@pytest.mark.parametrize("source", SOURCES)
def test_every_record_is_read_and_staged(sample: duckdb.DuckDBPyConnection, source: str) -> None:
    records, rejected = sample.execute(
        "select records, rejected from accounting where source = ?", [source]
    ).fetchall()[0]
    assert (records, rejected) == (LEDGER[source]["records"], LEDGER[source]["rejected"])
    assert count(sample, f"raw.{source}") == LEDGER[source]["rows"]
    assert count(sample, f"staging.stg_{source}") == LEDGER[source]["rows"]


@pytest.mark.parametrize("source", ISSUES)
def test_every_record_is_accepted_or_quarantined(
    sample: duckdb.DuckDBPyConnection, source: str
) -> None:
    accepted = {
        "employees": "select count(*) from marts.dim_employees",
        "benefit_accounts": "select sum(account_count) from marts.dim_benefit_programs",
        "transactions": "select count(*) from marts.fact_transactions",
    }
    assert scalar(sample, accepted[source]) == LEDGER[source]["accepted"]
    assert count(sample, f"quality.quarantine_{source}") == LEDGER[source]["quarantined"]


@pytest.mark.parametrize("source", ISSUES)
def test_rejections_are_those_that_were_planted(
    sample: duckdb.DuckDBPyConnection, source: str
) -> None:
    found = counted(sample, f"select issue from {ISSUES[source]} where tier = 2")
    assert found == planted(source, "issues_tier2")
    reasons = f"select rejection_reason from quality.quarantine_{source}"
    assert counted(sample, reasons) == planted(source, "rejection_reasons")


@pytest.mark.parametrize("source", ISSUES)
def test_flags_are_those_that_were_planted(sample: duckdb.DuckDBPyConnection, source: str) -> None:
    flags = f"select issue from {ISSUES[source]} as issues"
    quarantined = (
        f"join quality.quarantine_{source} as quarantine using (_source_file, _row_number)"
    )
    assert counted(sample, f"{flags} anti {quarantined} where tier = 1") == planted(source, "flags")
    assert counted(sample, f"{flags} semi {quarantined} where tier = 1") == planted(
        source, "flags_on_quarantined"
    )


def test_flags_of_the_fact_are_those_that_were_planted(sample: duckdb.DuckDBPyConnection) -> None:
    found = counted(sample, "select unnest(dq_flags) from marts.fact_transactions")
    assert found == planted("transactions", "flags")


@pytest.mark.parametrize("source", ISSUES)
def test_records_with_several_issues_are_those_that_were_planted(
    sample: duckdb.DuckDBPyConnection, source: str
) -> None:
    found = counted(
        sample,
        f"select string_agg(issue, ', ' order by severity) from {ISSUES[source]} "
        "group by _source_file, _row_number having count(*) > 1",
    )
    in_order = [*TIER_2[source], *TIER_1[source]]
    assert {sort_issues(issues, in_order): n for issues, n in found.items()} == planted(
        source, "several_issues"
    )


def test_money_adds_up(sample: duckdb.DuckDBPyConnection) -> None:
    totals = {
        "parsed": "staging.stg_transactions",
        "accepted": "marts.fact_transactions",
        "quarantined": "quality.quarantine_transactions",
    }
    found = {
        name: scalar(sample, f"select sum(amount) from {relation}")
        for name, relation in totals.items()
    }
    amounts = LEDGER["transactions"]["amounts"]
    assert found == {name: Decimal(amount) for name, amount in amounts.items()}
    spend = scalar(sample, "select sum(spend) from marts.program_utilization")
    assert spend == Decimal(amounts["accepted"])


def planted(source: str, what: str) -> dict[str, int]:
    return {name: number for name, number in LEDGER[source][what].items() if number}


def sort_issues(issues: str, in_order: list[str]) -> str:
    """As in the ledger, whose order of tier 1 is that of its names."""
    return ", ".join(sorted(issues.split(", "), key=in_order.index))


def counted(connection: duckdb.DuckDBPyConnection, query: str) -> dict[str, int]:
    return dict(
        connection.execute(
            f"select value, count(*) from ({query}) as found(value) group by value"
        ).fetchall()
    )


def count(connection: duckdb.DuckDBPyConnection, relation: str) -> int:
    return int(scalar(connection, f"select count(*) from {relation}"))


def scalar(connection: duckdb.DuckDBPyConnection, query: str) -> Any:  # noqa: ANN401
    return connection.execute(query).fetchall()[0][0]
