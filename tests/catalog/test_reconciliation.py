"""What the records of a source become is declared in the catalog and checked with it."""

from pathlib import Path

import pytest
from projects import catalog_without_sql

from benepass_tasks.catalog.datasets import Reconciliation
from benepass_tasks.config.errors import CatalogError

CONNECTION = "{backend: duckdb, database: data/warehouse.duckdb, read_only: true}"


def table(name: str) -> str:
    layer, _, plain = name.partition(".")
    return f"""
{name}:
  type: ibis.TableDataset
  connection: {CONNECTION}
  table_name: {plain}
  database: {layer}
  metadata:
    description: Claims
    domain: benefits
    columns:
      id: {{description: Which, type: VARCHAR, pii: {{class: none}}}}
      paid: {{description: What, type: 'DECIMAL(18,2)', pii: {{class: none}}}}
      rate: {{description: Part, type: DOUBLE, pii: {{class: none}}}}
      _source_file: {{description: File, type: VARCHAR, pii: {{class: none}}}}
      _row_number: {{description: Row, type: BIGINT, pii: {{class: none}}}}
      _dlt_load_id: {{description: Load, type: VARCHAR, pii: {{class: none}}}}
"""


TABLES = "".join(map(table, ("staging.stg_claims", "quality.kept_out", "marts.claims")))


def written(reconciliation: str, folder: Path) -> Path:
    path = folder / "catalog.yaml"
    path.write_text(f"""\
claims:
  type: pandas.CSVDataset
  filepath: data/claims.csv
  metadata:
    description: Claims
    domain: benefits
    reconciliation: {reconciliation}
    columns:
      id: {{description: Which, type: VARCHAR, pii: {{class: none}}}}
{TABLES}""")
    return path


def test_a_source_says_what_its_records_become(tmp_path: Path) -> None:
    path = written(
        "{staging: staging.stg_claims, accepted: marts.claims, quarantine: quality.kept_out, "
        "amount: paid, accepted_count: paid}",
        tmp_path,
    )
    assert catalog_without_sql(path).sources["claims"].reconciliation == Reconciliation(
        staging="staging.stg_claims",
        accepted="marts.claims",
        quarantine="quality.kept_out",
        amount="paid",
        accepted_count="paid",
    )


JUDGED = "staging: staging.stg_claims, accepted: marts.claims, quarantine: quality.kept_out"


@pytest.mark.parametrize(
    ("declared", "place", "message"),
    [
        ("{accepted: marts.claims, quarantine: quality.kept_out}", ".staging", "is required"),
        (
            "{staging: staging.stg_claim}",
            ".staging",
            "no such table in the catalog (did you mean 'staging.stg_claims'?)",
        ),
        (
            "{staging: staging.stg_claims, accepted: marts.claims}",
            "",
            "must have both accepted and quarantine, or neither",
        ),
        (
            "{staging: staging.stg_claims, amount: paid}",
            ".amount",
            "is for what is accepted; name that table as well",
        ),
        (
            f"{{{JUDGED}, amount: payed}}",
            ".amount",
            "staging.stg_claims has no column payed (did you mean 'paid'?)",
        ),
        (
            f"{{{JUDGED}, accepted_count: rate}}",
            ".accepted_count",
            "must be a column that adds up exactly; marts.claims.rate is DOUBLE",
        ),
        (f"{{{JUDGED}, money: paid}}", ".money", "unknown key"),
    ],
)
def test_each_rule_refuses_what_breaks_it(
    tmp_path: Path, declared: str, place: str, message: str
) -> None:
    with pytest.raises(CatalogError) as caught:
        catalog_without_sql(written(declared, tmp_path))
    assert f" claims.metadata.reconciliation{place}: {message}" in str(caught.value)
