"""What is watched of a dataset is declared in the catalog, and checked with the rest of it."""

from datetime import timedelta
from pathlib import Path

import pytest
from projects import catalog_without_sql

from benepass_tasks.catalog import Catalog, Freshness, Volume
from benepass_tasks.config.errors import CatalogError

CONNECTION = "{backend: duckdb, database: data/warehouse.duckdb, read_only: true}"
TABLE = f"""\
  type: ibis.TableDataset
  connection: {CONNECTION}
"""
GOOD = f"""\
claims:
  type: pandas.CSVDataset
  filepath: data/claims.csv
  metadata:
    description: Claims
    domain: benefits
    freshness: {{load: true, warn_after: 36h, fail_after: 7d}}
    volume: {{min: 1, max: 500}}
    columns:
      id: {{description: Which, type: VARCHAR, pii: {{class: none}}}}

raw.claims:
{TABLE}\
  table_name: claims
  database: raw
  metadata:
    description: Claims as written
    domain: benefits
    source: claims
    columns: &columns
      id: {{description: Which, type: VARCHAR, pii: {{class: none}}}}
      _source_file: {{description: File, type: VARCHAR, pii: {{class: none}}}}
      _row_number: {{description: Row, type: BIGINT, pii: {{class: none}}}}
      _dlt_load_id: {{description: Load, type: VARCHAR, pii: {{class: none}}}}

marts.spend:
{TABLE}\
  table_name: spend
  database: marts
  metadata:
    description: Spend
    domain: benefits
    freshness: {{column: day, fail_after: 90m}}
    volume: {{min: 2}}
    columns:
      day: {{description: When, type: DATE, pii: {{class: none}}}}
      spent: {{description: Spent, type: BIGINT, pii: {{class: none}}}}
"""
FRESH = "{load: true, warn_after: 36h, fail_after: 7d}"
ON_SOURCE = "claims.metadata.freshness"
ON_TABLE = "marts.spend.metadata.freshness"
NOT_A_SPAN = "must be a time span such as 90m, 36h or 7d, not"


def loaded(text: str, folder: Path) -> Catalog:
    path = folder / "catalog.yaml"
    path.write_text(text, encoding="utf-8")
    return catalog_without_sql(path)


def test_a_source_and_a_table_say_how_fresh_and_how_large_they_are(tmp_path: Path) -> None:
    catalog = loaded(GOOD, tmp_path)
    claims, spend = catalog.sources["claims"], catalog.tables["marts.spend"]
    assert claims.freshness == Freshness(None, timedelta(hours=36), timedelta(days=7))
    assert claims.volume == Volume(1, 500)
    assert spend.freshness == Freshness("day", None, timedelta(minutes=90))
    assert spend.volume == Volume(2, None)
    assert catalog.tables["raw.claims"].freshness is None
    assert catalog.tables["raw.claims"].volume is None


def test_a_raw_table_may_be_as_fresh_as_its_newest_load(tmp_path: Path) -> None:
    text = GOOD.replace("    source: claims\n", f"    source: claims\n    freshness: {FRESH}\n")
    assert loaded(text, tmp_path).tables["raw.claims"].freshness == Freshness(
        None, timedelta(hours=36), timedelta(days=7)
    )


CASES = {
    "nothing counts": (
        "load: true, warn_after",
        "warn_after",
        f"7 {ON_SOURCE}: must have either load: true or column: name",
    ),
    "two things count": (
        "column: day, fail_after",
        "column: day, load: true, fail_after",
        (f"35 {ON_TABLE}: must have either load: true or column: name"),
    ),
    "load is false": (
        "load: true",
        "load: false",
        f"7 {ON_SOURCE}.load: must be true, not false",
    ),
    "no age": (
        FRESH,
        "{load: true}",
        f"7 {ON_SOURCE}: must have warn_after, fail_after or both, such as 36h or 7d",
    ),
    "a number is no age": (
        "36h",
        "36",
        f"7 {ON_SOURCE}.warn_after: {NOT_A_SPAN} 36",
    ),
    "an age of another form": (
        "36h",
        "1 day",
        f"7 {ON_SOURCE}.warn_after: {NOT_A_SPAN} '1 day'",
    ),
    "an age of nothing": (
        "36h",
        "0h",
        f"7 {ON_SOURCE}.warn_after: {NOT_A_SPAN} '0h'",
    ),
    "fails before it warns": (
        "36h",
        "8d",
        f"7 {ON_SOURCE}.fail_after: must not be shorter than warn_after",
    ),
    "an unknown key": (
        "warn_after: 36h",
        "warn_afer: 36h",
        f"7 {ON_SOURCE}.warn_afer: unknown key (did you mean 'warn_after'?)",
    ),
    "no mapping": (
        FRESH,
        "36h",
        f"7 {ON_SOURCE}: must be a mapping, not '36h'",
    ),
    "a column of a source": (
        "load: true",
        "column: id",
        (
            f"7 {ON_SOURCE}.column: "
            "a source is as fresh as its newest load: load: true, or name a table's column"
        ),
    ),
    "the load of a model": (
        "column: day",
        "load: true",
        f"35 {ON_TABLE}.load: only a source and its raw table are loaded; name a column instead",
    ),
    "no such column": (
        "column: day",
        "column: dai",
        f"35 {ON_TABLE}.column: no such column in the table (did you mean 'day'?)",
    ),
    "a column that is nothing like one": (
        "column: day",
        "column: xyz",
        f"35 {ON_TABLE}.column: no such column in the table (columns: day, spent)",
    ),
    "a column that holds no time": (
        "column: day",
        "column: spent",
        (
            f"35 {ON_TABLE}.column: must name a column of type DATE, TIMESTAMP or "
            "TIMESTAMP WITH TIME ZONE, not BIGINT"
        ),
    ),
    "volume without a bound": (
        "{min: 2}",
        "{}",
        "36 marts.spend.metadata.volume: must have min, max or both",
    ),
    "volume that cannot be": (
        "min: 1, max: 500",
        "min: 501, max: 500",
        "8 claims.metadata.volume.max: must not be below min",
    ),
    "volume of half a row": (
        "{min: 2}",
        "{min: 0.5}",
        (
            "36 marts.spend.metadata.volume.min: "
            "must be a whole number from 0 on below 2^63, not 0.5"
        ),
    ),
}


@pytest.mark.parametrize(("old", "new", "expected"), CASES.values(), ids=CASES.keys())
def test_each_rule_refuses_what_breaks_it(
    old: str, new: str, expected: str, tmp_path: Path
) -> None:
    assert GOOD.count(old) == 1
    with pytest.raises(CatalogError) as caught:
        loaded(GOOD.replace(old, new), tmp_path)
    found = str(caught.value).splitlines()
    assert found == [f"catalog.yaml:{line}" for line in expected.splitlines()]


def test_the_rows_of_a_view_are_not_counted(tmp_path: Path) -> None:
    text = GOOD.replace("marts.spend", "staging.spend").replace(
        "database: marts", "database: staging"
    )
    text = text.replace(
        "    description: Spend\n", "    description: Spend\n    materialized: view\n"
    )
    with pytest.raises(CatalogError) as caught:
        loaded(text, tmp_path)
    assert str(caught.value) == (
        "catalog.yaml:37 staging.spend.metadata.volume: "
        "must be left out: the rows of a view are not counted"
    )
