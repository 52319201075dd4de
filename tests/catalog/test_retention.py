"""A source says how long its records are kept, and by which of its columns."""

from pathlib import Path

import pytest
from projects import catalog_without_sql

from benepass_tasks.catalog.datasets import Retention
from benepass_tasks.config.errors import CatalogError
from benepass_tasks.config.spans import Period

PEOPLE = "{class: pseudonym, kind: EMPLOYEE_ID}"
CLAIMS = "{class: pseudonym, kind: CLAIM_ID}"


def declared(text: str, folder: Path, first_id: str = CLAIMS) -> Retention | None:
    path = folder / "catalog.yaml"
    path.write_text(f"""\
_purposes: {{marts: to see what is claimed}}
claims:
  type: pandas.CSVDataset
  filepath: data/claims.csv
  metadata:
    description: Claims
    domain: benefits
    purpose: to pay claims
    retention: {text}
    columns:
      id: {{description: Which, pii: {first_id}}}
      paid_at: {{description: When, holds: instant}}
      day_text: {{description: When}}
""")
    return catalog_without_sql(path).sources["claims"].retention


def test_it_is_declared_with_the_source(tmp_path: Path) -> None:
    found = declared("{keep: 25 months, by: paid_at, then: delete}", tmp_path)
    assert found == Retention(Period(25, "month"), "paid_at", "delete")
    assert str(found) == "25 months by paid_at, then delete"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{keep: 25m, by: paid_at, then: delete}", "must be a time such as 90 days, 25 months"),
        ("{keep: 1 year, by: paid_on, then: delete}", "not paid_on (did you mean 'paid_at'?)"),
        ("{keep: 1 year, by: day_text, then: delete}", "must name a column that holds a date"),
        ("{keep: 1 year, by: paid_at, then: anonymize}", "(did you mean 'anonymise'?)"),
        ("{keep: 1 year, by: paid_at, than: delete}", "(did you mean 'then'?)"),
        ("{keep: 1 year, then: delete}", "by: is required"),
        (
            "{keep: 1 year, by: paid_at, then: anonymise}",
            "where each record is about a person, by a first id of kind EMPLOYEE_ID, or where",
        ),
    ],
)
def test_what_is_wrong_is_told_with_what_is_right(text: str, message: str, tmp_path: Path) -> None:
    with pytest.raises(CatalogError) as raised:
        declared(text, tmp_path)
    assert message in str(raised.value)


def test_people_can_be_anonymised(tmp_path: Path) -> None:
    found = declared("{keep: 1 year, by: paid_at, then: anonymise}", tmp_path, PEOPLE)
    assert found is not None
    assert found.then == "anonymise"
