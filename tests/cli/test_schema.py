"""`schema`: the history of the columns, what has changed since, and consent to it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import earlier_meta
import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

    from workspace import Workspace

    from tests.cli.conftest import Said

    Say = Callable[..., Said]

MAPPINGS = "data/category_benefit_mappings.csv"
ACCEPT = "benepass schema accept"


@pytest.mark.usefixtures("finished")
def test_the_history_is_a_table_of_all_sources_or_of_one(say: Say, workspace: Workspace) -> None:
    said = say("schema", "history")
    assert said.code == 0
    headers = [path.read_text().split("\n", 1)[0] for path in workspace.data.glob("*.csv")]
    assert len(said.lines) == 1 + sum(len(header.split(",")) for header in headers)
    of_one = say("schema", "history", "employees")
    assert len(of_one.lines) == 1 + 6
    assert of_one.lines[5].split()[3:] == [
        *("employees.csv", "raw.employees", "hire_date", "hire_date", "added", "DATE", "info")
    ]


@pytest.mark.usefixtures("finished")
def test_the_history_as_json_has_all_that_is_known(say: Say, workspace: Workspace) -> None:
    workspace.replace("data/transactions.csv", "12.50", "a few")
    workspace.run("raw.transactions")
    *_, last = say("schema", "history", "transactions", "--json").json
    (load_id,) = workspace.query("select load_id from meta.loads where source = 'transactions'")[0]
    assert last.pop("changed_at").endswith("+00:00")
    assert last == {
        "load_id": load_id,
        "source": "transactions",
        "file": "transactions.csv",
        "table": "raw.transactions",
        "column": "amount",
        "header": "amount",
        "change": "type_changed",
        "before": "DECIMAL",
        "after": "VARCHAR",
        "is_guess": False,
        "misfits": 1,
        "misfit_rows": [3],
        "severity": "warning",
    }
    assert "1 (row 3)" in say("schema", "history", "transactions").lines[-1]


@pytest.mark.nightly
@pytest.mark.usefixtures("finished")
def test_a_history_without_headers_is_read_and_goes_on_with_them(
    say: Say, workspace: Workspace
) -> None:
    earlier_meta.reduce(workspace.warehouse, "all of 0.1")
    workspace.run("BuildStaging")
    assert {change["header"] for change in say("schema", "history", "--json").json} == {None}
    workspace.replace("data/transactions.csv", "transaction_timestamp", "timestamp")
    workspace.run("BuildStaging")
    history = say("schema", "history", "transactions", "--json").json
    assert [change["header"] for change in history] == [*[None] * 7, "timestamp"]


@pytest.mark.parametrize("command", ["history", "diff", "accept"])
def test_a_source_that_nobody_declared_is_named_with_the_nearest(say: Say, command: str) -> None:
    said = say("schema", command, "transaction")
    assert said.code == 1
    assert said.err == (
        "catalog.yaml declares no source 'transaction' (did you mean 'transactions'?)\n"
    )


def test_without_a_warehouse_there_is_no_history(say: Say) -> None:
    said = say("schema", "history")
    assert said.code == 1
    assert "does not exist yet: `benepass run`" in said.err


@pytest.mark.usefixtures("finished")
def test_files_that_are_as_they_were_loaded_do_not_differ(say: Say, workspace: Workspace) -> None:
    said = say("schema", "diff")
    there = len(list(workspace.data.glob("*.csv")))
    assert (said.code, said.out) == (
        0,
        f"Files read: {there}; changed since they were loaded: 0.\n",
    )


@pytest.mark.usefixtures("finished")
def test_what_differs_is_shown_with_what_a_run_would_do_and_nothing_is_written(
    say: Say, workspace: Workspace
) -> None:
    workspace.write(MAPPINGS, "benefit_type,category\nwellness,gym\nmeals,groceries\n")
    workspace.replace("data/transactions.csv", "12.50", "\x1b[2J")
    before = workspace.content(("raw", "meta"))
    there = len(list(workspace.data.glob("*.csv")))
    said = say("schema", "diff")
    assert said.code == 1
    assert said.lines == [
        (
            "file                           column    header    change             before          "
            "after     does not fit  severity"
        ),
        (
            "transactions.csv               amount    amount    type changed       DECIMAL         "
            "VARCHAR   1 (row 3)     warning"
        ),
        (
            "category_benefit_mappings.csv  category  category  renamed (a guess)  valid_category  "
            "category                warning"
        ),
        "",
        (
            "category_benefit_mappings.csv will not be loaded (valid_category is required, "
            f"columns: freeze): fix it, or accept it: {ACCEPT} category_benefit_mappings --as-null"
        ),
        f"Files read: {there}; changed since they were loaded: 2.",
    ]
    assert workspace.content(("raw", "meta")) == before
    (found,) = say("schema", "diff", "category_benefit_mappings", "--json").json
    assert (found["may_be_loaded"], found["missing"]) == (False, ["valid_category"])
    assert found["breaks"] == ["columns: freeze"]
    assert [change["change"] for change in found["changes"]] == ["renamed"]


@pytest.mark.nightly
@pytest.mark.usefixtures("finished")
def test_what_is_accepted_is_loaded_by_the_next_run(say: Say, workspace: Workspace) -> None:
    workspace.write(MAPPINGS, "benefit_type,valid_category,note\nwellness,gym,x\n")
    assert not workspace.attempt("raw.category_benefit_mappings")[1]
    said = say("schema", "accept", "category_benefit_mappings")
    assert (said.code, said.lines) == (
        0,
        [
            "category_benefit_mappings: category_benefit_mappings.csv is accepted:",
            "  note added (VARCHAR)",
            "The next run loads what is accepted.",
        ],
    )
    # It still differs from what is loaded, which the run that loads it records.
    assert say("schema", "diff").code == 1
    assert workspace.run() >= {"raw.category_benefit_mappings"}
    assert workspace.query("from meta.schema_changes where column_name = 'note'")
    assert say("schema", "diff").code == 0
    assert workspace.run() == set()


@pytest.mark.usefixtures("finished")
def test_what_was_accepted_and_changed_again_is_refused(say: Say, workspace: Workspace) -> None:
    workspace.write(MAPPINGS, "benefit_type,valid_category,note\nwellness,gym,x\n")
    assert say("schema", "accept", "category_benefit_mappings").code == 0
    workspace.write(MAPPINGS, "benefit_type,valid_category,remark\nwellness,gym,7\n")
    assert not workspace.attempt("raw.category_benefit_mappings")[1]


@pytest.mark.nightly
@pytest.mark.usefixtures("finished")
def test_a_required_column_may_be_missing_once_that_is_accepted_and_until_it_is_back(
    say: Say, workspace: Workspace, caplog: pytest.LogCaptureFixture
) -> None:
    complete = (workspace.data / "employees.csv").read_text()
    without = "\n".join(line.rpartition(",")[0] for line in complete.splitlines()) + "\n"
    workspace.write("data/employees.csv", without)
    assert not workspace.attempt()[1]
    assert "employees.csv lacks the required column status, and has none besides" in caplog.text
    said = say("schema", "accept", "employees")
    assert said.code == 1
    assert "To load what is missing as NULL: benepass schema accept employees --as-null" in said.err
    assert not workspace.attempt()[1]
    said = say("schema", "accept", "employees", "--as-null")
    assert said.lines[1:3] == [
        "  status removed (it was VARCHAR)",
        "  status, which is required, may be missing, and will be NULL",
    ]
    workspace.run()
    assert workspace.query("select distinct status from raw.employees") == [(None,)]
    workspace.write("data/employees.csv", without.replace("Ann", "Anne"))
    workspace.run()
    workspace.write("data/employees.csv", complete)
    workspace.run()
    workspace.write("data/employees.csv", without)
    assert not workspace.attempt()[1]


@pytest.mark.usefixtures("finished")
def test_there_is_nothing_to_accept_where_nothing_differs(say: Say, workspace: Workspace) -> None:
    before = workspace.content(("meta",))
    said = say("schema", "accept", "transactions")
    assert said.out == (
        "transactions: nothing to accept: no file differs from what was accepted before.\n"
    )
    assert workspace.content(("meta",)) == before


@pytest.mark.slow
@pytest.mark.usefixtures("finished")
def test_a_file_that_a_guard_refused_passes_once_in_these_very_bytes(
    say: Say, workspace: Workspace
) -> None:
    header, *rows = (workspace.data / "transactions.csv").read_text().splitlines()
    good, bad = "\n".join([header, *rows]), "\n".join([header, *rows[:1]])
    workspace.write("data/transactions.csv", bad)
    assert not workspace.attempt("raw.transactions")[1]
    said = say("schema", "accept", "transactions")
    detail = "it holds 1 rows where its last load held 5, and max_shrink is 50%"
    assert f"transactions: transactions.csv may pass once: {detail}" in said.lines
    assert "nothing to accept" in say("schema", "accept", "transactions").out
    workspace.write("data/transactions.csv", bad.replace("60.00", "61.00"))
    assert not workspace.attempt("raw.transactions")[1]
    workspace.write("data/transactions.csv", bad)
    assert workspace.attempt("raw.transactions")[1]
    workspace.write("data/transactions.csv", good)
    assert workspace.attempt("raw.transactions")[1]
    workspace.write("data/transactions.csv", bad)
    assert not workspace.attempt("raw.transactions")[1]


def test_of_a_census_it_says_what_lets_one_pass_that_lacks_too_many(
    say: Say, workspace: Workspace
) -> None:
    words = "    reconciliation: {staging: staging.stg_employees,"
    workspace.replace("catalog.yaml", words, f"    census: active_only\n{words}")
    assert "--benepass-accept employees" in say("schema", "accept", "employees").out
    assert "--benepass-accept" not in say("schema", "accept", "transactions").out


@pytest.mark.nightly
def test_a_source_that_was_never_loaded_can_be_accepted(say: Say, workspace: Workspace) -> None:
    workspace.replace("catalog.yaml", "tables: evolve, columns", "tables: freeze, columns")
    assert not workspace.attempt("raw.category_benefit_mappings")[1]
    assert say("schema", "accept", "category_benefit_mappings").lines[1:] == [
        "  benefit_type added (VARCHAR)",
        "  valid_category added (VARCHAR)",
        "The next run loads what is accepted.",
    ]
    workspace.run("raw.category_benefit_mappings")
    assert workspace.query("select change from meta.schema_changes") == [("added",)] * 2


def test_a_file_that_is_not_there_cannot_be_compared(say: Say, workspace: Workspace) -> None:
    (workspace.data / "employees.csv").unlink()
    said = say("schema", "diff", "employees")
    assert said.code == 1
    assert said.err.startswith("employees: there is no file ")
