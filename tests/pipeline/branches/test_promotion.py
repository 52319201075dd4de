"""What was built on a branch becomes its parent's, at once and without being built again."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import pytest
from dying import died

from benepass_tasks.pipeline.branches import promotion

if TYPE_CHECKING:
    from pathlib import Path

    from branching import Branched

MART = "marts.dim_merchants"
COUNTED = f"select sum(transaction_count) from {MART}"
CHARGE = "T9,E1,A1,Fig & Son,7.25,2025-02-10T10:00:00Z,gym\n"


def test_the_parent_has_it_and_its_next_run_has_nothing_to_build(branched: Branched) -> None:
    workspace = branched.workspace
    branched.edit()
    branched.run()
    expected = branched.query(f"select sum(transaction_count) from it.{MART}")
    code, said = branched.main("promote", "trial")
    assert (code, MART in said) == (0, True), said
    assert workspace.query(COUNTED) == expected
    assert workspace.run("CheckContracts") == set()
    assert workspace.query("select count(*) from meta.inherited") == [(0,)]
    assert branched.main("promote", "trial")[1].startswith("Branch trial has no table of its own")


@pytest.mark.nightly
def test_its_runs_are_known_where_its_tables_are(branched: Branched) -> None:
    branched.edit()
    branched.run()
    assert branched.main("promote", "trial")[0] == 0
    lost = (
        "select name from meta.markers where run_id not in (select run_id from meta.runs) "
        "and kind <> 'published file'"
    )
    assert branched.workspace.query(lost) == []


@pytest.mark.nightly
def test_what_is_not_the_code_at_hand_is_not_promoted(branched: Branched) -> None:
    branched.edit()
    branched.run()
    before = branched.workspace.query(COUNTED)
    branched.workspace.replace("sql/marts/dim_merchants.sql", ") + 1 as", ") + 2 as")
    code, said = branched.main("promote", "trial")
    assert (code, f"{MART} (SQL changed)" in said) == (1, True)
    assert branched.workspace.query(COUNTED) == before


@pytest.mark.nightly
def test_where_the_parent_has_moved_on_it_says_what_has_to_be_built(branched: Branched) -> None:
    branched.edit()
    branched.run()
    branched.take_back()
    with (branched.workspace.data / "transactions.csv").open("a") as file:
        file.write(CHARGE)
    branched.workspace.run()
    before = branched.workspace.query(COUNTED)
    branched.edit()
    code, said = branched.main("promote", "trial")
    assert (code, f"{MART} (input changed)" in said) == (1, True), said
    assert branched.workspace.query(COUNTED) == before
    branched.run()
    assert branched.main("promote", "trial")[0] == 0
    assert branched.workspace.query(COUNTED) != before


def test_where_a_test_fails_nothing_is_promoted(branched: Branched) -> None:
    branched.workspace.require_amounts_from("55")
    branched.workspace.attempt("CheckContracts", env="trial")
    code, said = branched.main("promote", "trial")
    assert (code, "not all tests pass" in said) == (1, True)


@pytest.mark.nightly
def test_who_fails_in_the_middle_leaves_the_parent_as_it_was(
    branched: Branched, monkeypatch: pytest.MonkeyPatch
) -> None:
    branched.edit()
    branched.run()
    before = branched.workspace.query(COUNTED)

    def fails(_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(promotion._Promotion, "_take_records", fails)  # noqa: SLF001 - in the middle
    assert branched.main("promote", "trial")[0] == 130
    assert branched.workspace.query(COUNTED) == before
    monkeypatch.undo()
    assert branched.main("promote", "trial")[0] == 0


@pytest.mark.nightly
@pytest.mark.sweep
def test_killed_at_any_moment_it_is_promoted_or_not_and_the_next_one_does_it(
    branched: Branched, tmp_path: Path
) -> None:
    workspace = branched.workspace
    branched.edit()
    branched.run()
    before = workspace.query(COUNTED)
    expected = branched.query(f"select sum(transaction_count) from it.{MART}")
    base = tmp_path / "base"
    shutil.copytree(workspace.root, base)
    for moment in range(1_000):
        shutil.rmtree(workspace.root)
        shutil.copytree(base, workspace.root)
        is_killed = died(workspace, moment, "promote", "trial")
        assert workspace.query(COUNTED) in (before, expected), moment
        code, said = branched.main("promote", "trial")
        assert code == 0, (moment, said)
        assert workspace.query(COUNTED) == expected, moment
        assert workspace.run("CheckContracts") == set(), moment
        if not is_killed:
            break
