"""A source says what identifies a record, which is the later one, and which are spend."""

from pathlib import Path

import pytest
from projects import catalog_without_sql

from benepass_tasks.catalog.datasets import MonthOf, Records
from benepass_tasks.catalog.records import record_columns
from benepass_tasks.config.errors import CatalogError

TABLES = "".join(
    f"""
{layer}.{name}:
  type: ibis.TableDataset
  connection: {{backend: duckdb, database: data/warehouse.duckdb, read_only: true}}
  table_name: {name}
  database: {layer}
  metadata:
    description: Claims
    domain: benefits
    columns:
      id: {{description: Which, type: VARCHAR, pii: {{class: none}}}}
"""
    for layer, name in (
        ("staging", "stg_claims"),
        ("marts", "claims"),
        ("quality", "kept_out"),
        ("quality", "uncounted"),
    )
)
COUNTED = (
    "reconciliation: {staging: staging.stg_claims, accepted: marts.claims, "
    "quarantine: quality.kept_out, uncounted: quality.uncounted}"
)


def written(declared: str, folder: Path) -> Path:
    path = folder / "catalog.yaml"
    path.write_text(f"""\
claims:
  type: pandas.CSVDataset
  filepath: data/claims.csv
  metadata:
    description: Claims
    domain: benefits
{"".join(f"    {line}" + chr(10) for line in declared.splitlines())}\
    columns:
      claim_id: {{description: Which, pii: {{class: pseudonym, kind: CLAIM_ID}}}}
      status: {{description: State}}
      kind: {{description: Kind}}
      paid_at: {{description: When}}
{TABLES}""")
    return path


def declared(text: str, folder: Path) -> Records:
    return catalog_without_sql(written(text, folder)).sources["claims"].records


def test_without_a_word_records_conflict_and_all_of_them_count(tmp_path: Path) -> None:
    assert declared("", tmp_path) == Records()


def test_the_words_stand_beside_the_columns(tmp_path: Path) -> None:
    text = f"""\
key: [claim_id, _source_file, {{month_of: paid_at}}]
resends: supersede
ordered_by: paid_at
counts_when: {{status: [Posted, settled], kind: [capture, refund, null]}}
refunds: net
{COUNTED}"""
    assert declared(text, tmp_path) == Records(
        key=("claim_id", "_source_file", MonthOf("paid_at")),
        resends="supersede",
        ordered_by="paid_at",
        counts_when={"status": ("posted", "settled"), "kind": ("capture", "refund", "")},
        refunds="net",
        refund_when={"kind": ("refund",)},
    )


def test_records_are_in_the_order_of_their_files_by_name_unless_a_column_says_more(
    tmp_path: Path,
) -> None:
    assert declared("ordered_by: _source_file", tmp_path).ordered_by is None


def test_refunds_that_have_other_names_are_named(tmp_path: Path) -> None:
    records = declared("refunds: {kind: [Gutschrift]}", tmp_path)
    assert (records.refunds, records.refund_when) == ("net", {"kind": ("gutschrift",)})


def test_a_key_is_as_personal_as_its_columns(tmp_path: Path) -> None:
    catalog = catalog_without_sql(written("key: [claim_id, _source_file]", tmp_path))
    found = {it.name: it.pii for it in record_columns(catalog.sources["claims"])}
    assert found["_record_key"] == catalog.sources["claims"].columns["claim_id"].pii
    assert not found["_not_counted"].is_personal  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("text", "place", "message"),
    [
        ("key: claim_id", ".key", "must be a list of columns such as [transaction_id]"),
        ("key: []", ".key", "must be a list of columns"),
        ("key: [claim_id, claim_id]", ".key", "must have each part once"),
        ("key: [_source_file, claim_id]", ".key", "must begin with the column of the id"),
        ("key: [claim_id, {year_of: paid_at}]", ".key", "{month_of: column}, not a mapping"),
        (
            "key: [claim]",
            ".key",
            "claim is not a column of the source (did you mean 'claim_id'?); declare it under",
        ),
        ("key: [claim_id, {month_of: paid}]", ".key", "paid is not a column of the source"),
        ("resends: supercede", ".resends", "did you mean 'supersede'?"),
        ("resends: supersede", ".resends", "needs a key"),
        ("census_part: '_(..)_'", ".census_part", "needs census: active_only"),
        ("census_part: '_.._'", ".census_part", "must have one group, which is the part"),
        ("census_part: '_(..'", ".census_part", "is not a regular expression"),
        ("ordered_by: paid", ".ordered_by", "did you mean 'paid_at'?"),
        ("counts_when: [posted]", ".counts_when", "must be a mapping of columns to values"),
        ("counts_when: {status: posted}", ".counts_when", "status must have a list of values"),
        ("counts_when: {status: [yes]}", ".counts_when", "values that are text"),
        ("counts_when: {status: [a, A]}", ".counts_when", "each value once"),
        ("counts_when: {state: [a]}", ".counts_when", "did you mean 'status'?"),
        ("counts_when: {status: [a]}", ".counts_when", "needs reconciliation.uncounted"),
        ("refunds: ignore", ".refunds", "must be quarantine, net, or the values"),
        (
            f"counts_when: {{kind: [sale]}}\nrefunds: {{kind: [refund]}}\n{COUNTED}",
            ".refunds",
            "refund must be in counts_when.kind, too",
        ),
    ],
)
def test_what_is_wrong_is_said_where_it_stands(
    text: str, place: str, message: str, tmp_path: Path
) -> None:
    with pytest.raises(CatalogError) as caught:
        catalog_without_sql(written(text, tmp_path))
    assert f"claims.metadata{place}" in str(caught.value)
    assert message in str(caught.value)
