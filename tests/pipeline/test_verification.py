"""A table is compared with a full build of it, which takes its place where they differ."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from benepass_tasks.cli.program import main

if TYPE_CHECKING:
    from workspace import Workspace

FACT = "marts.fact_transactions"
MERCHANTS = "marts.dim_merchants"


def _verify(workspace: Workspace, *arguments: str) -> int:
    with workspace.configured():
        return main(["verify", *arguments])


@pytest.mark.usefixtures("finished")
def test_tables_that_are_right_stay_as_they_are(
    workspace: Workspace, capsys: pytest.CaptureFixture[str]
) -> None:
    before, runs = workspace.built(), workspace.query("from meta.runs")
    assert _verify(workspace) == 0
    assert "none differs" in capsys.readouterr().out
    assert workspace.built() == before
    assert workspace.query("from meta.runs") == runs


@pytest.mark.usefixtures("finished")
def test_a_row_that_should_not_be_there_is_found_and_put_right(
    workspace: Workspace, capsys: pytest.CaptureFixture[str]
) -> None:
    before = workspace.content()
    workspace.change(f"insert into {MERCHANTS} values ('Nobody', 'gym', 1)")
    assert _verify(workspace, MERCHANTS) == 1
    said = capsys.readouterr().out
    assert "1 rows too many, 0 missing, such as Nobody" in said
    assert "benepass run" in said
    assert workspace.content() == before
    (last,) = workspace.query("select status from meta.runs order by started_at desc limit 1")
    assert last == ("succeeded",)


@pytest.mark.usefixtures("finished")
def test_rows_that_are_missing_are_counted_and_their_personal_keys_are_not_shown(
    workspace: Workspace, capsys: pytest.CaptureFixture[str]
) -> None:
    before = workspace.content()
    workspace.change("delete from marts.dim_employees where employee_id = 'E1'")
    assert _verify(workspace, "marts.dim_employees") == 1
    said = capsys.readouterr().out
    assert "0 rows too many, 1 missing" in said
    assert "E1" not in said
    assert workspace.content() == before


@pytest.mark.usefixtures("finished")
def test_a_digest_that_does_not_fit_the_rows_is_found(
    workspace: Workspace, capsys: pytest.CaptureFixture[str]
) -> None:
    workspace.change(f"update meta.markers set content = 'other' where name = '{FACT}'")
    assert _verify(workspace, FACT) == 1
    assert "another digest" in capsys.readouterr().out
    assert _verify(workspace, FACT) == 0


@pytest.mark.usefixtures("finished")
def test_what_is_no_table_is_refused(
    workspace: Workspace, capsys: pytest.CaptureFixture[str]
) -> None:
    assert _verify(workspace, "marts.nothing", "staging.stg_employees") == 1
    assert "no table of the project that is up to date" in capsys.readouterr().err
