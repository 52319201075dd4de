"""What the proof sees of audiences: no path brings one what it may not see."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from small_project import MASKED, NONE, SOURCE, SmallProject

from benepass_tasks.sqlmodels.privacy import report

if TYPE_CHECKING:
    from pathlib import Path

NAME, EMAIL = SOURCE["first_name"], SOURCE["email"]
BOTH = "first_name || email"


def project(folder: Path, expression: str, pii: dict[str, Any], **staff: object) -> SmallProject:
    """A mart of one column and an id, for analysts and for staff."""
    made = SmallProject(folder, audiences={"staff": {"reason": "look-up"} | staff})
    return made.add(
        "marts.x", f"select id, {expression} as it from raw.people", id=SOURCE["id"], it=pii
    )


@pytest.mark.parametrize(
    ("expression", "pii", "treatment"),
    [
        # What is called an address brings a name with it.
        (BOTH, EMAIL, {"EMAIL_ADDRESS": "plaintext"}),
        (BOTH, EMAIL, {"EMAIL_ADDRESS": "mask"}),
        (BOTH, EMAIL, {"EMAIL_ADDRESS": "plaintext", "FIRST_NAME": "hash"}),
        ("if(team = 'a', first_name, email)", EMAIL, {"EMAIL_ADDRESS": "plaintext"}),
        # What is called an id is made of a day, which is to be generalised.
        ("id || hired", SOURCE["id"], {"DATE": "drop"}),
        ("id || salary", SOURCE["id"] | {"sensitive": True}, {"FINANCIAL": "drop"}),
    ],
)
def test_a_kind_that_arrives_by_a_column_of_another_is_found_with_its_path(
    tmp_path: Path, expression: str, pii: dict[str, Any], treatment: dict[str, str]
) -> None:
    small = project(tmp_path, expression, pii, treatment=treatment)
    found = [it for it in small.prove().findings if it.rule == "audience"]
    assert {it.subject for it in found} == {"marts.x.it"}
    for it in found:
        assert "audience staff gets this column as" in it.message
        assert "Path: people." in it.message
        assert it.where == "sql/marts/x.sql:1"


@pytest.mark.parametrize(
    ("expression", "pii", "treatment"),
    [
        (BOTH, EMAIL, {"identifier": "plaintext"}),
        (BOTH, EMAIL, {"FIRST_NAME": "plaintext", "EMAIL_ADDRESS": "plaintext"}),
        ("first_name", NAME, {"identifier": "hash"}),
        ("email", EMAIL, {"EMAIL_ADDRESS": "mask"}),
        ("mask_email(email)", MASKED, {"EMAIL_ADDRESS": "mask"}),
        ("mask_email(email)", MASKED, {"identifier": "drop"}),
        ("team", NONE, {"pseudonym": "hash"}),
        ("count(first_name) over ()", NONE, {"pseudonym": "plaintext"}),
    ],
)
def test_what_is_declared_for_an_audience_passes(
    tmp_path: Path, expression: str, pii: dict[str, Any], treatment: dict[str, str]
) -> None:
    assert project(tmp_path, expression, pii, treatment=treatment).rules() == {}


def test_the_report_says_who_gets_which_table_and_column(tmp_path: Path) -> None:
    small = project(
        tmp_path, "first_name", NAME, treatment={"FIRST_NAME": "clear", "pseudonym": "hash"}
    )
    proof = small.prove()
    said = report.as_json(proof, ())
    assert said["tables"] == {"marts.x": ["analyst", "staff"]}
    audiences = {
        it["column"]: it["audiences"] for it in said["columns"] if it["table"] == "marts.x"
    }
    assert audiences == {
        "id": {"analyst": "plaintext", "staff": "hash"},
        "it": {"staff": "plaintext"},
    }
    markdown = report.as_markdown(proof, ())
    assert "- `marts.x`: analyst, staff\n" in markdown
    assert "analyst, staff (hash)" in markdown
