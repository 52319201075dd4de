"""What is wrong, by the latest word on each thing in schema `meta`."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

from benepass_tasks.quality.alerts.problems import (
    EVENTS_LAST,
    LONGEST_TITLE,
    Problem,
    events_of,
    problems_of,
)

if TYPE_CHECKING:
    from tests.quality.alerts.conftest import History

FACT = "marts.fact_transactions"


def problems(history: History) -> list[Problem]:
    with history.warehouse.read() as connection:
        return problems_of(connection, history.run_id)


def keys(history: History) -> list[str]:
    return [problem.key for problem in problems(history)]


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
            "2 of 100 rows",
            "fail",
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


def test_a_table_that_promises_nothing_any_more_is_over_once_all_others_pass(
    history: History,
) -> None:
    history.run()
    history.tested(FACT, "amount", "range", failing=2)
    history.tested("marts.dim_employees", "status", "not_null", failing=3, severity="warn")
    history.vouch("contracts/marts.dim_employees")
    assert len(keys(history)) == 2
    history.vouch("contracts")
    assert keys(history) == ["contract:marts.dim_employees.status:not_null"]


@pytest.mark.parametrize(
    ("node", "title"),
    [
        ("employees/employees.csv", "employees/employees.csv could not be loaded"),
        (FACT, f"{FACT} could not be built"),
        ("books", "the books could not be balanced"),
        ("contracts", "the tables could not be tested"),
        ("published", "nothing could be published"),
    ],
)
def test_what_could_not_be_made_is_wrong_until_it_is_up_to_date(
    history: History, node: str, title: str
) -> None:
    history.run("failed")
    history.made(node, "failed", "a text that may quote ann.archer@example.com")
    assert problems(history) == [
        Problem(f"failed:{node}", title, "the log of run run1 says why", "fail")
    ]
    history.run()
    history.made("marts.dim_merchants")
    assert keys(history) == [f"failed:{node}"]
    history.run()
    history.made(node, "skipped")
    assert keys(history) == []


@pytest.mark.parametrize(
    ("node", "is_over"), [("marts.gone", True), ("contracts", False), ("published", False)]
)
def test_what_the_books_stand_on_is_over_when_they_balance(
    history: History, node: str, *, is_over: bool
) -> None:
    history.run("failed")
    history.made(node, "failed")
    history.run()
    history.made("books")
    assert (keys(history) == []) is is_over


def test_books_that_balanced_before_end_nothing(history: History) -> None:
    history.run()
    history.made("books")
    history.run("failed")
    history.made("marts.x", "failed")
    assert keys(history) == ["failed:marts.x"]


def test_books_that_fail_again_end_nothing(history: History) -> None:
    history.run("failed")
    history.made("marts.gone", "failed")
    history.run("failed")
    history.made("books", "failed")
    assert keys(history) == ["failed:books", "failed:marts.gone"]


def test_failing_tests_are_told_once_and_not_also_as_a_failed_task(history: History) -> None:
    history.run("failed")
    history.made("contracts", "failed")
    history.tested(FACT, "amount", "range", failing=2)
    assert keys(history) == [f"contract:{FACT}.amount:range"]


def test_a_test_that_only_warns_hides_no_failed_task(history: History) -> None:
    history.run("failed")
    history.made("contracts", "failed")
    history.tested(FACT, "amount", "range", failing=2, severity="warn")
    assert keys(history) == [f"contract:{FACT}.amount:range", "failed:contracts"]


def test_a_run_that_failed_without_a_task_is_wrong_until_one_does_not(history: History) -> None:
    history.run("failed", error="catalog.yaml:3 ...")
    assert problems(history) == [
        Problem(
            "run",
            "the run failed outside of its tasks",
            "the log of run run1 says why",
            "fail",
        )
    ]
    history.run()
    assert keys(history) == []


@pytest.mark.parametrize("status", ["running", "interrupted", "succeeded"])
def test_a_run_that_did_not_fail_is_no_problem(history: History, status: str) -> None:
    history.run(status)
    assert keys(history) == []


def test_a_monitor_is_wrong_until_the_monitors_say_otherwise(history: History) -> None:
    history.run()
    history.monitored("null_rate", "raw.employees", "warn", "email")
    history.monitored("freshness", "transactions", "fail")
    detail = "50.0 % of the rows (median 0.0 % of 14 runs)"
    assert problems(history) == [
        Problem("freshness:transactions", "transactions: freshness", detail, "fail"),
        Problem(
            "null_rate:raw.employees:email", "raw.employees: null_rate of email", detail, "warn"
        ),
    ]
    history.run("failed")
    assert len(problems(history)) == 2 + 1
    history.run()
    history.monitored("freshness", "transactions", "ok")
    assert keys(history) == []


def test_a_change_of_a_file_is_an_event_that_somebody_should_know(history: History) -> None:
    history.execute("drop table if exists meta.schema_changes")
    history.execute(
        "create table meta.schema_changes as from (values "
        "('s', 'f.csv', 'tip', 'added', null, 'DOUBLE', null, 'l1', 1, 'warning', now()),"
        "('s', 'f.csv', 'Ann Archer', 'added', null, 'DOUBLE', null, 'l1', 4, 'warning', now()),"
        "('s', 'f.csv', 'amount', 'type_changed', 'DOUBLE', 'VARCHAR', 1234, 'l1', 2, 'warning',"
        " now() - interval 1 second),"
        "('s', 'f.csv', 'day', 'reordered', '1', '2', null, 'l1', 3, 'info', now()),"
        "('s', 'f.csv', 'old', 'removed', 'DATE', null, null, 'l0', 1, 'warning',"
        " now() - interval 8 days)"
        ") as t(source, file, column_name, change, before, after, misfits, load_id, entry, "
        "severity, changed_at)"
    )
    with history.warehouse.read() as connection:
        found = list(events_of(connection, datetime.now(UTC) - EVENTS_LAST))
    assert found == [
        Problem(
            "schema:s:f.csv:l1:type_changed",
            "s: columns with values of another type (1)",
            "in f.csv; 1,234 values do not fit; `schema history s` names them",
            "warn",
            is_event=True,
        ),
        Problem(
            "schema:s:f.csv:l1:added",
            "s: new columns (2)",
            "in f.csv; `schema history s` names them",
            "warn",
            is_event=True,
        ),
    ]


def test_neither_keys_nor_the_texts_of_errors_are_told(history: History) -> None:
    history.run("failed", error="ann.archer@example.com")
    history.made("employees/employees.csv", "failed", "lacks a column; has ann.archer@example.com")
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
