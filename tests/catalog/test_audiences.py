"""Whom something is for is checked with the rest of the catalog: nobody sees a name by mistake."""

from pathlib import Path

import pytest
import yaml
from projects import catalog_without_sql

from benepass_tasks.catalog.audiences import ANALYST, Access, Audience, PostgresPlace
from benepass_tasks.config.errors import CatalogError

CONNECTION = "{backend: duckdb, database: data/warehouse.duckdb, read_only: true}"
NAME = "{class: identifier, kind: FIRST_NAME, treatment: plaintext, reason: look-up}"
CATALOG = f"""\
marts.people:
  type: ibis.TableDataset
  table_name: people
  database: marts
  connection: {CONNECTION}
  metadata:
    description: People
    domain: people
    published: true
    columns:
      id: {{description: Id, type: VARCHAR, pii: {{class: pseudonym, kind: EMPLOYEE_ID}}}}
      name: {{description: Name, type: VARCHAR, pii: {NAME}}}
      born: {{description: Day, type: DATE, pii: {{class: quasi_identifier, kind: DATE}}}}
      team: {{description: Team, type: VARCHAR}}
"""
NAMES = {"treatment": {"FIRST_NAME": "plaintext"}, "reason": "they look people up"}
PLACE = {"credentials": "STAFF_DATABASE", "schema": "staff", "role": "staff_reader"}
LAKE = {"catalog": "lake", "namespace": "benefits"}


def read(tmp_path: Path, audiences: object) -> dict[str, Audience]:
    path = tmp_path / "catalog.yaml"
    path.write_text(f"{yaml.safe_dump({'_audiences': audiences})}{CATALOG}", encoding="utf-8")
    return dict(catalog_without_sql(path).audiences)


def test_without_a_word_there_are_analysts_who_see_nobody_s_name(tmp_path: Path) -> None:
    path = tmp_path / "catalog.yaml"
    path.write_text(CATALOG, encoding="utf-8")
    audiences = catalog_without_sql(path).audiences
    assert list(audiences) == [ANALYST]
    assert audiences[ANALYST].disclosure_of("identifier", "FIRST_NAME") == "drop"
    assert audiences[ANALYST].disclosure_of("pseudonym", "EMPLOYEE_ID") == "plaintext"
    assert audiences[ANALYST].access == Access(0o644)


def test_an_audience_says_what_it_gets_how_and_where(tmp_path: Path) -> None:
    declared = {
        "description": "Who looks people up.",
        "datasets": ["marts.people"],
        "treatment": {"identifier": "clear", "EMPLOYEE_ID": "drop", "DATE": "generalise"},
        "min_group_size": 1,
        "reason": "they look people up",
        "folder": "data/staff",
        "owner": "root",
        "group": "staff",
        "mode": "0640",
        "postgres": PLACE,
    }
    staff = read(tmp_path, {"staff": declared})["staff"]
    assert staff == Audience(
        "staff",
        "Who looks people up.",
        ("marts.people",),
        {"identifier": "plaintext", "EMPLOYEE_ID": "drop", "DATE": "generalise"},
        1,
        "they look people up",
        "data/staff",
        Access(0o640, "root", "staff"),
        PostgresPlace("STAFF_DATABASE", "staff", "staff_reader"),
    )
    assert staff.access.folder_mode == 0o750


def test_whoever_is_only_named_gets_what_analysts_get_and_nobody_else_can_read_it(
    tmp_path: Path,
) -> None:
    assert read(tmp_path, {"finance": None})["finance"] == Audience("finance", access=Access(0o640))


@pytest.mark.parametrize(
    ("audiences", "problem"),
    [
        ({"staff": {"treatment": NAMES["treatment"]}}, "reason: is required where FIRST_NAME is"),
        ({ANALYST: NAMES}, "must not show FIRST_NAME: analysts see nobody's name"),
        ({"staff": NAMES | {"mode": "0644"}}, "must not let everybody read FIRST_NAME"),
        ({"staff": {"min_group_size": 1}}, "is required where groups of fewer than 5 employees"),
        ({"staff": {"min_group_size": "none"}}, "must be a whole number from 1 on, not 'none'"),
        ({"staff": {"min_group_size": 0}}, "must be a whole number from 1 on, not 0"),
        ({"staff": {"datasets": ["marts.persons"]}}, "marts.persons is not published (did you"),
        ({"staff": {"treatment": {"LAST_NAME": "drop"}}}, "no column is of this kind"),
        ({"staff": {"treatment": {"identifiers": "drop"}}}, "(did you mean 'identifier'?)"),
        ({"staff": {"treatment": {"none": "drop"}}}, "must be a class (quasi_identifier, "),
        ({"staff": {"treatment": {"identifier": "show"}}}, "must be one of mask, hash, drop, gen"),
        ({"staff": {"treatment": {"FIRST_NAME": "mask"}}}, "does that to FIRST_NAME; take drop"),
        ({"staff": {"treatment": {"DATE": "hash"}}}, "only texts can be hashed, not DATE"),
        ({"staff": {"treatment": {"pseudonym": "generalise"}}}, "only dates and numbers of days"),
        ({"staff": {"folder": "/srv/staff"}}, "must stay below data/"),
        ({"staff": {"folder": "data/../../staff"}}, "must stay below data/"),
        ({"staff": {"folder": "sql"}}, "must be a folder below data/"),
        ({"staff": {"folder": "data"}}, "must be a folder below data/"),
        ({"staff": {"folder": "data/.hidden"}}, "must be a folder below data/"),
        ({"a": {"folder": "data/x"}, "b": {"folder": "data/x"}}, "the folder of a"),
        ({"a": {"folder": "data/x"}, "b": {"folder": "data/x/y"}}, "the folder of a"),
        ({"a": {"folder": "data/x/y"}, "b": {"folder": "data/./x"}}, "the folder of a"),
        ({ANALYST: {"folder": "data/x"}}, "published_dir of [benepass] names it"),
        ({"staff": {"mode": "0666"}}, "let nobody but the owner write"),
        ({"staff": {"mode": 640}}, "must be four octal digits in quotes"),
        ({"a": {"postgres": PLACE}, "b": {"postgres": PLACE}}, "schema: must be another than"),
        (
            {"a": {"postgres": PLACE}, "b": {"postgres": PLACE | {"schema": "other"}}},
            "role: must be another than that of a",
        ),
        ({"a": {"postgres": PLACE | {"schema": "public"}}}, "must not be public"),
        ({"a": {"postgres": PLACE | {"role": "x; drop table y"}}}, "must have lower-case letters"),
        ({"a": {"postgres": PLACE | {"credentials": "postgres://u:p@h/d"}}}, "the name of a var"),
        ({"a": {"iceberg": LAKE}, "b": {"iceberg": LAKE}}, "namespace: must be another than that"),
        ({"a": {"iceberg": LAKE | {"namespace": "a.b"}}}, "such as benefits or for_finance, not"),
        ({"a": {"iceberg": LAKE | {"catalog": "https://u:p@h"}}}, "such as lake or lake-eu, not"),
        ({"a": {"iceberg": LAKE | {"uri": "sqlite://"}}}, "unknown key"),
        ({"Staff": {}}, "a name must be in lower snake case (did you mean 'staff'?)"),
        ({"../staff": {}}, "a name must be in lower snake case"),
        ("staff", "must be a mapping of audiences, not 'staff'"),
        ({"staff": {"tables": []}}, "unknown key"),
    ],
)
def test_a_declaration_that_would_show_too_much_or_means_nothing_is_refused(
    audiences: object, problem: str, tmp_path: Path
) -> None:
    with pytest.raises(CatalogError) as caught:
        read(tmp_path, audiences)
    said = str(caught.value)
    assert problem in said
    assert all("_audiences" in line for line in said.splitlines())


def test_a_table_of_which_nothing_is_left_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "catalog.yaml"
    start, end = CATALOG.index("      id:"), CATALOG.index("      name:")
    text = CATALOG[:start] + CATALOG[end : CATALOG.index("      born:")]
    path.write_text(text, encoding="utf-8")
    with pytest.raises(CatalogError, match=r"leaves no column of marts\.people"):
        catalog_without_sql(path)
