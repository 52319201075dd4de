"""How the rows of a table fall into months is declared in the catalog."""

from pathlib import Path

import pytest
from projects import catalog_without_sql

from benepass_tasks.catalog import Months
from benepass_tasks.config.errors import CatalogError

MONTHS = "{column: day, money: spent}"
GOOD = f"""\
marts.spend:
  type: ibis.TableDataset
  table_name: spend
  database: marts
  connection: {{backend: duckdb, database: data/warehouse.duckdb, read_only: true}}
  metadata:
    description: Spend
    domain: benefits
    months: {MONTHS}
    columns:
      day: {{description: When, type: DATE, pii: {{class: none}}}}
      spent: {{description: Spent, type: "DECIMAL(18,2)", pii: {{class: none}}}}
      times: {{description: How often, type: BIGINT, pii: {{class: none}}}}
"""
WRONG = {
    "{money: spent}": "months.column: is required",
    "{column: days}": "months.column: no such column in the table",
    "{column: times}": "months.column: must name a column of type DATE, TIMESTAMP or",
    "{column: day, money: spend}": "months.money: no such column in the table",
    "{column: day, money: times}": "months.money: must name a column of type DECIMAL, not BIGINT",
}


def _months(text: str, folder: Path) -> Months | None:
    path = folder / "catalog.yaml"
    path.write_text(text, encoding="utf-8")
    return catalog_without_sql(path).tables["marts.spend"].months


def test_a_table_says_by_which_column_its_rows_fall_into_months(tmp_path: Path) -> None:
    assert _months(GOOD, tmp_path) == Months("day", "spent")
    assert _months(GOOD.replace(MONTHS, "{column: day}"), tmp_path) == Months("day")
    assert _months(GOOD.replace(f"    months: {MONTHS}\n", ""), tmp_path) is None


@pytest.mark.parametrize("declared", WRONG)
def test_what_makes_no_months_is_refused(tmp_path: Path, declared: str) -> None:
    with pytest.raises(CatalogError) as error:
        _months(GOOD.replace(MONTHS, declared), tmp_path)
    assert WRONG[declared] in str(error.value)
