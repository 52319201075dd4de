"""Data contracts: what the catalog declares of a table, in the standard's words."""

from __future__ import annotations

import stat
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import yaml
from projects import definitions

from benepass_tasks.publish.exporters.odcs import contract, write_contracts

if TYPE_CHECKING:
    from benepass_tasks.catalog import Catalog

ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture(scope="module")
def catalog() -> Catalog:
    return definitions().catalog


def properties(catalog: Catalog, relation: str) -> dict[str, Any]:
    table: Any
    (table,) = contract(catalog.tables[relation], "w.duckdb")["schema"]  # type: ignore[misc]
    return {column["name"]: column for column in table["properties"]}


def test_a_contract_names_its_table_owner_and_place(catalog: Catalog) -> None:
    found = contract(catalog.tables["marts.dim_merchants"], "data/warehouse.duckdb")
    assert {name: found[name] for name in ("id", "kind", "domain", "team", "servers")} == {
        "id": "benepass-tasks:marts.dim_merchants",
        "kind": "DataContract",
        "domain": "benefits",
        "team": {"name": "benefits"},
        "servers": [
            {
                "server": "warehouse",
                "type": "duckdb",
                "database": "data/warehouse.duckdb",
                "schema": "marts",
            }
        ],
    }


def test_the_grain_and_the_kind_of_table_are_told(catalog: Catalog) -> None:
    table: Any
    (table,) = contract(catalog.tables["marts.dim_merchants"], "w.duckdb")["schema"]  # type: ignore[misc]
    assert table["dataGranularityDescription"] == "one row per merchant"
    assert table["physicalType"] == "table"


@pytest.mark.parametrize(
    ("relation", "column", "logical", "physical"),
    [
        ("marts.fact_transactions", "merchant", "string", "VARCHAR"),
        ("marts.fact_transactions", "amount", "number", "DECIMAL(18,2)"),
        ("marts.fact_transactions", "transaction_timestamp", "timestamp", "TIMESTAMP"),
        ("marts.dim_employees", "hire_date", "date", "DATE"),
        ("marts.dim_employees", "is_terminated", "boolean", "BOOLEAN"),
        ("marts.dim_employees", "tenure_days", "integer", "BIGINT"),
        ("marts.program_utilization", "utilization_rate", "number", "DOUBLE"),
        ("raw.rejected_rows", "raw_record", "string", "BLOB"),
    ],
)
def test_types_are_told_in_both_vocabularies(
    catalog: Catalog, relation: str, column: str, logical: str, physical: str
) -> None:
    found = properties(catalog, relation)[column]
    assert (found["logicalType"], found["physicalType"]) == (logical, physical)


def test_a_list_says_what_it_is_a_list_of(catalog: Catalog) -> None:
    found = properties(catalog, "marts.fact_transactions")["dq_flags"]
    assert found["logicalType"] == "array"
    assert found["items"] == {"logicalType": "string", "physicalType": "VARCHAR"}


def test_personal_data_is_classified_with_its_treatment_and_reason(catalog: Catalog) -> None:
    found = properties(catalog, "marts.dim_employees")["first_name"]
    assert found["classification"] == "identifier"
    assert {it["property"]: it["value"] for it in found["customProperties"]} == {
        "piiKind": "FIRST_NAME",
        "piiTreatment": "plaintext",
        "piiReason": "benefits staff look people up by name",
    }


def test_what_fails_a_run_is_required_or_unique(catalog: Catalog) -> None:
    found = properties(catalog, "marts.dim_employees")
    assert found["employee_id"]["required"] is True
    assert found["employee_id"]["unique"] is True
    assert "required" not in found["hire_date"]
    assert "unique" not in found["status"]


def test_every_other_promise_is_told_in_words(catalog: Catalog) -> None:
    told = [
        rule["description"].partition(":")[0]
        for relation, table in catalog.tables.items()
        if table.layer == "marts"
        for rule in rules(catalog, relation)
    ]
    promised = [
        test.kind
        for table in catalog.tables.values()
        if table.layer == "marts"
        for column, test in table.promises
        if test.kind not in ("not_null", "unique") or column is None or test.severity != "fail"
    ]
    assert promised
    assert sorted(told) == sorted(promised)


def rules(catalog: Catalog, relation: str) -> list[dict[str, Any]]:
    table: Any
    (table,) = contract(catalog.tables[relation], "w.duckdb")["schema"]  # type: ignore[misc]
    of_columns = [rule for column in table["properties"] for rule in column.get("quality", [])]
    return [*of_columns, *table.get("quality", [])]


def test_a_column_of_another_domain_says_so(catalog: Catalog) -> None:
    found = properties(catalog, "marts.fact_transactions")["employee_id"]
    assert {"property": "domain", "value": "people"} in found["customProperties"]


def test_the_same_catalog_gives_the_same_bytes(catalog: Catalog, tmp_path: Path) -> None:
    first, second = (
        [file.read_bytes() for file in write_contracts(catalog, "w.duckdb", tmp_path / name)]
        for name in ("a", "b")
    )
    assert first == second
    assert all(yaml.safe_load(content) for content in first)


def test_contracts_are_files_like_any_other_and_leave_others_alone(
    catalog: Catalog, tmp_path: Path
) -> None:
    (tmp_path / "notes.txt").write_text("mine")
    written = write_contracts(catalog, "w.duckdb", tmp_path)
    (tmp_path / "plain").write_text("")
    mode = stat.S_IMODE((tmp_path / "plain").stat().st_mode)
    assert {stat.S_IMODE(file.stat().st_mode) for file in written} == {mode}
    assert (tmp_path / "notes.txt").read_text() == "mine"
