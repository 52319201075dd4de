"""What holds whatever the files say: small random tables, hostile values among them."""

from __future__ import annotations

from collections import Counter
from itertools import chain
from typing import TYPE_CHECKING, Any

import pytest
from examples import examples
from hypothesis import given
from hypothesis import strategies as st
from promises import broken
from random_files import FILES_OF_A_DAY, LOCAL_PART

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import duckdb
    from workbench import RawRows, Row, Workbench

pytestmark = pytest.mark.slow

SOURCES = ("employees", "benefit_accounts", "transactions", "category_benefit_mappings")
JUDGED = SOURCES[:3]


# --- Properties -----------------------------------------------------------------------------------


class Built:
    """The content of every table and view."""

    def __init__(self, connection: duckdb.DuckDBPyConnection, relations: Sequence[str]) -> None:
        self.contents = {name: contents(connection, name) for name in relations}

    def __getitem__(self, relation: str) -> list[dict[str, Any]]:
        return self.contents[relation]

    def keys(self, relation: str) -> Counter[tuple[str, int]]:
        return Counter((row["_source_file"], row["_row_number"]) for row in self[relation])

    def money(self, relation: str) -> Any:  # noqa: ANN401
        return sum(row["amount"] for row in self[relation] if row["amount"] is not None)


def contents(connection: duckdb.DuckDBPyConnection, relation: str) -> list[dict[str, Any]]:
    found = connection.execute(f"select * from {relation} order by all")
    names = [column[0] for column in found.description or ()]
    return [dict(zip(names, row, strict=True)) for row in found.fetchall()]


def everything_built(workbench: Workbench, raw: Mapping[str, Sequence[Row]]) -> Built:
    with workbench.built(raw) as connection:
        return Built(connection, [*workbench.raw_tables(), *workbench.models])


@examples(10)
@given(raw=FILES_OF_A_DAY)
def test_nothing_is_lost_and_nothing_is_in_two_places(workbench: Workbench, raw: RawRows) -> None:
    built = everything_built(workbench, raw)
    every_raw_record_is_staged(built)
    transactions_are_accepted_or_quarantined(built)
    employees_and_accounts_are_accepted_or_quarantined(built)
    accepted_transactions_are_sound(built)
    reasons_are_known_and_in_order(built)
    sums_of_the_marts_are_those_of_the_fact(built)
    addresses_are_masked(built)


@examples(6)
@given(raw=FILES_OF_A_DAY)
def test_no_data_breaks_a_promise_that_fails_the_run(workbench: Workbench, raw: RawRows) -> None:
    with workbench.built(raw) as connection:
        assert broken(connection, workbench) == []


@examples(4)
@given(raw=FILES_OF_A_DAY, data=st.data())
def test_order_of_the_raw_rows_changes_nothing(
    workbench: Workbench, raw: RawRows, data: st.DataObject
) -> None:
    shuffled = {table: data.draw(st.permutations(rows)) for table, rows in raw.items()}
    built, again = everything_built(workbench, raw), everything_built(workbench, shuffled)
    assert built.contents == again.contents


@pytest.mark.nightly
@examples(3)
@given(raw=FILES_OF_A_DAY)
def test_building_again_changes_nothing(workbench: Workbench, raw: RawRows) -> None:
    assert everything_built(workbench, raw).contents == everything_built(workbench, raw).contents


def every_raw_record_is_staged(built: Built) -> None:
    for source in SOURCES:
        staged = built.keys(f"staging.stg_{source}")
        assert staged == built.keys(f"raw.{source}")
        assert max(staged.values(), default=1) == 1


def transactions_are_accepted_or_quarantined(built: Built) -> None:
    staged = built.keys("staging.stg_transactions")
    quarantined = built.keys("quality.quarantine_transactions")
    assert built.keys("intermediate.int_transactions_enriched") == staged
    assert quarantined <= staged
    accepted = staged - quarantined
    ids = Counter(
        row["transaction_id"]
        for row in built["staging.stg_transactions"]
        if (row["_source_file"], row["_row_number"]) in accepted
    )
    assert Counter(row["transaction_id"] for row in built["marts.fact_transactions"]) == ids
    assert built.money("staging.stg_transactions") == (
        built.money("marts.fact_transactions") + built.money("quality.quarantine_transactions")
    )


def employees_and_accounts_are_accepted_or_quarantined(built: Built) -> None:
    people = [row["employee_id"] for row in built["marts.dim_employees"]]
    assert None not in people
    assert len(set(people)) == len(people)
    assert len(people) + len(built["quality.quarantine_employees"]) == len(built["raw.employees"])
    programmes = built["marts.dim_benefit_programs"]
    accounts = sum(row["account_count"] for row in programmes)
    quarantined = len(built["quality.quarantine_benefit_accounts"])
    assert accounts + quarantined == len(built["raw.benefit_accounts"])
    names = [(row["benefit_type"], row["program_name"]) for row in programmes]
    assert len(set(names)) == len(names)


def accepted_transactions_are_sound(built: Built) -> None:
    fact = built["marts.fact_transactions"]
    people = {row["employee_id"]: row for row in built["marts.dim_employees"]}
    programmes = {
        (row["benefit_type"], row["program_name"]) for row in built["marts.dim_benefit_programs"]
    }
    for row in fact:
        assert row["transaction_id"]
        assert row["amount"] > 0
        assert row["transaction_timestamp"] is not None
        assert people[row["employee_id"]]["status"] == row["employee_status"] != "terminated"
        assert (row["benefit_type"], row["program_name"]) in programmes
    assert len({row["transaction_id"] for row in fact}) == len(fact)


def reasons_are_known_and_in_order(built: Built) -> None:
    issues = sorted(built["quality.issue_types"], key=lambda it: it["severity"])
    names = {
        (source, tier): [
            it["issue"] for it in issues if (it["source"], it["tier"]) == (source, tier)
        ]
        for source in JUDGED
        for tier in (1, 2)
    }
    for source in JUDGED:
        for row in built[f"quality.quarantine_{source}"]:
            reasons = row["rejection_reasons"]
            assert row["rejection_reason"] == reasons[0]
            assert reasons == [reason for reason in names[source, 2] if reason in reasons]
    for row in built["marts.fact_transactions"]:
        assert row["dq_flags"] == [
            flag for flag in names["transactions", 1] if flag in row["dq_flags"]
        ]


def sums_of_the_marts_are_those_of_the_fact(built: Built) -> None:
    fact = built["marts.fact_transactions"]
    assert sum(row["transaction_count"] for row in built["marts.dim_merchants"]) == sum(
        row["merchant"] is not None for row in fact
    )
    spend = sum(row["spend"] for row in built["marts.program_utilization"])
    assert spend == built.money("marts.fact_transactions")


def addresses_are_masked(built: Built) -> None:
    for relation, rows in built.contents.items():
        if not relation.startswith(("raw.", "base.")):
            values = chain.from_iterable(
                (value for name, value in row.items() if name != "raw_email") for row in rows
            )
            assert not any(LOCAL_PART in str(value) for value in values)
