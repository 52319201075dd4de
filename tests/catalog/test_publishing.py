"""What may be published, and what may be withheld, is checked with the rest of the catalog."""

from pathlib import Path

import pytest
from projects import catalog_without_sql

from benepass_tasks.catalog import Suppression
from benepass_tasks.config.errors import CatalogError

CONNECTION = "{backend: duckdb, database: data/warehouse.duckdb, read_only: true}"
GOOD = f"""\
marts.spend:
  type: ibis.TableDataset
  table_name: spend
  database: marts
  connection: {CONNECTION}
  metadata:
    description: Spend
    domain: benefits
    published: true
    suppression:
      employees: people
      groups: [month]
      columns: [spent]
    columns:
      month: {{description: When, type: DATE, pii: {{class: none}}}}
      people: {{description: How many, type: BIGINT, pii: {{class: none}}}}
      spent: {{description: Spent, type: "DECIMAL(18,2)", pii: {{class: none}}}}
      note: {{description: Text, type: VARCHAR, published: false, pii: {{class: none}}}}
"""
SUPPRESSION = "marts.spend.metadata.suppression"
COLUMNS = "marts.spend.metadata.columns"
DROPPED = "{class: identifier, kind: NAME, treatment: drop}"
ONE_COLUMN = GOOD[GOOD.index("    suppression:") : GOOD.index("      note:")]


def problems_of(text: str, folder: Path) -> list[str]:
    path = folder / "catalog.yaml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(CatalogError) as caught:
        catalog_without_sql(path)
    return str(caught.value).splitlines()


def test_a_table_says_what_is_published_and_what_is_withheld(tmp_path: Path) -> None:
    path = tmp_path / "catalog.yaml"
    path.write_text(GOOD, encoding="utf-8")
    table = catalog_without_sql(path).tables["marts.spend"]
    assert table.published
    assert table.suppression == Suppression(("spent",), employees="people", groups=("month",))
    assert [it.name for it in table.columns.values() if it.published] == [
        "month",
        "people",
        "spent",
    ]


def test_nothing_is_published_unless_the_catalog_says_so(tmp_path: Path) -> None:
    start, end = GOOD.index("    published"), GOOD.index("    columns:\n      month")
    path = tmp_path / "catalog.yaml"
    path.write_text(GOOD[:start] + GOOD[end:], encoding="utf-8")
    table = catalog_without_sql(path).tables["marts.spend"]
    assert not table.published
    assert table.suppression is None


@pytest.mark.parametrize("layer", ["staging", "intermediate"])
def test_the_layers_before_are_never_published(layer: str, tmp_path: Path) -> None:
    text = GOOD.replace("marts.spend", f"{layer}.spend").replace(": marts", f": {layer}")
    assert problems_of(text, tmp_path) == [
        (
            f"catalog.yaml:9 {layer}.spend.metadata.published: must not be true: only tables of "
            "quality and marts are published; the layers before hold records as they came in"
        )
    ]


def test_raw_records_are_never_published(tmp_path: Path) -> None:
    text = GOOD.replace("marts.spend", "raw.rejected_rows").replace(": spend", ": rejected_rows")
    [problem] = problems_of(text.replace(": marts", ": raw"), tmp_path)
    assert problem.startswith("catalog.yaml:9 raw.rejected_rows.metadata.published: must not be")


CASES = {
    "published is a word": (
        "    published: true",
        "    published: 'yes'",
        ("9 marts.spend.metadata.published: must be true or false, not 'yes'"),
    ),
    "a published column is a word": (
        "published: false",
        "published: 0",
        f"18 {COLUMNS}.note.published: must be true or false, not 0",
    ),
    "withheld of what is not published": (
        "    published: true",
        "    published: false",
        f"10 {SUPPRESSION}: must be left out: the table is not published",
    ),
    "an identifier that is dropped elsewhere": (
        "published: false, pii: {class: none}",
        f"pii: {DROPPED}",
        f"18 {COLUMNS}.note.published: must be false: an identifier to be dropped is not published",
    ),
    "a type that Parquet does not have": (
        '"DECIMAL(18,2)"',
        "HUGEINT",
        (
            f"17 {COLUMNS}.spent.type: must not be HUGEINT in a published column: "
            "Parquet has no such type; use DECIMAL(38,0)"
        ),
    ),
    "no column is left": (
        ONE_COLUMN,
        "    columns:\n",
        f"10 {COLUMNS}: must have a column that is published, where the table is",
    ),
    "employees missing": (
        "      employees: people\n",
        "",
        (
            f"10 {SUPPRESSION}.employees: "
            "is required, or follows, which names the table that has the groups"
        ),
    ),
    "employees unknown": (
        "employees: people",
        "employees: peoples",
        (
            f"11 {SUPPRESSION}.employees: "
            "no published column is called peoples (did you mean 'people'?)"
        ),
    ),
    "employees no count": (
        "employees: people",
        "employees: month",
        (
            f"11 {SUPPRESSION}.employees: "
            "must name a column that counts, BIGINT or INTEGER, not DATE"
        ),
    ),
    "columns missing": (
        "      columns: [spent]\n",
        "",
        f"10 {SUPPRESSION}.columns: is required",
    ),
    "columns a word": (
        "columns: [spent]",
        "columns: spent",
        f"13 {SUPPRESSION}.columns: must be a list of names, not 'spent'",
    ),
    "columns empty": (
        "columns: [spent]",
        "columns: []",
        f"13 {SUPPRESSION}.columns: must be a list of one or more names",
    ),
    "columns no names": (
        "columns: [spent]",
        "columns: [spent, 1]",
        f"13 {SUPPRESSION}.columns: must be a list of one or more names",
    ),
    "columns twice": (
        "columns: [spent]",
        "columns: [spent, spent]",
        f"13 {SUPPRESSION}.columns: must have each name once",
    ),
    "columns not published": (
        "columns: [spent]",
        "columns: [spent, note]",
        (
            f"13 {SUPPRESSION}.columns: "
            "no published column is called note (there are month, people, spent)"
        ),
    ),
    "columns with the count": (
        "columns: [spent]",
        "columns: [spent, people]",
        f"13 {SUPPRESSION}.columns: must not repeat people, which is withheld in any case",
    ),
    "groups missing": (
        "      groups: [month]\n",
        "",
        (
            f"10 {SUPPRESSION}.groups: "
            "is required, or follows, which names the table that has the groups"
        ),
    ),
    "groups withheld": (
        "columns: [spent]",
        "columns: [month]",
        f"13 {SUPPRESSION}.columns: must not have month, which names the group",
    ),
    "sums where there are groups": (
        "      columns: [spent]\n",
        "      columns: [spent]\n      sums: [spent]\n",
        (
            f"14 {SUPPRESSION}.sums: "
            "must be left out: only a table that follows another has rows to be summed"
        ),
    ),
    "unknown key": (
        "      columns: [spent]\n",
        "      columns: [spent]\n      colums: [spent]\n",
        f"14 {SUPPRESSION}.colums: unknown key (did you mean 'columns'?)",
    ),
}


@pytest.mark.parametrize(("old", "new", "expected"), CASES.values(), ids=CASES.keys())
def test_each_rule_refuses_what_breaks_it(
    old: str, new: str, expected: str, tmp_path: Path
) -> None:
    assert GOOD.count(old) == 1
    found = problems_of(GOOD.replace(old, new), tmp_path)
    assert found == [f"catalog.yaml:{line}" for line in expected.splitlines()]


def test_a_source_is_not_published_and_neither_is_a_column_of_it(tmp_path: Path) -> None:
    text = """\
claims:
  type: pandas.CSVDataset
  filepath: data/claims.csv
  metadata:
    description: Claims
    domain: benefits
    published: true
    suppression: {employees: a, columns: [b]}
    columns:
      amount: {description: Claimed, type: VARCHAR, published: true, pii: {class: none}}
"""
    assert problems_of(text, tmp_path) == [
        "catalog.yaml:7 claims.metadata.published: only a table can be published; remove it",
        (
            "catalog.yaml:8 claims.metadata.suppression: "
            "only a published table has suppression; remove it"
        ),
        (
            "catalog.yaml:10 claims.metadata.columns.amount.published: "
            "only a table's column can be published or not; remove it"
        ),
    ]


FOLLOWER = f"""\
marts.claims:
  type: ibis.TableDataset
  table_name: claims
  database: marts
  connection: {CONNECTION}
  metadata:
    description: Claims
    domain: benefits
    published: true
    suppression: {{follows: marts.spend, columns: [month, who], sums: [claimed]}}
    columns:
      month: {{description: When, type: DATE, pii: {{class: none}}}}
      who: {{description: Whose, type: VARCHAR, pii: {{class: none}}}}
      claimed: {{description: Claimed, type: "DECIMAL(18,2)", pii: {{class: none}}}}
"""
OF_THE_FOLLOWER = "marts.claims.metadata.suppression"


def test_a_table_with_rows_of_the_groups_of_another_follows_it(tmp_path: Path) -> None:
    path = tmp_path / "catalog.yaml"
    path.write_text(GOOD + FOLLOWER, encoding="utf-8")
    assert catalog_without_sql(path).tables["marts.claims"].suppression == Suppression(
        ("month", "who"), follows="marts.spend", sums=("claimed",)
    )


FOLLOWERS = {
    "withholds nothing": (
        "    suppression: {follows: marts.spend, columns: [month, who], sums: [claimed]}\n",
        "",
        (
            "24 {path}: must say which columns are withheld with marts.spend: the table has its "
            "column month; add suppression: {{follows: marts.spend, columns: [...]}}"
        ),
    ),
    "follows what is not there": (
        "follows: marts.spend",
        "follows: marts.spent",
        (
            "28 {path}: must say which columns are withheld with marts.spend: the table has its "
            "column month; add suppression: {{follows: marts.spend, columns: [...]}}\n"
            "28 {path}.follows: must name a published table whose suppression has groups "
            "(did you mean 'marts.spend'?)"
        ),
    ),
    "has no such groups": (
        "      month: {description: When, type: DATE, pii: {class: none}}\n      who",
        "      when: {description: When, type: DATE, pii: {class: none}}\n      who",
        (
            "28 {path}.columns: "
            "no published column is called month (there are when, who, claimed)\n"
            "28 {path}.follows: must name a table whose groups this one has; missing: month"
        ),
    ),
    "counts employees itself": (
        "columns: [month, who]",
        "columns: [month, who], employees: claimed",
        "28 {path}.employees: must be left out: the table that is followed has it",
    ),
    "sums a column that is withheld": (
        "sums: [claimed]",
        "sums: [who]",
        "28 {path}.sums: must not repeat who of columns",
    ),
}


@pytest.mark.parametrize(("old", "new", "expected"), FOLLOWERS.values(), ids=FOLLOWERS.keys())
def test_each_rule_for_who_follows_refuses_what_breaks_it(
    old: str, new: str, expected: str, tmp_path: Path
) -> None:
    assert FOLLOWER.count(old) == 1
    found = problems_of(GOOD + FOLLOWER.replace(old, new), tmp_path)
    lines = expected.format(path=OF_THE_FOLLOWER).splitlines()
    assert sorted(found) == sorted(f"catalog.yaml:{line}" for line in lines)
