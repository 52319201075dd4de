"""SQL that follows from the catalog decides nothing unsaid, whatever a source declares."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from projects import definitions_of

from benepass_tasks.sqlmodels.privacy import prove

ROOT = Path(__file__).parents[3]
PEOPLE = "    description: People who take part in the benefits programme.\n"
ID = "      employee_id: {description: Id of the employee., pii: *employee_id}\n      first_name"
EMAIL = (
    "      email: {description: Email address.,\n        pii: {class: identifier, "
    "kind: EMAIL_ADDRESS, treatment: plaintext, reason: *as_written}}\n"
)
DECLARED = {
    "as it is": [],
    "a census": [(PEOPLE, f"{PEOPLE}    census: active_only\n")],
    "a census of parts": [
        (PEOPLE, f"{PEOPLE}    census: active_only\n    census_part: '^employees_([A-Z]{{2}})_'\n")
    ],
    "a census by email": [
        (PEOPLE, f"{PEOPLE}    census: active_only\n"),
        (EMAIL, ""),
        (ID, EMAIL + ID),
    ],
    "an order of records": [(PEOPLE, f"{PEOPLE}    ordered_by: hire_date\n")],
    "words for nothing": [
        (
            "employees:\n  <<: *csv\n",
            "employees:\n  type: pandas.CSVDataset\n  load_args: {dtype: str, na_values: [n/a]}\n",
        )
    ],
}


@pytest.mark.parametrize("edits", DECLARED.values(), ids=DECLARED.keys())
def test_what_a_source_declares_raises_no_alarm(
    edits: list[tuple[str, str]], tmp_path: Path
) -> None:
    text = (ROOT / "catalog.yaml").read_text(encoding="utf-8")
    for old, new in edits:
        assert old in text
        text = text.replace(old, new, 1)
    shutil.copytree(ROOT / "sql", tmp_path / "sql")
    (tmp_path / "catalog.yaml").write_text(text, encoding="utf-8")
    read = definitions_of(tmp_path)
    assert [str(it) for it in prove(read.catalog, read.graph, read.lineage).findings] == []
    said = [it for it in read.catalog.tables.values() if it.derived_from]
    assert [it.relation for it in said] == ["base.employees"] * (edits[1:2] == [(EMAIL, "")])
