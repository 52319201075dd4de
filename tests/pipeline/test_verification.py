"""A table is compared with a full build of it, which takes its place where they differ."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from benepass_tasks.cli.program import main
from benepass_tasks.pipeline import build

if TYPE_CHECKING:
    from workspace import Workspace

FACT = "marts.fact_transactions"
MERCHANTS = "marts.dim_merchants"


def _verify(workspace: Workspace, *arguments: str) -> int:
    with workspace.configured():
        return main(["verify", *arguments])


@pytest.mark.nightly
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


@pytest.mark.nightly
@pytest.mark.usefixtures("finished")
def test_a_digest_that_does_not_fit_the_rows_is_found(
    workspace: Workspace, capsys: pytest.CaptureFixture[str]
) -> None:
    workspace.change(f"update meta.markers set content = 'other' where name = '{FACT}'")
    assert _verify(workspace, FACT) == 1
    assert "another digest" in capsys.readouterr().out
    assert _verify(workspace, FACT) == 0


@pytest.mark.usefixtures("finished")
def test_a_difference_is_an_incident_until_the_table_is_verified_again(
    workspace: Workspace,
) -> None:
    workspace.change(f"insert into {MERCHANTS} values ('Nobody', 'gym', 1)")
    _verify(workspace, MERCHANTS)
    open_now = "select key, severity, detail from meta.incidents where resolved_at is null"
    looks_again = f"`benepass verify {MERCHANTS}` looks again"
    assert workspace.query(open_now) == [
        (
            f"verified:{MERCHANTS}",
            "fail",
            f"1 rows too many, 0 missing, such as Nobody; {looks_again}",
        )
    ]
    workspace.run()
    assert len(workspace.query(open_now)) == 1
    _verify(workspace, FACT)
    assert len(workspace.query(open_now)) == 1
    _verify(workspace, MERCHANTS)
    assert workspace.query(open_now) == []


@pytest.mark.usefixtures("finished")
def test_a_personal_key_is_in_no_incident(workspace: Workspace) -> None:
    workspace.change("delete from marts.dim_employees where employee_id = 'E1'")
    _verify(workspace, "marts.dim_employees")
    ((detail,),) = workspace.query("select detail from meta.incidents")
    assert detail.startswith("0 rows too many, 1 missing;")


def _verified(workspace: Workspace) -> dict[str, bool]:
    """The tables that a run has verified by itself, and whether they were right."""
    found = workspace.query(
        "select relation, surplus + missing = 0 and is_digest_right from meta.verifications "
        "where is_scheduled"
    )
    return {name: bool(is_right) for name, is_right in found}


def _grow_old(workspace: Workspace, relation: str, days: int) -> None:
    workspace.change(
        f"update meta.verifications set checked_at = checked_at - to_days({days}) "
        f"where relation = '{relation}'"
    )


@pytest.mark.nightly
@pytest.mark.usefixtures("finished")
def test_a_run_verifies_one_table_a_day_that_has_not_been_for_long(workspace: Workspace) -> None:
    first, second, *_ = sorted(
        name
        for (name,) in workspace.query(
            "select name from meta.markers where kind = 'relation' and row_count is not null "
            "and not starts_with(name, 'raw.')"
        )
    )
    assert workspace.run(verify_every="30d") == {first}
    assert _verified(workspace) == {first: True}
    assert workspace.run(verify_every="30d") == set()
    _grow_old(workspace, first, 1)
    assert workspace.run(verify_every="30d") == {second}
    _verify(workspace)
    _grow_old(workspace, FACT, 40)
    assert workspace.run(verify_every="30d") == {FACT}
    _grow_old(workspace, FACT, 2)
    assert workspace.run(verify_every="30d") == set()
    assert workspace.run() == set()


@pytest.mark.nightly
@pytest.mark.usefixtures("finished")
def test_what_a_run_finds_to_differ_is_built_in_full_with_what_follows(
    workspace: Workspace, caplog: pytest.LogCaptureFixture
) -> None:
    _verify(workspace)
    before = workspace.content()
    _grow_old(workspace, FACT, 40)
    workspace.change(f"update {FACT} set amount = amount + 1 where transaction_id = 'T1'")
    workspace.run(verify_every="30d")
    assert workspace.content() == before
    assert _verified(workspace) == {FACT: False}
    assert f"{FACT}: 1 rows too many, 1 missing" in caplog.text
    how = workspace.query(
        f"select reason, how, why_full from meta.materializations where node = '{FACT}' "
        "and outcome = 'built' order by recorded_at desc limit 1"
    )
    assert how == [("its verification is due", "full", "it differed from a full build")]
    (key,) = workspace.query("select key from meta.incidents where resolved_at is null")
    assert key == (f"verified:{FACT}",)


@pytest.mark.usefixtures("finished")
def test_a_table_is_brought_up_to_date_by_changes_before_it_is_verified(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(build, "SMALL_ROWS", -1)
    monkeypatch.setattr(build, "LARGEST_SHARE", 9)
    _verify(workspace)
    _grow_old(workspace, FACT, 40)
    workspace.change(f"update {FACT} set amount = amount + 1 where transaction_id = 'T1'")
    with (workspace.data / "transactions.csv").open("a") as file:
        file.write("T6,E1,A1,Fig & Son,7.25,2025-04-01T10:00:00Z,gym\n")
    workspace.run(verify_every="30d")
    assert _verified(workspace) == {FACT: False}
    how = "select how from meta.materializations where node = 'marts.dim_merchants'"
    assert workspace.query(f"{how} order by recorded_at desc limit 1") == [("changes",)]
    assert _verify(workspace) == 0
    assert workspace.query("from meta.steps") == []


@pytest.mark.nightly
@pytest.mark.usefixtures("finished")
def test_a_table_that_differed_is_verified_again_the_next_day(workspace: Workspace) -> None:
    _verify(workspace)
    workspace.change(f"insert into {MERCHANTS} values ('Nobody', 'gym', 1)")
    _verify(workspace, MERCHANTS)
    workspace.run(verify_every="30d")
    assert _verified(workspace) == {MERCHANTS: True}
    assert workspace.query("select 1 from meta.incidents where resolved_at is null") == []


@pytest.mark.usefixtures("finished")
def test_what_is_not_a_table_is_refused(
    workspace: Workspace, capsys: pytest.CaptureFixture[str]
) -> None:
    assert _verify(workspace, "marts.nothing", "staging.stg_employees") == 1
    assert "no table of the project that is up to date" in capsys.readouterr().err
