"""A charge that is past its retention leads to nobody any more, and no total moves by a cent."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING, Any

import pytest
from dying import died
from erasing import totals
from workspace import MadeOnce, Workspace, new_project

from benepass_tasks.config.hash_key import VARIABLE
from benepass_tasks.config.settings import current_settings
from benepass_tasks.ingestion.people.traces import Traces
from benepass_tasks.pipeline.erasure.proof import search
from tests.pipeline.erasure.conftest import copy_of
from tests.pipeline.retention.conftest import EMPLOYEES, HEADER, declare
from tests.pipeline.retention.test_delete import command

if TYPE_CHECKING:
    from pathlib import Path

BEFORE, AFTER = "2025-12-01", "2025-12-26"
"""On the first day no charge is past a year, and on the second those of early December are."""

FIELDS = HEADER.replace("category\n", "category,cardholder\n")
OLD = """\
CHARGE-0001,E1,A1,Iron Heron Gym,10.00,2024-12-10T10:00:00Z,gym,Zoe Quill
CHARGE-0002,E3,A3,Plum Crate,20.50,2024-12-11T10:00:00Z,gym,Cy Coleridge
CHARGE-0003,E9,A1,Iron Heron Gym,30.00,2024-12-12T10:00:00Z,gym,Nobody Known
CHARGE-0004,E1,A1,Iron Heron Gym,40.00,2024-12-13T10:00:00Z,gym,Ann Archer
CHARGE-0004,E1,A1,Iron Heron Gym,40.00,2024-12-13T10:00:00Z,gym,Ann Archer
CHARGE-0005,E1,A1,Iron Heron Gym,50.00,2024-12-14T10:00:00Z,gym,Ann Archer
CHARGE-0006,E1,A1,Iron Heron Gym,60.00,2024-12-15T10:00:00Z,gym,Ann Archer
CHARGE-0007,E4,A1,Iron Heron Gym,70.00,2024-12-16T10:00:00Z,gym,Di Dover
"""
"""Accepted, of another programme, unknown, twice, restated later, given another day, not theirs."""

LATER = """\
CHARGE-0005,E1,A1,Iron Heron Gym,55.00,2024-12-14T10:00:00Z,gym,Ann Archer
CHARGE-0006,E1,A1,Iron Heron Gym,60.00,2025-03-15T10:00:00Z,gym,Ann Archer
"""
NEW = "".join(
    f"CHARGE-{100 + it:04},E1,A1,Iron Heron Gym,1.00,2025-{1 + it % 11:02}-15T10:{it:02}:00Z,gym,\n"
    for it in range(60)
)
CATEGORY = (
    '      category: {description: "Spending category, such as gym or groceries.", '
    "required: false}\n"
)
CARDHOLDER = """\
      cardholder: {description: Name on the card., required: false, domain: people,
        pii: {class: identifier, kind: PERSON_NAME, treatment: plaintext, reason: as written}}
"""
GONE = frozenset(f"CHARGE-{number:04}" for number in (1, 2, 3, 4, 5, 7))
IDS = Traces({"TRANSACTION_ID": GONE}, frozenset(), frozenset({("Zoe", "Quill")}))

SOURCES = {"data/transactions.csv", "data/transactions_02.csv"}
"""The company's own files, which an anonymised charge still stands in."""

MONEY = ("by month", "by programme", "by merchant", "utilisation")


@pytest.fixture(scope="module")
def judged(made_once: MadeOnce) -> Workspace:
    """The project on the first day; for copying only."""

    def make(root: Path) -> None:
        made = new_project(root)
        made.write("data/transactions.csv", FIELDS + OLD + NEW)
        made.write("data/transactions_02.csv", FIELDS + LATER)
        made.write("data/employees.csv", EMPLOYEES)
        declare(made, "transactions", "transaction_timestamp", "anonymise")
        made.replace("catalog.yaml", CATEGORY, CATEGORY + CARDHOLDER)
        made.run("BuildSite", as_of=BEFORE)

    return Workspace(made_once("charges", make))


@pytest.fixture
def workspace(judged: Workspace, tmp_path: Path) -> Workspace:
    """A copy of it."""
    return copy_of(judged, tmp_path / "project")


def money(workspace: Workspace) -> dict[str, Any]:
    """What all accepted charges come to."""
    found = totals(workspace)
    balances = "select balance_month, program_name, spend, refunds from marts.program_balances"
    return {it: found[it] for it in MONEY} | {"balances": sorted(workspace.query(balances))}


def found(workspace: Workspace) -> set[str]:
    """The files that have an id of what is past it, as the proof of an erasure looks for values."""
    with workspace.configured():
        return {*search(current_settings(), IDS).hits}


def test_it_leads_to_nobody_and_still_counts(workspace: Workspace) -> None:
    before = money(workspace)
    assert {"data/warehouse.duckdb", "data/transactions.csv"} < found(workspace)
    workspace.run("BuildSite", as_of=AFTER)
    assert money(workspace) == before
    assert found(workspace) == SOURCES
    assert workspace.query(
        "select employee_id, benefit_account_id, program_name, amount::varchar, dq_flags "
        "from marts.fact_transactions where starts_with(transaction_id, 'erased-') order by amount"
    ) == [
        (None, None, "Wellness Plus", "10.00", []),
        (None, None, "Daily Meals", "20.50", ["category_mismatch"]),
        (None, None, "Wellness Plus", "40.00", []),
        (None, None, "Wellness Plus", "55.00", []),
    ]
    # What was not accepted is gone; the charge that has another day now is as it was.
    assert workspace.query(
        "select transaction_id, rejection_reason from quality.quarantine_transactions"
    ) == [("CHARGE-0006", "superseded_transaction")]
    assert workspace.run("BuildSite", as_of=AFTER) == set()
    assert command(workspace, "verify") == 0


def test_no_file_doubles_it_or_brings_it_back(workspace: Workspace) -> None:
    workspace.run(as_of=AFTER)
    before = money(workspace)["by programme"]
    again = "CHARGE-0001,E1,A1,Iron Heron Gym,99.00,2025-11-11T10:00:00Z,gym,Zoe Quill\n"
    late = "CHARGE-0500,E3,A3,Plum Crate,5.00,2024-11-30T10:00:00Z,groceries,\n"
    workspace.write("data/transactions_03.csv", FIELDS + again + late)
    workspace.run("BuildSite", as_of=AFTER, force="raw.transactions")
    late_in = {"Daily Meals": 5, "Wellness Plus": 0}
    assert money(workspace)["by programme"] == [(it, n + late_in[it]) for it, n in before]
    assert found(workspace) == {*SOURCES, "data/transactions_03.csv"}
    assert workspace.query(
        "select file, records, parsed, expired from meta.loads "
        "where source = 'transactions' and recipe <> 'anonymised charges' order by file"
    ) == [
        ("transactions.csv", 68, 61, 7),
        ("transactions_02.csv", 2, 1, 1),
        ("transactions_03.csv", 2, 0, 2),
    ]
    assert command(workspace, "verify") == 0


def test_a_leap_of_the_clock_has_to_be_accepted(
    workspace: Workspace, caplog: pytest.LogCaptureFixture
) -> None:
    # A new file is loaded on that day, too: what is judged then is not what was judged before.
    late = "CHARGE-0500,E3,A3,Plum Crate,5.00,2025-11-30T10:00:00Z,groceries,\n"
    workspace.write("data/transactions_03.csv", FIELDS + late)
    _, succeeded = workspace.attempt(as_of="2026-01-02")
    assert not succeeded
    assert "the last time that was judged, it was 2025-12-01" in caplog.text
    assert workspace.query("select count(*) from raw.transactions where _outcome is not null") == [
        (0,)
    ]
    workspace.run(as_of="2026-01-02", accept="transactions")
    assert workspace.query("select guard, source from meta.decisions") == [
        ("max_expired", "transactions")
    ]
    assert workspace.query("select count(*) from raw.transactions where _outcome is not null") == [
        (4,)
    ]


def test_it_is_told_beforehand_and_counts_for_as_long_as_it_is_declared(
    workspace: Workspace,
    capsys: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    day = ("--benepass-as-of", AFTER)
    assert command(workspace, "privacy", "retain", "--dry-run", *day) == 0
    assert (
        "transactions (1 year by transaction_timestamp, then anonymise): the next run anonymises "
        "6 of 67 charges, from before 2024-12-26; 6 more within 30 days, the next on 2026-01-16."
    ) in capsys.readouterr().out
    assert command(workspace, "privacy", "retain", *day) == 0
    assert found(workspace) == SOURCES
    with monkeypatch.context() as patch:
        patch.delenv(VARIABLE)
        assert not workspace.attempt("BuildSite", as_of=AFTER, force="raw.transactions")[1]
        assert "nothing of transactions is loaded or anonymised" in caplog.text
    path = workspace.root / "catalog.yaml"
    path.write_text(path.read_text().replace("then: anonymise", "then: delete"))
    before = money(workspace)
    assert not workspace.attempt("BuildSite", as_of=AFTER)[1]
    assert "has charges that are anonymised, and count only as long" in caplog.text
    assert money(workspace) == before


@pytest.mark.sweep
@pytest.mark.nightly
def test_killed_at_any_moment_the_next_run_finishes_it(judged: Workspace, tmp_path: Path) -> None:
    before = money(judged)
    for moment in range(1_000):
        workspace = copy_of(judged, tmp_path / f"project {moment}")
        line = ("privacy", "retain", "--benepass-as-of", AFTER)
        is_killed = died(workspace, moment, *line)
        workspace.run("BuildSite", as_of=AFTER)
        assert money(workspace) == before, moment
        assert found(workspace) == SOURCES, moment
        if not is_killed:
            assert moment > 5
            return
        shutil.rmtree(workspace.root)
    pytest.fail("it never came to its end")
