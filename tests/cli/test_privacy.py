"""`privacy`: the report on personal data, and the search for marked values."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from benepass_tasks.pipeline import retaining
from benepass_tasks.pipeline.erasure.certificate import Certificate

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from workspace import Workspace

    from tests.cli.conftest import Said

    Say = Callable[..., Said]

UNMASKED = ("sql/staging/stg_employees.sql", "mask_email(email) as email", "email")


def row_of(said: Said, table: str, column: str) -> list[str]:
    (found,) = (line.split() for line in said.lines if line.split()[:2] == [table, column])
    return found


def test_every_personal_column_is_listed_with_its_sources_and_verdict(say: Say) -> None:
    said = say("privacy")
    assert said.code == 0
    assert row_of(said, "marts.dim_employees", "email") == [
        *("marts.dim_employees", "email", "pseudonym", "EMAIL_ADDRESS", "mask"),
        *("employees.email", "(mask_email)", "analyst", "proven"),
    ]
    assert row_of(said, "marts.dim_employees", "is_terminated")[-4:] == [
        "employees.status",
        "(decides)",
        "analyst",
        "proven",
    ]
    assert said.lines[-2].endswith("of them personal: the proof holds.")
    # Nothing in it is personal.
    assert [it for it in said.lines if "dim_merchants" in it] == [
        "marts.dim_merchants is for analyst"
    ]


def test_a_finding_is_told_with_its_path_and_ends_with_1(say: Say, workspace: Workspace) -> None:
    workspace.replace(*UNMASKED)
    line = workspace.line_of("sql/staging/stg_employees.sql", "    email,")
    declared = workspace.line_of("catalog.yaml", "      email: ")
    said = say("privacy")
    assert said.code == 1
    assert row_of(said, "marts.dim_employees", "email")[-1] == "treatment"
    assert (
        f"sql/staging/stg_employees.sql:{line} staging.stg_employees.email: declares mask, and no "
        "approved mask is applied to EMAIL_ADDRESS. Path: employees.email -> raw.employees.email "
        f"-> base.employees.email (catalog.yaml:{declared}, IDENTITY) -> "
        "staging.stg_employees.email"
    ) in said.out
    assert said.lines[-2].endswith("findings.")


def test_as_json_every_column_is_there(say: Say, workspace: Workspace) -> None:
    report = say("privacy", "--json").json
    assert report["holds"] is True
    columns = {f"{it['table']}.{it['column']}": it for it in report["columns"]}
    merchant = columns["marts.dim_merchants.merchant"]
    assert (merchant["class"], merchant["sources"]) == ("none", [])
    assert merchant["audiences"] == {"analyst": "plaintext"}
    assert report["tables"]["marts.dim_merchants"] == ["analyst"]
    assert columns["marts.dim_employees.email"]["sources"] == [
        {
            "column": "employees.email",
            "type": "DIRECT",
            "subtype": "TRANSFORMATION",
            "masking": "mask_email",
            "carries": "pseudonym",
            "sensitive": False,
            "kind": "EMAIL_ADDRESS",
            "treatment": "mask",
        }
    ]
    workspace.replace(*UNMASKED)
    said = say("privacy", "--json")
    assert (said.code, said.json["holds"]) == (1, False)
    assert {it["rule"] for it in said.json["findings"]} == {"treatment"}


def test_as_markdown_names_are_code_and_hostile_text_stays_text(
    say: Say, workspace: Workspace
) -> None:
    workspace.replace(
        "catalog.yaml", "benefits staff look people up by name", '"<b>a | b</b> _c_ \\e[31m"'
    )
    said = say("privacy", "--markdown")
    assert said.code == 0
    assert "| `marts.dim_employees` | `email` | pseudonym | EMAIL\\_ADDRESS | mask |" in said.out
    assert "- `marts.dim_employees.first_name`: &lt;b>a \\| b&lt;/b> \\_c\\_  [31m" in said.out


@pytest.mark.nightly
@pytest.mark.usefixtures("finished")
def test_the_search_finds_nothing_in_the_project(say: Say) -> None:
    said = say("privacy", "--canary")
    assert said.code == 0
    assert said.out.startswith("4 marked raw columns, ")
    assert said.out.endswith("published files searched: none seen.\n")


@pytest.mark.nightly
@pytest.mark.usefixtures("finished")
def test_what_the_search_sees_is_told_and_ends_with_1(say: Say, workspace: Workspace) -> None:
    workspace.replace(
        "sql/marts/dim_employees.sql", "    status,", "    mask_email('a@' || last_name) as status,"
    )
    workspace.describe("status", "*status")
    said = say("privacy", "--canary")
    assert said.code == 1
    seen = "marts.dim_employees.status: values of raw.employees.last_name are visible in 3 rows"
    assert seen in said.lines
    found = say("privacy", "--canary", "--json")
    assert (found.code, found.json["holds"]) == (1, False)
    sighting = {
        "column": "marts.dim_employees.status",
        "origin": "raw.employees.last_name",
        "rows": 3,
        "as": "",
    }
    assert sighting in found.json["sightings"]


def test_without_a_warehouse_the_search_says_what_to_do(say: Say) -> None:
    said = say("privacy", "--canary")
    assert said.code == 1
    assert "run BuildMarts first" in said.err


def test_the_search_has_no_markdown(say: Say) -> None:
    assert say("privacy", "--canary", "--markdown").code == 2


@pytest.mark.usefixtures("finished")
@pytest.mark.parametrize(
    ("problems", "code", "told"),
    [
        ([], 0, "Nothing is left that is past its retention."),
        (["a name is in notes.txt"], 1, "past their retention something is left"),
    ],
)
def test_nothing_is_said_to_be_gone_unless_that_is_proven(  # noqa: PLR0913, PLR0917
    say: Say,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    problems: list[str],
    code: int,
    told: str,
) -> None:
    nothing: dict[str, list[object]] = {
        it: [] for it in ("tables", "totals_that_moved", "hits", "source_files_written_anew")
    }
    figures = dict.fromkeys(("people", "totals_compared", "files_searched", "bytes_searched"), 1)
    certificate = Certificate(nothing | figures, problems, {}, tmp_path)
    monkeypatch.setattr(retaining, "retain", lambda *_: [certificate])
    said = say("privacy", "retain")
    assert said.code == code
    assert told in said.out + said.err
    assert ("Nothing is left" in said.out) is not problems
