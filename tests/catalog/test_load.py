"""A good catalog becomes plain data."""

import subprocess
import sys
from dataclasses import FrozenInstanceError
from pathlib import Path

import pytest
from projects import catalog_without_sql

from benepass_tasks.catalog import Catalog, Column, Pii

GOOD = """\
_warehouse: &warehouse
  backend: duckdb
  database: data/warehouse.duckdb
  read_only: true
_pii:
  none: &no_pii {class: none}
  email: &email
    class: identifier
    kind: EMAIL_ADDRESS
    treatment: mask
_ingested: &ingested
  _source_file: {description: The file, type: VARCHAR, domain: quality, pii: *no_pii}
  _row_number: {description: The row, type: BIGINT, domain: quality, pii: *no_pii}
_load: &load
  _dlt_load_id: {description: The load, type: VARCHAR, domain: quality, pii: *no_pii}
  member_id: {description: Overridden below, type: VARCHAR, pii: *no_pii}

members:
  type: pandas.CSVDataset
  filepath: data/members*.csv
  load_args: {dtype: str, keep_default_na: false}
  metadata:
    description: >
      Everyone who has
      a benefit.
    domain: people
    kedro-viz: {layer: source}
    columns:
      member_id:
        description: Who
        type: BIGINT
        pii: {class: pseudonym, kind: MEMBER_ID, treatment: hash}
      email:
        description: How to reach them
        type: VARCHAR
        pii: *email
        required: false
        aliases: [mail, E-Mail address]
      diagnosis:
        description: What they have
        type: VARCHAR[]
        domain: benefits
        pii: {class: none, sensitive: true, kind: DIAGNOSIS}

raw.members:
  type: ibis.TableDataset
  table_name: members
  database: raw
  connection: *warehouse
  metadata:
    description: Members as they came
    domain: people
    source: members
    columns:
      <<: [*ingested, *load]
      member_id:
        <<: {description: Merged, type: VARCHAR}
        description: Who
        pii: {class: pseudonym, kind: MEMBER_ID}
      email: {description: Email, type: VARCHAR, pii: {<<: *email, treatment: clear, reason: Raw}}
      diagnosis: {description: What, type: VARCHAR, pii: *no_pii}

raw.rejected_rows:
  type: ibis.TableDataset
  table_name: rejected_rows
  database: raw
  connection: *warehouse
  metadata:
    description: What could not be read
    columns:
      line: {description: The line, type: VARCHAR, domain: quality, pii: *no_pii}

intermediate.member_spend:
  type: ibis.TableDataset
  table_name: member_spend
  database: intermediate
  connection: *warehouse
  metadata:
    description: What members spent
    domain: benefits
    materialized: view
    grain: one member
    columns:
      at: {description: When, type: TIMESTAMP WITH TIME ZONE, pii: *no_pii}
      amount: {description: How much, type: "DECIMAL(18,2)", pii: *no_pii}
"""


@pytest.fixture
def catalog(tmp_path: Path) -> Catalog:
    path = tmp_path / "catalog.yaml"
    path.write_text(GOOD, encoding="utf-8")
    return catalog_without_sql(path)


def test_knows_its_file_and_keeps_the_order_of_the_file(catalog: Catalog, tmp_path: Path) -> None:
    assert catalog.path == tmp_path / "catalog.yaml"
    assert list(catalog.sources) == ["members"]
    assert list(catalog.tables) == [
        "raw.members",
        "raw.rejected_rows",
        "intermediate.member_spend",
    ]
    assert list(catalog.sources["members"].columns) == ["member_id", "email", "diagnosis"]


def test_a_source_says_where_its_files_are_and_what_they_hold(catalog: Catalog) -> None:
    source = catalog.sources["members"]
    assert source.name == "members"
    assert source.filepath == "data/members*.csv"
    assert source.description == "Everyone who has a benefit."
    assert source.domain == "people"


def test_a_column_takes_its_datasets_domain_unless_it_has_its_own(catalog: Catalog) -> None:
    columns = catalog.sources["members"].columns
    assert columns["email"] == Column(
        name="email",
        description="How to reach them",
        type="VARCHAR",
        domain="people",
        pii=Pii("identifier", kind="EMAIL_ADDRESS", treatment="mask"),
        required=False,
        aliases=("mail", "E-Mail address"),
    )
    assert columns["diagnosis"].domain == "benefits"
    assert columns["diagnosis"].required
    assert columns["diagnosis"].pii == Pii("none", sensitive=True, kind="DIAGNOSIS")


def test_a_table_says_how_it_is_made(catalog: Catalog) -> None:
    table = catalog.tables["intermediate.member_spend"]
    assert (table.layer, table.name) == ("intermediate", "member_spend")
    assert table.relation == "intermediate.member_spend"
    assert (table.materialized, table.grain, table.source) == ("view", "one member", None)
    assert [column.type for column in table.columns.values()] == [
        "TIMESTAMP WITH TIME ZONE",
        "DECIMAL(18,2)",
    ]


def test_a_table_is_stored_unless_it_says_otherwise(catalog: Catalog) -> None:
    table = catalog.tables["raw.rejected_rows"]
    assert (table.materialized, table.grain, table.domain) == ("table", None, None)


def test_merge_keys_give_way_to_a_mappings_own_keys(catalog: Catalog) -> None:
    columns = catalog.tables["raw.members"].columns
    assert list(columns) == [
        "_source_file",
        "_row_number",
        "_dlt_load_id",
        "member_id",
        "email",
        "diagnosis",
    ]
    assert columns["member_id"].description == "Who"
    assert columns["member_id"].type == "VARCHAR"
    assert columns["email"].pii == Pii(
        "identifier", kind="EMAIL_ADDRESS", treatment="plaintext", reason="Raw"
    )


def test_a_source_leads_to_its_raw_table(catalog: Catalog) -> None:
    assert catalog.raw_table_of("members") is catalog.tables["raw.members"]
    with pytest.raises(KeyError, match="member_spend"):
        catalog.raw_table_of("member_spend")


def test_nothing_of_a_catalog_can_be_changed(catalog: Catalog) -> None:
    with pytest.raises(FrozenInstanceError):
        catalog.sources = {}  # type: ignore[misc]
    for mapping in (catalog.sources, catalog.tables, catalog.sources["members"].columns):
        with pytest.raises(TypeError, match="does not support item assignment"):
            mapping["new"] = None  # type: ignore[index]


def test_a_byte_order_mark_is_not_part_of_the_text(tmp_path: Path) -> None:
    path = tmp_path / "catalog.yaml"
    path.write_text(GOOD, encoding="utf-8-sig")
    assert list(catalog_without_sql(path).sources) == ["members"]


def test_the_dataclasses_alone_do_not_import_marshmallow() -> None:
    code = "import sys, benepass_tasks.catalog; sys.exit('marshmallow' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
