"""What is wrong, by the latest word on each thing in schema `meta`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from existing import Everything

from benepass_tasks.quality.alerts.problems import (
    LONGEST_DETAIL,
    LONGEST_TITLE,
    Problem,
    problems_of,
)

if TYPE_CHECKING:
    from benepass_tasks.state.nodes import Kind
    from tests.quality.alerts.conftest import History

FACT = "marts.fact_transactions"
FILE = "employees/employees.csv"


def problems(history: History) -> list[Problem]:
    with history.warehouse.read() as connection:
        return problems_of(connection, history.run_id, history.present)


def keys(history: History) -> list[str]:
    return [problem.key for problem in problems(history) if problem.standing != "gone"]


def test_nothing_is_wrong_after_a_good_run(history: History) -> None:
    history.run()
    history.made("books")
    history.tested(FACT, "amount", "range", arguments="min 0")
    history.monitored("freshness", "transactions", "ok")
    assert problems(history) == []


def test_a_test_that_does_not_pass_is_told_with_numbers(history: History) -> None:
    history.run()
    history.tested(FACT, "amount", "range", arguments="min 55", failing=2)
    history.tested(FACT, None, "row_count", arguments="min 200", failing=100, severity="warn")
    assert problems(history) == [
        Problem(
            f"contract:{FACT}.amount:range:min 55",
            f"{FACT}.amount: range (min 55)",
            "2 of 100 rows fail it",
            "fail",
            "`meta.check_results` has the keys of the first",
        ),
        Problem(
            f"contract:{FACT}:row_count:min 200",
            f"{FACT}: row_count (min 200)",
            "100 rows, 100 too few or too many",
            "warn",
        ),
    ]


def test_a_test_that_was_not_run_again_is_as_wrong_as_before(history: History) -> None:
    history.run()
    history.tested(FACT, "amount", "range", failing=2)
    history.run()
    history.tested("marts.dim_merchants", "merchant", "unique")
    assert keys(history) == [f"contract:{FACT}.amount:range"]
    history.run()
    history.tested(FACT, "amount", "range")
    assert keys(history) == []


def test_a_test_that_is_not_among_those_of_its_table_any_more_is_over(history: History) -> None:
    history.run()
    history.tested(FACT, "amount", "range", arguments="min 55", failing=2)
    history.run()
    history.tested(FACT, "amount", "range", arguments="min 1")
    assert keys(history) == []


@pytest.mark.parametrize(
    ("node", "kind", "title"),
    [
        (FILE, "source file", f"{FILE} could not be loaded"),
        (FACT, "relation", f"{FACT} could not be built"),
        ("books", "reconciliation", "the books could not be balanced"),
        ("contracts", "data tests", "the tables could not be tested"),
        ("published", "publication", "nothing could be published"),
    ],
)
def test_what_could_not_be_made_is_wrong_until_it_is_up_to_date(
    history: History, node: str, kind: Kind, title: str
) -> None:
    history.run("failed")
    error = "a text that may quote ann.archer@example.com"
    history.made(node, "failed", "it is empty", error, kind)
    (problem,) = problems(history)
    assert (problem.key, problem.title, problem.severity) == (f"failed:{node}", title, "fail")
    assert problem.detail == "it is empty; `benepass runs show run1` shows more"
    history.run()
    history.made("marts.dim_merchants")
    assert keys(history) == [f"failed:{node}"]
    history.run()
    history.made(node, "skipped", kind=kind)
    assert keys(history) == []


@pytest.mark.parametrize(
    "gone",
    [
        pytest.param("extra/extra.csv", id="file"),
        pytest.param(FACT, id="table"),
        pytest.param("min 55", id="test"),
        pytest.param("null_rate", id="monitor"),
        pytest.param("s/f.csv", id="file that changed"),
    ],
)
def test_what_does_not_exist_any_more_is_gone_and_all_else_is_wrong(
    history: History, gone: str
) -> None:
    history.run("failed")
    history.made("extra/extra.csv", "failed")
    history.made(FACT, "failed")
    history.tested("marts.x", "amount", "range", arguments="min 55", failing=2)
    history.monitored("null_rate", "raw.x", "warn", "email")
    history.changed("s", "f.csv", "added")
    everything = keys(history)
    assert len(everything) == 5
    history.present = Everything(gone)
    (over,) = {*everything} - {*keys(history)}
    assert over in {it.key for it in problems(history) if it.standing == "gone"}


def test_where_the_project_cannot_be_read_it_is_not_known_what_still_exists(
    history: History,
) -> None:
    history.run("failed")
    history.made("marts.x", "failed")
    history.present = None
    assert [it.standing for it in problems(history)] == ["there"]
    history.run("failed")
    found = {it.key: it.standing for it in problems(history)}
    assert found == {"failed:marts.x": "unknown", "run": "there"}


def test_failing_tests_are_told_once_and_not_also_as_a_failed_task(history: History) -> None:
    history.run("failed")
    history.made("contracts", "failed", kind="data tests")
    history.tested(FACT, "amount", "range", failing=2)
    assert keys(history) == [f"contract:{FACT}.amount:range"]


def test_a_test_that_only_warns_hides_no_failed_task(history: History) -> None:
    history.run("failed")
    history.made("contracts", "failed", kind="data tests")
    history.tested(FACT, "amount", "range", failing=2, severity="warn")
    assert keys(history) == [f"contract:{FACT}.amount:range", "failed:contracts"]


def test_a_run_that_failed_without_a_task_is_wrong_until_one_does_not(history: History) -> None:
    history.run("failed", error="catalog.yaml:3 ...")
    assert problems(history) == [
        Problem(
            "run",
            "the run failed outside of its tasks",
            "catalog.yaml:3 ...",
            "fail",
            "`benepass runs show run1` shows more",
        )
    ]
    history.run()
    assert keys(history) == []


@pytest.mark.parametrize("status", ["running", "interrupted", "succeeded"])
def test_a_run_that_did_not_fail_is_not_a_problem(history: History, status: str) -> None:
    history.run(status)
    assert keys(history) == []


def test_a_monitor_is_wrong_until_the_monitors_say_otherwise(history: History) -> None:
    history.run()
    history.monitored("null_rate", "raw.employees", "warn", "email")
    history.monitored("freshness", "transactions", "fail")
    why = "50.0 % of the rows (median 0.0 % of 14 runs)"
    assert [(it.key, it.title, it.why, it.severity) for it in problems(history)] == [
        ("freshness:transactions", "transactions: freshness", why, "fail"),
        ("null_rate:raw.employees:email", "raw.employees: null_rate of email", why, "warn"),
    ]
    assert all(it.more.startswith("`benepass ") for it in problems(history))
    history.run("failed")
    assert len(problems(history)) == 2 + 1
    history.run()
    history.monitored("freshness", "transactions", "ok")
    assert keys(history) == []


def test_a_change_of_a_file_is_an_event_that_somebody_should_know(history: History) -> None:
    history.run()
    history.changed("s", "f.csv", "type_changed", misfits=1234)
    history.changed("s", "f.csv", "added", column="tip")
    history.changed("s", "f.csv", "added", column="Ann Archer")
    history.changed("s", "f.csv", "reordered", severity="info")
    history.changed("s", "f.csv", "removed", days_ago=8)
    found = problems(history)
    assert all(it.is_event and it.severity == "warn" for it in found)
    assert sorted((it.key, it.title, it.detail) for it in found) == [
        (
            "schema:s:f.csv:run1:added",
            "s: new columns (2)",
            "in f.csv; `benepass schema history s` names them",
        ),
        (
            "schema:s:f.csv:run1:type_changed",
            "s: columns with values of another type (1)",
            "in f.csv; 1,234 values do not fit; `benepass schema history s` names them",
        ),
    ]


def test_neither_keys_nor_the_texts_of_errors_are_told(history: History) -> None:
    history.run("failed", error="ann.archer@example.com")
    history.made("employees/employees.csv", "failed", "why", "it has ann.archer@example.com")
    history.tested("marts.dim_employees", "email", "regex", failing=1, keys=["ann.archer@x.com"])
    found = problems(history)
    assert len(found) == 2
    assert "archer" not in repr(found)


def test_a_problem_is_one_line_that_steers_nothing(history: History) -> None:
    history.run()
    history.tested("marts.x", "a\x1b[2J\n\u202eb", "range", arguments="x" * 1000, failing=1)
    (problem,) = problems(history)
    assert problem.title.startswith(r"marts.x.a\x1b[2J\n\u202eb: range (xxx")
    assert len(problem.title) == LONGEST_TITLE + len("...")


def test_a_reason_that_is_long_or_steers_leaves_room_for_where_there_is_more(
    history: History,
) -> None:
    history.run("failed")
    history.made("marts.x", "failed", "a\n`b` \x1b[2J" + "x" * 1000)
    (problem,) = problems(history)
    assert problem.detail.startswith(r"a 'b' \x1b[2Jxxx")
    assert problem.detail.endswith("...; `benepass runs show run1` shows more")
    assert len(problem.detail) == LONGEST_DETAIL
