"""A source says that a column is made of two of its files; what cannot be is refused."""

from pathlib import Path

import pytest
from projects import catalog_without_sql

from benepass_tasks.catalog.datasets import DeclaredSource
from benepass_tasks.catalog.forms import ColumnForm, WrittenAs
from benepass_tasks.config.errors import CatalogError


def declared(folder: Path, amount: str, more: str = "") -> DeclaredSource:
    path = folder / "catalog.yaml"
    path.write_text(
        f"""\
claims:
  type: pandas.CSVDataset
  filepath: data/claims.csv
  load_args: {{dtype: str, na_values: [none]}}
  metadata:
    description: Claims
    domain: benefits
    columns:
      id: {{description: Id}}
      paid_out: {{description: Paid out, aliases: [Soll]}}
      paid_in: {{description: Paid in, aliases: [Haben]{more}}}
      amount: {{description: Amount{amount}}}
""",
        encoding="utf-8",
    )
    return catalog_without_sql(path).sources["claims"]


def test_the_two_are_columns_of_the_files_and_the_one_is_not(tmp_path: Path) -> None:
    made_of = "made_of: {credit: paid_in, debit: paid_out}"
    source = declared(tmp_path, f", holds: amount, written_as: {{decimal: ','}}, {made_of}")
    assert [*source.columns] == ["id", "paid_out", "paid_in"]
    assert [*source.made] == ["amount"]
    assert [*source.read_columns] == ["id", "paid_out", "paid_in", "amount"]
    form = ColumnForm("amount", (WrittenAs(decimal=","),), na_values=("none",))
    assert source.columns["paid_in"].form == source.made["amount"].form == form


@pytest.mark.parametrize(
    ("amount", "message"),
    [
        (", made_of: {debit: paid_out, credit: paid_in}", "must fit what the column holds"),
        (", holds: amount, made_of: {date: paid_out, time: paid_in}", "must fit what the column"),
        (", holds: amount, made_of: {debit: paid_out}", "must be {debit: COLUMN, credit: COLUMN}"),
        (", holds: amount, made_of: {charged: paid_out, credit: paid_in}", "{charged: COLUMN, ref"),
        (", holds: amount, made_of: [paid_out, paid_in]", "must be {debit: COLUMN, credit"),
        (", holds: amount, made_of: {debit: paid_out, credit: paidin}", "did you mean 'paid_in'?"),
        (", holds: amount, made_of: {debit: id, credit: id}", "must name two columns"),
        (
            ", holds: amount, made_of: {debit: paid_out, credit: amount}",
            "is not a column of the",
        ),
    ],
)
def test_what_cannot_be_is_refused_with_its_line(amount: str, message: str, tmp_path: Path) -> None:
    with pytest.raises(CatalogError) as caught:
        declared(tmp_path, amount)
    assert message in str(caught.value)
    assert str(caught.value).startswith("catalog.yaml:")
