"""`source inspect` and `source add`: what they print, ask and write."""

from __future__ import annotations

import gzip
import zipfile
from typing import TYPE_CHECKING

import openpyxl
import pytest
import yaml
from events import Writer, deliver, person

from benepass_tasks.cli import proposing
from benepass_tasks.ingestion.proposals import sampling

if TYPE_CHECKING:
    from collections.abc import Callable

    from workspace import Workspace

    from tests.cli.conftest import Said

GERMAN = """\
Umsatzliste
Transaktionsnummer;Mitarbeiternr;Konto;Händler;Betrag;Buchungsdatum;Notiz
T1;E1;A1;Iron Heron Gym;60,00;05.03.2025;ruf ann@example.com an
T2;E1;A1;Iron Heron Gym;1.050,00;06.03.2025;
T3;E2;A2;Plum Crate;12,50;31.03.2025;
Summe;;;;1.122,50;;
"""
GOOD = """\
transaction_id,employee_id,benefit_account_id,merchant,amount,transaction_timestamp,category
T1,E1,A1,Iron Heron Gym,60.25,2025-03-01T10:00:00Z,gym
T2,E3,A3,Plum Crate,50.25,2025-03-02T10:00:00Z,groceries
"""
ZONE = ("--answer", "transaction_timestamp.zone=Europe/Berlin")
ANSWERS = (*ZONE, "--answer", "encoding=Windows-1252")


def test_inspect_proposes_and_writes_nothing(
    workspace: Workspace, say: Callable[..., Said]
) -> None:
    workspace.write("card.csv", GERMAN.encode("cp1252"))
    before = (workspace.root / "catalog.yaml").read_bytes()
    said = say("source", "inspect", str(workspace.root / "card.csv"), *ANSWERS)
    assert said.code == 0, said.err
    assert (workspace.root / "catalog.yaml").read_bytes() == before
    for part in (
        "card.csv: 3 records read, all of them; source transactions",
        "is semicolon-separated",
        "has one line above the header",
        "looks like Windows-1252",
        "has totals or a footer: 1 line",
        '+    sep: ";"',
        "+    skiprows: 1",
        "aliases: [Transaktionsnummer]",
        'written_as: {decimal: ",", thousands: "."}',
        "written_as: {order: DMY, zone: Europe/Berlin}",
        "identifier FREE_TEXT",
    ):
        assert part in said.out
    assert "ann" not in said.out
    assert "Plum" not in said.out


def test_a_question_ends_inspect_with_1_and_the_flag_that_answers_it(
    workspace: Workspace, say: Callable[..., Said]
) -> None:
    workspace.write("card.csv", GERMAN.encode())
    said = say("source", "inspect", str(workspace.root / "card.csv"))
    assert said.code == 1
    assert "  --answer transaction_timestamp.zone=America/New_York  (for example)" in said.lines


@pytest.mark.nightly
def test_an_answer_to_what_nobody_asks_is_told_with_the_nearest_question(
    workspace: Workspace, say: Callable[..., Said]
) -> None:
    workspace.write("card.csv", GERMAN.encode())
    wrong = ("--answer", "transaction_timestamp.zome=Europe/Berlin")
    said = say("source", "inspect", str(workspace.root / "card.csv"), *wrong)
    assert said.lines[0] == (
        "--answer transaction_timestamp.zome=... answers nothing that these files leave open "
        "(did you mean 'transaction_timestamp.zone'?)"
    )
    said = say("source", "inspect", str(workspace.root / "card.csv"), *ZONE)
    assert "answers nothing" not in said.out


def test_a_proposal_as_json_has_the_evidence_the_questions_and_their_flags(
    workspace: Workspace, say: Callable[..., Said]
) -> None:
    workspace.write("card.csv", GERMAN.encode())
    said = say("source", "inspect", str(workspace.root / "card.csv"), "--json")
    assert said.code == 1
    (proposal,) = said.json
    assert (proposal["source"], proposal["records"], proposal["is_new"]) == (
        "transactions",
        3,
        False,
    )
    assert proposal["load_args"] == {"sep": ";", "skiprows": 1}
    assert proposal["layout"] == {"skip_lines": [r"^\W*Summe\b"]}
    assert "is semicolon-separated" in [it["says"] for it in proposal["evidence"]]
    columns = {it["name"]: it for it in proposal["columns"]}
    assert columns["amount"]["header"] == "Betrag"
    assert columns["amount"]["written_as"] == {"decimal": ",", "thousands": "."}
    assert columns["notiz"]["pii"]["class"] == "identifier"
    (question,) = proposal["questions"]
    assert question["flags"] == ["--answer transaction_timestamp.zone=America/New_York"]
    assert "ann" not in said.out


def test_a_column_that_does_not_matter_is_ignored_once_somebody_says_so(
    workspace: Workspace, say: Callable[..., Said]
) -> None:
    lines = (workspace.data / "transactions.csv").read_text().splitlines()
    others = [f"{lines[0]},channel,note", *(f"{it},web,see {it[:2]}" for it in lines[1:])]
    workspace.write("card.csv", "\n".join([*others, ""]))
    inspect = ("source", "inspect", str(workspace.root / "card.csv"), "--answer", "refunds=net")
    said = say(*inspect)
    assert "If channel does not matter, say so: --answer channel.ignored=yes" in said.lines
    assert "ignored: [" not in said.out
    said = say(*inspect, "--answer", "channel.ignored=yes")
    assert "+    ignored: [channel]" in said.lines
    assert "+      channel:" not in said.lines
    refused = say(*inspect, "--answer", "note.ignored=yes")
    assert refused.code == 1
    assert "note may be personal" in refused.err


def test_add_tries_the_entry_and_writes_it(workspace: Workspace, say: Callable[..., Said]) -> None:
    workspace.write("data/transactions.csv", GERMAN.encode("cp1252"))
    file = str(workspace.data / "transactions.csv")
    said = say("source", "add", file, *ANSWERS, "--yes")
    assert said.code == 0, said.err
    assert said.lines[-1] == "Written."
    (at,) = [place for place, line in enumerate(said.lines) if line.startswith("records")]
    assert said.lines[at + 1].split() == ["3", "0", "2", "1", "0"]
    assert 'sep: ";"' in (workspace.root / "catalog.yaml").read_text(encoding="utf-8")


@pytest.mark.nightly
def test_what_add_wrote_is_loaded_as_it_said(
    workspace: Workspace, say: Callable[..., Said]
) -> None:
    workspace.write("data/transactions.csv", GERMAN.encode("cp1252"))
    file = str(workspace.data / "transactions.csv")
    assert say("source", "add", file, *ANSWERS, "--yes").code == 0
    workspace.run("marts.fact_transactions")
    assert workspace.query(
        "select transaction_id, amount, transaction_timestamp::varchar from marts.fact_transactions"
        " order by all"
    ) == [
        ("T1", 60, "2025-03-04 23:00:00"),
        ("T2", 1050, "2025-03-05 23:00:00"),
    ]


@pytest.mark.nightly
@pytest.mark.parametrize(
    ("employees", "told"),
    [
        (["E9", "E9", "E9"], "transactions: 0.0% of the records are neither rejected nor"),
        (["E1", "E9", "E9"], "transactions: 33.3% of the records are neither rejected nor"),
    ],
)
def test_add_writes_nothing_where_too_few_records_are_clean_unless_that_is_said(
    workspace: Workspace, say: Callable[..., Said], employees: list[str], told: str
) -> None:
    head, first, _ = GOOD.replace("merchant", "Händler").splitlines()
    rest = first.removeprefix("T1,E1")
    rows = [f"T{number},{it}{rest}" for number, it in enumerate(employees)]
    workspace.write("data/transactions.csv", "\n".join([head, *rows, ""]))
    before = (workspace.root / "catalog.yaml").read_bytes()
    add = ("source", "add", str(workspace.data / "transactions.csv"), "--yes")
    said = say(*add)
    assert said.code == 1
    assert "nothing is written, since too few records are clean:" in said.err
    assert told in said.err
    assert any(it.startswith("quarantined  invalid_employee_id") for it in said.lines)
    assert (workspace.root / "catalog.yaml").read_bytes() == before
    said = say(*add, "--even-unclean")
    assert said.code == 0, said.err
    assert (workspace.root / "catalog.yaml").read_bytes() != before


@pytest.mark.nightly
def test_files_are_added_one_after_another_while_others_do_not_fit_yet(
    workspace: Workspace, say: Callable[..., Said]
) -> None:
    employees = (workspace.data / "employees.csv").read_text()
    workspace.write("data/employees.csv", employees.replace("hire_date", "Entry", 1))
    workspace.write("data/transactions.csv", GOOD.replace("merchant,amount", "Shop,Betrag"))
    answer = ("--answer", "hire_date.column=Entry", "--yes")
    said = say("source", "add", str(workspace.data / "employees.csv"), *answer)
    assert said.code == 0, said.err
    said = say("source", "add", str(workspace.data / "transactions.csv"), "--yes")
    assert said.code == 0, said.err


@pytest.mark.nightly
def test_where_nobody_is_known_yet_the_other_files_come_first(
    workspace: Workspace, say: Callable[..., Said]
) -> None:
    (workspace.data / "employees.csv").unlink()
    workspace.write("data/transactions.csv", GOOD.replace("merchant,amount", "Shop,Betrag"))
    said = say("source", "add", str(workspace.data / "transactions.csv"), "--yes")
    assert said.code == 1
    assert "no records of employees are there yet; add their files first" in said.err


def test_add_writes_nothing_while_a_question_is_open(
    workspace: Workspace, say: Callable[..., Said]
) -> None:
    workspace.write("data/transactions.csv", GERMAN.encode())
    before = (workspace.root / "catalog.yaml").read_bytes()
    said = say("source", "add", str(workspace.data / "transactions.csv"), "--yes")
    assert said.code == 1
    assert "nothing is written: 1 question left open" in said.err
    assert (workspace.root / "catalog.yaml").read_bytes() == before


def test_add_has_nothing_to_write_for_files_that_are_as_declared(
    workspace: Workspace, say: Callable[..., Said]
) -> None:
    said = say("source", "add", str(workspace.data / "employees.csv"))
    assert said.code == 0, said.err
    assert said.lines[-1] == "catalog.yaml says all of this already: there is nothing to write."


CENSUS = """\
Worker ID,First Name,Last Name,Work Email,Hire Date,Worker Status
{id},Ann,Archer,ann.archer.{id}@example.com,2021-03-15,Active
"""


@pytest.mark.nightly
def test_a_file_beside_the_given_one_is_asked_about_with_what_takes_both(
    workspace: Workspace, say: Callable[..., Said]
) -> None:
    for land in ("DE", "FR"):
        workspace.write(f"data/employees_{land}.csv", CENSUS.format(id=f"{land}1").encode())
    workspace.write("data/employees_leavers.csv", b"Worker ID,Left on\nDE9,2021-03-15\n")
    given = str(workspace.data / "employees_DE.csv")
    asked = say("source", "add", given, "--yes", "--even-unclean")
    assert asked.code == 1
    for part in (
        "employees_FR.csv lies beside, with the same columns: does source employees read it, too?",
        "--answer files=all  (it reads data/employees_*.csv)",
        "--answer files=given  (it reads data/employees_DE.csv)",
    ):
        assert part in asked.out
    assert "leavers" not in asked.out
    alone = say("source", "inspect", given, "--answer", "files=given")
    assert alone.code == 0
    assert "+  filepath: data/employees_DE.csv" in alone.out
    both = say("source", "inspect", given, "--answer", "files=all")
    assert both.code == 0
    assert "employees_DE.csv, employees_FR.csv: 2 records read, all of them" in both.out
    named = say("source", "inspect", given, str(workspace.data / "employees_FR.csv"))
    for said in (both, named):
        assert '+  filepath: "data/employees_*.csv"' in said.out


@pytest.mark.nightly
def test_add_asks_before_it_writes(
    workspace: Workspace, say: Callable[..., Said], monkeypatch: pytest.MonkeyPatch
) -> None:
    before = (workspace.root / "catalog.yaml").read_bytes()
    workspace.write("departments.csv", "Department ID,Name\nD1,Sales\nD2,Legal\n")
    file = str(workspace.root / "departments.csv")
    assert say("source", "add", file).code == 2
    monkeypatch.setattr("sys.stdin.isatty", lambda: True)
    monkeypatch.setattr("click.confirm", _refuse)
    assert say("source", "add", file).code == 130
    assert (workspace.root / "catalog.yaml").read_bytes() == before
    assert not (workspace.root / "sql/staging/stg_departments.sql").exists()


def _refuse(*_: object, **__: object) -> bool:
    raise KeyboardInterrupt


def test_on_a_terminal_questions_are_asked(
    workspace: Workspace, say: Callable[..., Said], monkeypatch: pytest.MonkeyPatch
) -> None:
    workspace.write("card.csv", GERMAN.encode())
    asked = []

    def answer(name: str, **_: object) -> str:
        asked.append(name)
        return "Europe/Berlin"

    monkeypatch.setattr("sys.stdin.isatty", lambda: True)
    monkeypatch.setattr("click.prompt", answer)
    said = say("source", "inspect", str(workspace.root / "card.csv"))
    assert (said.code, asked) == (0, ["transaction_timestamp.zone"])
    assert "zone: Europe/Berlin" in said.out


@pytest.mark.nightly
def test_a_new_feed_gets_a_source_and_a_table(
    workspace: Workspace, say: Callable[..., Said]
) -> None:
    workspace.write(
        "data/departments.csv",
        "Department ID,Name,Head,Budget,Since\n"
        'D1,Sales,ann@example.com,"1,200.50",31.12.2019\n'
        'D2,Legal,bo@example.com,"900.00",01.02.2020\n',
    )
    said = say("source", "add", str(workspace.data / "departments.csv"), "--yes")
    assert said.code == 0, said.err
    assert say("catalog", "validate").code == 0
    workspace.run()
    assert workspace.query(
        "select department_id, budget, since::varchar from staging.stg_departments order by all"
    ) == [("D1", 1200.5, "2019-12-31"), ("D2", 900, "2020-02-01")]
    columns = workspace.query(
        "select column_name from duckdb_columns() where table_name = 'stg_departments'"
    )
    assert ("head",) not in columns


@pytest.mark.nightly
def test_a_file_elsewhere_is_to_be_copied(workspace: Workspace, say: Callable[..., Said]) -> None:
    workspace.write("in/departments.csv", "Department ID,Name\nD1,Sales\nD2,Legal\n")
    file = workspace.root / "in/departments.csv"
    said = say("source", "add", str(file), "--yes")
    assert said.lines[-1] == (
        f"Now put the file where runs look for it: cp {file} {workspace.data / 'departments.csv'}"
    )


def test_a_trial_that_fails_writes_nothing(workspace: Workspace, say: Callable[..., Said]) -> None:
    workspace.write("data/departments.csv", "Department ID,Name\nD1,Sales\nD2,Legal\n")
    workspace.write("sql/marts/dim_merchants.sql", "select nothing from nowhere")
    before = (workspace.root / "catalog.yaml").read_bytes()
    said = say("source", "add", str(workspace.data / "departments.csv"), "--yes")
    assert said.code == 1
    assert (workspace.root / "catalog.yaml").read_bytes() == before


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "is empty"),
        (b"<!DOCTYPE html><html><body>Sign in</body></html>", "is a web page"),
        (b"%PDF-1.7\n" + b"x" * 300, "is a PDF"),
        (b"\x00\x01\x02\x03" * 100, "is not text"),
    ],
)
def test_a_file_that_fits_nothing_is_said_to_be_what_it_is(
    workspace: Workspace, say: Callable[..., Said], content: bytes, says: str
) -> None:
    workspace.write("it.csv", content)
    said = say("source", "inspect", str(workspace.root / "it.csv"))
    assert said.code == 1
    assert says in said.err


@pytest.mark.nightly
def test_of_a_workbook_the_sheet_is_asked_for_and_its_title_and_total_are_not_records(
    workspace: Workspace, say: Callable[..., Said]
) -> None:
    header, *records = [it.split(",") for it in GOOD.splitlines()]
    (workspace.data / "transactions.csv").unlink()
    path = workspace.data / "transactions.xlsx"
    book = openpyxl.Workbook()
    book.worksheets[0].append(["Made by finance"])
    sheet = book.create_sheet("Card export")
    total = ["Total", None, None, None, "110.50"]
    for row in (["Card charges, March"], [], header, *records, total):
        sheet.append(row)
    book.save(path)
    asked = say("source", "inspect", str(path))
    assert asked.code == 1
    assert "  --answer 'sheet=Card export'" in asked.err.splitlines()
    said = say("source", "add", str(path), "--answer", "sheet=Card export", "--yes")
    assert said.code == 0, said.err
    assert "  has 2 rows above the header: they fill fewer cells than most rows" in said.lines
    workspace.run()
    (spent,) = workspace.query("select count(*), sum(amount)::varchar from marts.fact_transactions")
    assert spent == (2, "110.50")


def test_a_damaged_workbook_is_named_and_said_to_be_one(
    workspace: Workspace, say: Callable[..., Said]
) -> None:
    with zipfile.ZipFile(workspace.root / "it.csv", "w") as archive:
        archive.writestr("xl/workbook.xml", "<x/>")
    said = say("source", "inspect", str(workspace.root / "it.csv"))
    assert said.code == 1
    assert said.err.startswith("it.csv is an Excel workbook. ")


def test_a_compressed_file_is_looked_into(workspace: Workspace, say: Callable[..., Said]) -> None:
    workspace.write("card.csv.gz", gzip.compress(GERMAN.encode()))
    said = say("source", "inspect", str(workspace.root / "card.csv.gz"), *ZONE)
    assert said.code == 0, said.err
    assert "is a gzip file" in said.out
    assert "source transactions" in said.out


def test_all_of_a_file_is_read_where_the_first_records_leave_a_question(
    workspace: Workspace, say: Callable[..., Said], monkeypatch: pytest.MonkeyPatch
) -> None:
    days = ["03/04/2020"] * 30 + ["03/31/2020"]
    rows = [f"E{number},A,B,a@example.com,{day},active" for number, day in enumerate(days)]
    header = "employee_id,first_name,last_name,email,hire_date,status"
    workspace.write("staff.csv", "\n".join([header, *rows, ""]))
    monkeypatch.setattr(proposing, "FIRST", 20)
    said = say("source", "inspect", str(workspace.root / "staff.csv"))
    assert said.code == 0, said.out
    assert "staff.csv: 31 records read, all of them" in said.out
    assert "31 of 31 values are valid; 1 only so" in said.out


def test_a_bounded_number_of_records_is_read_otherwise(
    workspace: Workspace, say: Callable[..., Said], monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = [f"D{number},Department {number}" for number in range(50)]
    workspace.write("departments.csv", "\n".join(["Department ID,Name", *rows, ""]))
    monkeypatch.setattr(proposing, "FIRST", 20)
    said = say("source", "inspect", str(workspace.root / "departments.csv"))
    assert "departments.csv: 20 records read, the first ones" in said.out
    assert sampling.FIRST >= 10_000


@pytest.mark.parametrize("has_schema", [True, False])
def test_events_of_changes_are_proposed_as_such(
    workspace: Workspace,
    say: Callable[..., Said],
    has_schema: bool,  # noqa: FBT001 - one of two forms
) -> None:
    rows = [person(it) for it in (1, 2, 3)]
    writer, other = Writer(has_schema=has_schema), Writer("hr.teams", has_schema=has_schema)
    lines = [*writer.snapshot(*rows, lsn=1), writer.event("u", rows[0], 2, before=rows[0])]
    deliver(workspace, "1", *lines, writer.event("d", rows[2], 3), "null")
    deliver(workspace, "2", other.event("c", {"id": "x"}, 4), *lines)
    file = str(workspace.data / "staff/1.jsonl")
    added = say("source", "add", file, "--source", "employees", "--yes")
    assert added.code == 0, added.out
    entry = yaml.safe_load((workspace.root / "catalog.yaml").read_text(encoding="utf-8"))
    said = entry["employees"]
    assert said["type"] == "pandas.JSONDataset"
    assert said["metadata"]["layout"] == {"format": "debezium", "table": "hr.staff"}
    declared = said["metadata"]["columns"]
    assert declared["hire_date"].get("written_as") == (None if has_schema else {"epoch": "days"})
    assert "op" not in declared
    workspace.run("staging.stg_employees")
    found = workspace.query("select employee_id from staging.stg_employees order by 1")
    assert found == [("E1",), ("E2",)]
    asked = say("source", "inspect", str(workspace.data / "staff/2.jsonl"))
    assert "--answer table=hr.teams" in asked.err
