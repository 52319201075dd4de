"""What a branch's change would do, before anybody merges it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from branching import break_promise, leak

if TYPE_CHECKING:
    from pathlib import Path

    from branching import Branched

MART = "marts.dim_merchants"
FACT = "sql/marts/fact_transactions.sql"


def _difference(branched: Branched) -> tuple[int, dict[str, list[list[str]]], dict[str, Any]]:
    """How `diff` ends, the rows of its sections by title, and all of it."""
    code, said = branched.main("diff", "trial", "--json")
    found = json.loads(said)
    return code, {it["title"]: it["rows"] for it in found["sections"]}, found


@pytest.mark.nightly
def test_without_a_change_there_is_none(branched: Branched) -> None:
    branched.run()
    code, sections, found = _difference(branched)
    assert (code, sections, found["verdict"]) == (0, {}, "safe")


@pytest.mark.nightly
def test_tables_rows_columns_and_keys_are_told(branched: Branched, tmp_path: Path) -> None:
    branched.edit()
    branched.run()
    code, sections, _ = _difference(branched)
    assert code == 0
    ((table, how, *_),) = sections["Tables"]
    assert (table, how) == (MART, "edited")
    merchants = branched.query(f"select count(*) from {MART}")[0][0]
    assert sections["Rows"] == [
        [MART, "0", "0", str(merchants), f"transaction_count ({merchants})"]
    ]
    ((_, what, keys),) = sections["Examples of keys"]
    assert what == "changed"
    assert "Plum Crate" in keys
    file = tmp_path / "comment.md"
    assert branched.main("diff", "trial", "--markdown", str(file))[0] == 0
    assert file.read_text().startswith("## trial against its parent is safe")


@pytest.mark.nightly
def test_money_is_told_by_month(branched: Branched) -> None:
    name = "sql/marts/program_utilization.sql"
    branched.workspace.replace(name, "sum(amount) as spend", "sum(amount) + 1 as spend")
    branched.workspace.attempt("CheckContracts", env="trial")
    _, sections, _ = _difference(branched)
    programs = branched.query("select count(*) from marts.program_utilization")[0][0]
    assert [it for it in sections["Money by month"] if it[0] == "marts.program_utilization"] == [
        ["marts.program_utilization", "2025-03", str(programs), str(programs), f"+{programs}.00"]
    ]


def test_keys_that_are_personal_are_not_shown(branched: Branched) -> None:
    branched.workspace.replace(FACT, "cast([] as varchar[])", "cast(['doubt'] as varchar[])")
    branched.workspace.attempt("CheckContracts", env="trial")
    _, sections, found = _difference(branched)
    (fact,) = (it for it in sections["Rows"] if it[0] == "marts.fact_transactions")
    assert fact[3:] == ["2", "dq_flags (2)"]
    assert "T1" not in json.dumps(found), "the id of a transaction is a pseudonym"


def test_a_column_that_newly_carries_a_class_is_first_and_bold_and_ends_with_4(
    branched: Branched, tmp_path: Path
) -> None:
    leak(branched.workspace)
    branched.run()
    code, _, found = _difference(branched)
    assert (code, found["verdict"]) == (4, "leaking")
    first = found["sections"][0]
    assert first["title"] == "Privacy: what newly carries a class"
    ((place, what, origins),) = first["rows"]
    assert (place, what) == (f"{MART}.someone", "newly carries pseudonym (EMPLOYEE_ID)")
    assert "transactions.employee_id" in origins
    file = tmp_path / "comment.md"
    assert branched.main("diff", "trial", "--markdown", str(file))[0] == 4
    assert f"| **{MART}.someone** | **newly carries" in file.read_text().replace("&#95;", "_")


@pytest.mark.nightly
def test_a_published_column_of_another_type_ends_with_3(branched: Branched) -> None:
    break_promise(branched.workspace)
    branched.run()
    code, sections, found = _difference(branched)
    assert (code, found["verdict"]) == (3, "breaking")
    assert sections["Columns"] == [[f"{MART}.transaction_count", "type", "BIGINT", "INTEGER"]]


@pytest.mark.nightly
def test_a_test_that_fails_newly_ends_with_3(branched: Branched) -> None:
    branched.workspace.require_amounts_from("55")
    _, succeeded = branched.workspace.attempt("CheckContracts", env="trial")
    assert not succeeded
    code, sections, _ = _difference(branched)
    assert code == 3
    ((test, before, now),) = sections["Tests"]
    assert ("range" in test, before, now) == (True, "", "failed")


@pytest.mark.nightly
def test_what_is_edited_and_not_built_is_named(branched: Branched) -> None:
    branched.edit()
    code, said = branched.main("diff", "trial")
    assert code == 1
    assert f"{MART} (SQL changed)" in said
    assert "benepass run --benepass-env trial" in said


def test_two_arguments_are_runs_and_none_needs_something_to_compare_with(
    branched: Branched,
) -> None:
    code, said = branched.main("diff")
    assert (code, "--against" in said) == (1, True)
    code, said = branched.main("diff", "abc", "def", "--against", "trial")
    assert (code, "one branch, or two runs" in said) == (2, True)
