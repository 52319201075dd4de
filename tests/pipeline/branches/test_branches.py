"""A branch: what does not differ from its parent is read from there, and built by nobody."""

from __future__ import annotations

import json
import stat
from typing import TYPE_CHECKING

import pytest
from branching import Branched

if TYPE_CHECKING:
    from workspace import Workspace

MART = "marts.dim_merchants"
CHARGE = "T9,E1,A1,Fig & Son,7.25,2025-02-10T10:00:00Z,gym\n"


def _charge(branched: Branched) -> None:
    with (branched.workspace.data / "transactions.csv").open("a") as file:
        file.write(CHARGE)


def test_it_copies_no_table_and_has_nothing_to_build(branched: Branched) -> None:
    assert branched.own_tables() == set()
    rows = "select count(*) from {}.marts.fact_transactions"
    assert branched.query(rows.format("it")) == branched.query(rows.format("parent")) != [(0,)]
    code, said = branched.main("plan", "--benepass-env", "trial")
    assert (code, said.startswith("Nothing to do")) == (0, True)


def test_its_files_are_its_owners_alone(branched: Branched) -> None:
    assert stat.S_IMODE(branched.folder.stat().st_mode) == 0o700
    for path in branched.folder.iterdir():
        assert stat.S_IMODE(path.stat().st_mode) == 0o600, path.name


def test_a_run_builds_what_was_edited_and_what_follows_and_leaves_the_parent(
    branched: Branched,
) -> None:
    before = branched.workspace.warehouse.read_bytes()
    branched.edit()
    assert branched.run() == {MART, "books", "contracts"}
    assert branched.own_tables() == {MART}
    assert branched.workspace.warehouse.read_bytes() == before
    ours, theirs = (
        branched.query(f"select sum(transaction_count) - count(*) from {it}.{MART}")
        for it in ("it", "parent")
    )
    assert ours != theirs
    assert branched.run() == set()


@pytest.mark.nightly
def test_what_is_taken_back_is_the_parents_again_and_built_by_nobody(branched: Branched) -> None:
    branched.edit()
    branched.run()
    branched.take_back()
    assert branched.run() == set()
    assert branched.own_tables() == set()


def test_where_the_parent_moves_on_the_next_run_goes_on_from_there(branched: Branched) -> None:
    _charge(branched)
    branched.workspace.run()
    code, said = branched.main("runs", "--benepass-env", "trial")
    assert (code, "has moved on since" in said) == (1, True), said
    branched.edit()
    assert branched.run() == {MART, "books", "contracts"}
    assert branched.own_tables() == {MART}
    (found,) = branched.query(f"select transaction_count from {MART} where merchant = 'Fig & Son'")
    assert found == (2,)


@pytest.mark.nightly
def test_a_file_that_its_parent_has_not_loaded_is_not_loaded(branched: Branched) -> None:
    _charge(branched)
    assert branched.run() == set()


@pytest.mark.nightly
def test_a_source_that_is_declared_otherwise_is_loaded_on_the_branch(branched: Branched) -> None:
    text = (branched.workspace.root / "catalog.yaml").read_text()
    at = text.index("transaction_timestamp: {")
    assert "aliases: [timestamp]" in text[at : at + 300]
    branched.workspace.write(
        "catalog.yaml",
        text[:at] + text[at:].replace("aliases: [timestamp]", "aliases: [timestamp, at]", 1),
    )
    built = branched.run()
    assert "transactions/transactions.csv" in built
    assert {"raw.transactions", "raw.rejected_rows"} <= branched.own_tables()
    assert "marts.fact_transactions" not in built, "its rows are the same as before"


def test_a_name_that_is_not_a_folder_of_its_own_is_refused(branched: Branched) -> None:
    before = sorted(branched.workspace.data.rglob("*"))
    names = ["../x", "a/b", "", "-x", ".x", "X", "prod", "a" * 61, "x\ny", "ä", "trial"]
    for name in names:
        code, said = branched.main("branch", "create", "--", name)
        assert code == 1, (name, said)
        assert sorted(branched.workspace.data.rglob("*")) == before, name


def test_a_branch_is_listed_and_deleted_and_nothing_else(branched: Branched) -> None:
    code, said = branched.main("branch", "list", "--json")
    (listed,) = json.loads(said)
    assert (code, listed["branch"], listed["parent"]) == (0, "trial", None)
    assert branched.main("branch", "delete", "trial")[0] == 0
    assert not branched.folder.exists()
    assert branched.workspace.warehouse.exists()
    assert list(branched.folder.parent.iterdir()) == []
    code, said = branched.main("branch", "delete", "trial")
    assert (code, "'trial' is not a branch" in said) == (1, True)


def test_a_link_to_another_folder_is_not_a_branch(branched: Branched) -> None:
    link = branched.folder.with_name("link")
    link.symlink_to(branched.folder)
    code, said = branched.main("branch", "delete", "link")
    assert (code, "'link' is not a branch" in said) == (1, True)
    assert branched.folder.exists()


def test_a_folder_in_which_somebody_keeps_something_is_not_deleted(branched: Branched) -> None:
    (branched.folder / "notes.txt").write_text("mine")
    code, said = branched.main("branch", "delete", "trial")
    assert (code, "notes.txt" in said) == (1, True)
    assert (branched.folder / "notes.txt").exists()


def test_what_a_link_in_its_folder_leads_to_stays(branched: Branched) -> None:
    other = branched.workspace.root / "other"
    other.mkdir()
    (other / "theirs.txt").write_text("theirs")
    (branched.folder / "published").symlink_to(other)
    assert branched.main("branch", "delete", "trial")[0] == 0
    assert (other / "theirs.txt").exists()


@pytest.mark.nightly
def test_a_run_of_the_parent_deletes_what_has_expired(branched: Branched) -> None:
    about = branched.folder / "branch.json"
    content = json.loads(about.read_text())
    about.write_text(json.dumps(content | {"keep_seconds": -1_000_000_000}))
    _charge(branched)
    branched.workspace.run()
    assert not branched.folder.exists()


def test_an_empty_environment_has_no_branches(
    workspace: Workspace, capsys: pytest.CaptureFixture[str]
) -> None:
    made = Branched(workspace, capsys)
    code, said = made.main("branch", "create", "trial")
    assert (code, "benepass run" in said) == (1, True)
    assert not made.folder.exists()
