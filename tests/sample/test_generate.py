"""The sample against an evaluation of its own: the rules once more, written from their text."""

import csv
import re
import subprocess
import sys
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from functools import partial
from itertools import pairwise
from pathlib import Path

import duckdb
import pytest
import yaml

from benepass_tasks.config.errors import ProjectError
from benepass_tasks.sample.__main__ import main
from benepass_tasks.sample.generate import Scale, generate, planted
from benepass_tasks.sample.ledger import TIER_1, TIER_2, ledger, write_ledger

PROJECT = Path(__file__).parents[2]
FROZEN_LEDGER = Path(__file__).with_name("ledger.yaml")
FILES = (
    "employees.csv",
    "benefit_accounts.csv",
    "transactions.csv",
    "category_benefit_mappings.csv",
)
SOURCES = ("employees", "benefit_accounts", "transactions")

Row = dict[str, str]
Issues = list[set[str]]


@dataclass
class Source:
    """A CSV file as read: its rows, trimmed and as written, and the records it lost."""

    rows: list[Row] = field(default_factory=list)
    written: list[tuple[str, ...]] = field(default_factory=list)
    rejected: int = 0


# --- reading ---------------------------------------------------------------------------------


def read(path: Path) -> Source:
    lines = path.read_bytes().removesuffix(b"\n").split(b"\n")
    header = lines[0].decode().split(",")
    source = Source()
    for values in records(lines[1:], len(header)):
        if values is None:
            source.rejected += 1
        else:
            source.rows.append({n: v.strip() for n, v in zip(header, values, strict=True)})
            source.written.append(tuple(values))
    return source


def records(lines: list[bytes], columns: int) -> Iterator[list[str] | None]:
    """One record per line; a second line only when the two together are a whole record."""
    number = 0
    while number < len(lines):
        for height in range(1, 30):
            values = parsed(b"\n".join(lines[number : number + height]), columns)
            if values is not None:
                break
        else:
            height = 1
        yield values
        number += height


def parsed(text: bytes, columns: int) -> list[str] | None:
    try:
        rows = list(csv.reader(text.decode().splitlines(keepends=True), strict=True))
    except (UnicodeDecodeError, csv.Error):
        return None
    return rows[0] if len(rows) == 1 and len(rows[0]) == columns else None


# --- employees and accounts ------------------------------------------------------------------


def identity_issues(source: Source, column: str, kind: str) -> Issues:
    """Missing, repeated and contradicting identifiers: of contradicting ones the last stays."""
    issues: Issues = [set() for _ in source.rows]
    by_id = defaultdict(list)
    for number, row in enumerate(source.rows):
        if row[column]:
            by_id[row[column]].append(number)
        else:
            issues[number].add(f"missing_{column}")
    for numbers in by_id.values():
        if len({source.written[number] for number in numbers}) == 1:
            for number in numbers[1:]:
                issues[number].add(f"duplicate_{kind}")
        else:
            for number in numbers[:-1]:
                issues[number].add(f"conflicting_{column}")
    return issues


def is_day(text: str) -> bool:
    try:
        date.fromisoformat(text)
    except ValueError:
        return False
    return True


def employee_issues(source: Source) -> Issues:
    issues = identity_issues(source, "employee_id", "employee")
    for row, found in zip(source.rows, issues, strict=True):
        if row["status"].lower() not in {"active", "terminated", "on_leave"}:
            found.add("unknown_status")
        if not is_day(row["hire_date"]):
            found.add("invalid_hire_date")
        if "@" not in row["email"]:
            found.add("invalid_email")
    return issues


def account_issues(source: Source, employees: dict[str, Row]) -> Issues:
    issues = identity_issues(source, "benefit_account_id", "benefit_account")
    for row, found in zip(source.rows, issues, strict=True):
        if row["employee_id"] not in employees:
            found.add("orphan_benefit_account")
        if not re.fullmatch(r"\d+\.\d\d", row["monthly_allowance"]):
            found.add("invalid_allowance")
        if row["benefit_type"].lower() not in {"wellness", "wfh", "meals", "learning"}:
            found.add("unknown_benefit_type")
    return issues


def accepted(source: Source, issues: Issues, name: str, column: str) -> dict[str, Row]:
    return {
        row[column]: row
        for row, found in zip(source.rows, issues, strict=True)
        if not found & set(TIER_2[name])
    }


# --- transactions ----------------------------------------------------------------------------


def amount_of(row: Row) -> Decimal | None:
    valid = re.fullmatch(r"-?\d+(\.\d{1,2})?", row["amount"])
    return Decimal(row["amount"]) if valid else None


def moment_of(row: Row) -> datetime | None:
    try:
        moment = datetime.fromisoformat(row["transaction_timestamp"])
    except ValueError:
        return None
    return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)


def has_zone(row: Row) -> bool:
    return bool(re.search(r"T?\d\d:\d\d:\d\d(Z|[+-]\d\d:\d\d)$", row["transaction_timestamp"]))


class TransactionCheck:
    """The rules of the transactions over one set of files."""

    def __init__(
        self,
        source: Source,
        employees: dict[str, Row],
        accounts: dict[str, Row],
        mappings: set[tuple[str, str]],
        as_of: datetime,
    ) -> None:
        self.source, self.employees, self.accounts = source, employees, accounts
        self.mappings, self.as_of = mappings, as_of
        self.issues: Issues = [self.row_issues(row) for row in source.rows]
        self.repeated_ids()
        severe = set(TIER_2["transactions"])
        self.accepted = [n for n, found in enumerate(self.issues) if not found & severe]
        self.over_allowance()
        self.possible_duplicates()

    def row_issues(self, row: Row) -> set[str]:
        checks = (self.amount_issues, self.time_issues, self.party_issues, self.text_issues)
        return {issue for check in checks for issue in check(row)}

    def amount_issues(self, row: Row) -> Iterator[str]:
        amount = amount_of(row)
        if amount is None:
            yield "invalid_amount"
        elif amount <= 0:
            yield "negative_amount" if amount else "zero_amount"

    def time_issues(self, row: Row) -> Iterator[str]:
        moment = moment_of(row)
        if moment is None:
            yield "invalid_timestamp"
            return
        if not has_zone(row):
            yield "timestamp_without_zone"
        if moment >= self.as_of:
            yield "future_timestamp"
        hired = self.employees.get(row["employee_id"], {}).get("hire_date", "")
        if is_day(hired) and moment.date() < date.fromisoformat(hired):
            yield "before_hire_date"

    def party_issues(self, row: Row) -> Iterator[str]:
        employee = self.employees.get(row["employee_id"])
        account = self.accounts.get(row["benefit_account_id"])
        if employee is None:
            yield "invalid_employee_id"
        elif employee["status"].lower() == "terminated":
            yield "terminated_employee"
        elif employee["status"].lower() not in {"active", "on_leave"}:
            yield "unknown_employee_status"
        if account is None:
            yield "invalid_benefit_account_id"
        elif employee and account["employee_id"] != row["employee_id"]:
            yield "cross_employee_account_usage"

    def text_issues(self, row: Row) -> Iterator[str]:
        if not row["transaction_id"]:
            yield "missing_transaction_id"
        if not row["merchant"]:
            yield "missing_merchant"
        account = self.accounts.get(row["benefit_account_id"])
        if not row["category"]:
            yield "missing_category"
        elif account and (account["benefit_type"].lower(), row["category"]) not in self.mappings:
            yield "category_mismatch"

    def repeated_ids(self) -> None:
        by_id = defaultdict(list)
        for number, row in enumerate(self.source.rows):
            if row["transaction_id"]:
                by_id[row["transaction_id"]].append(number)
        for numbers in by_id.values():
            same = len({self.source.written[number] for number in numbers}) == 1
            for number in numbers[1:] if same else numbers:
                self.issues[number].add(
                    "duplicate_transaction" if same else "conflicting_transaction_id"
                )

    def moment(self, number: int) -> datetime:
        moment = moment_of(self.source.rows[number])
        assert moment is not None
        return moment

    def over_allowance(self) -> None:
        totals: dict[tuple[str, int, int], Decimal] = defaultdict(Decimal)
        for number in sorted(self.accepted, key=self.moment):
            row, moment = self.source.rows[number], self.moment(number)
            account = self.accounts[row["benefit_account_id"]]
            if re.fullmatch(r"\d+\.\d\d", account["monthly_allowance"]):
                month = (account["benefit_account_id"], moment.year, moment.month)
                totals[month] += Decimal(row["amount"])
                if totals[month] > Decimal(account["monthly_allowance"]):
                    self.issues[number].add("over_monthly_allowance")

    def possible_duplicates(self) -> None:
        charges = defaultdict(list)
        for number in sorted(self.accepted, key=self.moment):
            row = self.source.rows[number]
            if row["merchant"]:
                key = (row["employee_id"], row["merchant"], Decimal(row["amount"]))
                charges[key].append(number)
        for numbers in charges.values():
            for earlier, later in pairwise(numbers):
                if self.moment(later) - self.moment(earlier) <= timedelta(minutes=10):
                    self.issues[earlier].add("possible_duplicate_charge")
                    self.issues[later].add("possible_duplicate_charge")


# --- the whole sample ------------------------------------------------------------------------


@dataclass
class Evaluation:
    """What the rules find in a directory of files."""

    sources: dict[str, Source]
    issues: dict[str, list[tuple[str, ...]]]


def evaluate(directory: Path) -> Evaluation:
    sources = {name: read(directory / f"{name}.csv") for name in SOURCES}
    mappings = {
        (row["benefit_type"], row["valid_category"])
        for row in read(directory / "category_benefit_mappings.csv").rows
    }
    found = {"employees": employee_issues(sources["employees"])}
    employees = accepted(sources["employees"], found["employees"], "employees", "employee_id")
    found["benefit_accounts"] = account_issues(sources["benefit_accounts"], employees)
    accounts = accepted(
        sources["benefit_accounts"],
        found["benefit_accounts"],
        "benefit_accounts",
        "benefit_account_id",
    )
    found["transactions"] = TransactionCheck(
        sources["transactions"], employees, accounts, mappings, datetime(2026, 1, 1, tzinfo=UTC)
    ).issues
    return Evaluation(
        sources, {name: [in_order(name, i) for i in issues] for name, issues in found.items()}
    )


def in_order(source: str, issues: set[str]) -> tuple[str, ...]:
    order = TIER_2[source] + TIER_1[source]
    return tuple(sorted(issues, key=order.index))


def recount(source: Source, issues: list[tuple[str, ...]], name: str) -> dict[str, object]:
    severe = TIER_2[name]
    refused = [found for found in issues if set(found) & set(severe)]
    kept = [found for found in issues if not set(found) & set(severe)]
    reasons = Counter(found[0] for found in refused)
    return {
        "records": len(issues) + source.rejected,
        "rejected": source.rejected,
        "rows": len(issues),
        "accepted": len(kept),
        "quarantined": len(refused),
        "issues_tier2": count(refused, severe),
        "flags": count(kept, TIER_1[name]),
        "flags_on_quarantined": count(refused, TIER_1[name]),
        "rejection_reasons": {reason: reasons[reason] for reason in severe},
        "several_issues": dict(Counter(", ".join(found) for found in issues if len(found) > 1)),
    }


def count(rows: Iterable[tuple[str, ...]], names: tuple[str, ...]) -> dict[str, int]:
    pairs = Counter(issue for found in rows for issue in found)
    return {name: pairs[name] for name in names}


def amounts(evaluation: Evaluation) -> dict[str, str]:
    sums = {"accepted": Decimal("0.00"), "quarantined": Decimal("0.00")}
    rows, issues = evaluation.sources["transactions"].rows, evaluation.issues["transactions"]
    for row, found in zip(rows, issues, strict=True):
        refused = set(found) & set(TIER_2["transactions"])
        sums["quarantined" if refused else "accepted"] += amount_of(row) or Decimal(0)
    return {
        "parsed": str(sum(sums.values())),
        **{name: str(total) for name, total in sums.items()},
    }


def assert_agrees(directory: Path, transactions: int) -> None:
    evaluation = evaluate(directory)
    expected = ledger(transactions)
    assert evaluation.issues == planted_issues(transactions)
    for name in SOURCES:
        found = recount(evaluation.sources[name], evaluation.issues[name], name)
        assert found == {key: expected[name][key] for key in found}
    assert amounts(evaluation) == expected["transactions"]["amounts"]


def planted_issues(transactions: int) -> dict[str, list[tuple[str, ...]]]:
    orders = {
        "employees": "place, employee_id, issues",
        "benefit_accounts": "place, benefit_account_id, issues",
        "transactions": "position",
    }
    with planted(Scale(transactions)) as connection:
        return {
            name: [
                tuple(filter(None, issues.split("|")))
                for (issues,) in connection.execute(
                    f"select issues from {name} order by {order}"
                ).fetchall()
            ]
            for name, order in orders.items()
        }


@pytest.fixture(scope="module")
def sample(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("sample")
    generate(directory)
    return directory


@pytest.fixture(scope="module")
def transactions(sample: Path) -> Source:
    return read(sample / "transactions.csv")


# --- the files -------------------------------------------------------------------------------


@pytest.mark.parametrize("name", FILES)
def test_the_committed_files_are_what_the_generator_writes(sample: Path, name: str) -> None:
    assert (PROJECT / "data" / "sample" / name).read_bytes() == (sample / name).read_bytes()


@pytest.mark.parametrize("threads", [1, 4])
def test_the_bytes_do_not_depend_on_the_threads(
    sample: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, threads: int
) -> None:
    monkeypatch.setattr(duckdb, "connect", partial(duckdb.connect, config={"threads": threads}))
    generate(tmp_path)
    for name in FILES:
        assert (tmp_path / name).read_bytes() == (sample / name).read_bytes()


def test_the_bytes_do_not_depend_on_the_parts(
    sample: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # The first part has to be long enough for every malformed record.
    monkeypatch.setattr("benepass_tasks.sample.generate._ROWS_PER_PART", 4_500)
    generate(tmp_path)
    assert (tmp_path / "transactions.csv").read_bytes() == (
        sample / "transactions.csv"
    ).read_bytes()


def test_nothing_but_the_four_files_is_left(sample: Path) -> None:
    assert {path.name for path in sample.iterdir()} == set(FILES)


def test_every_address_is_of_a_reserved_domain(sample: Path) -> None:
    domains = re.findall(rb"@([^,\s]*)", (sample / "employees.csv").read_bytes())
    assert len(domains) > 190
    assert set(domains) == {b"example.com", b"example.org", b"example.net"}


def test_no_two_employees_share_an_address(sample: Path) -> None:
    by_address = defaultdict(set)
    for row in read(sample / "employees.csv").rows:
        by_address[row["email"]].add(row["employee_id"])
    shared = {address for address, owners in by_address.items() if len(owners) > 1}
    assert shared == set()


# --- the records -----------------------------------------------------------------------------


def test_the_quote_that_never_closes_is_detectable(sample: Path) -> None:
    lines = (sample / "transactions.csv").read_bytes().split(b"\n")
    (place,) = (n for n, line in enumerate(lines) if line.count(b'"') == 1 and b"Fork" in line)
    following = next(line for line in lines[place + 1 :] if b'"' in line)
    assert lines.index(following) - place <= 5
    assert re.search(rb',"[^",]', following)


def test_each_kind_of_malformed_record_is_there(sample: Path) -> None:
    lines = (sample / "transactions.csv").read_bytes().split(b"\n")[1:-1]
    widths = Counter(line.count(b",") + 1 for line in lines if b'"' not in line)
    assert {width: widths[width] for width in (3, 5, 8)} == {3: 1, 5: 1, 8: 1}
    assert sum(b"\xff\xfe" in line for line in lines) == 1


@pytest.mark.parametrize(
    "merchant",
    [
        "Corner\nDeli",
        'Joe "The Bean" Café',
        "<script>alert(1)</script>",
        '=HYPERLINK("http://x.example")',
        "\x1b[31mRed Awning\x1b[0m",
        "'; DROP TABLE raw.transactions; --",
    ],
)
def test_each_awkward_merchant_is_on_one_clean_row(sample: Path, merchant: str) -> None:
    evaluation = evaluate(sample)
    found = [
        issues
        for row, issues in zip(
            evaluation.sources["transactions"].rows, evaluation.issues["transactions"], strict=True
        )
        if row["merchant"] == merchant
    ]
    assert found == [()]


@pytest.mark.parametrize(
    ("column", "values"),
    [
        ("amount", {"", "abc", "NaN", "inf", "$12.00", "1,234.50", "12.345"}),
        (
            "transaction_timestamp",
            {"", "not-a-date", "2025-02-30T10:00:00Z", "2025-13-01T08:00:00Z"},
        ),
        ("employee_id", {"", "  ", "E0000", "X0042"}),
        ("benefit_account_id", {"", "  ", "BA00000", "CARD-7"}),
        ("transaction_id", {"", "   "}),
        ("merchant", {"", "  ", "Green Fork, Inc."}),
        ("category", {"", " "}),
    ],
)
def test_each_spelling_of_a_problem_is_there(
    sample: Path, transactions: Source, column: str, values: set[str]
) -> None:
    header = (sample / "transactions.csv").read_text(errors="replace").split("\n")[0].split(",")
    assert values <= {written[header.index(column)] for written in transactions.written}


@pytest.mark.parametrize(
    "pattern",
    [
        r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ",
        r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\+02:00",
        r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d-05:00",
        r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\dZ",
        r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d",
        r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d",
        r"\d{4}-\d\d-\d\d",
    ],
)
def test_each_way_to_write_a_time_is_there(transactions: Source, pattern: str) -> None:
    assert any(re.fullmatch(pattern, row["transaction_timestamp"]) for row in transactions.rows)


# --- the ledger ------------------------------------------------------------------------------


def test_the_frozen_ledger_is_what_the_generator_writes(tmp_path: Path) -> None:
    write_ledger(tmp_path / "ledger.yaml", 5_000)
    assert FROZEN_LEDGER.read_text() == (tmp_path / "ledger.yaml").read_text()


def test_the_frozen_ledger_agrees_with_the_committed_files() -> None:
    assert_agrees(PROJECT / "data" / "sample", 5_000)
    assert yaml.safe_load(FROZEN_LEDGER.read_text()) == ledger(5_000)


def test_every_issue_is_planted() -> None:
    frozen = yaml.safe_load(FROZEN_LEDGER.read_text())
    for name in SOURCES:
        assert all(frozen[name]["issues_tier2"].values())
        assert all(frozen[name]["flags"].values())


@pytest.mark.parametrize("size", [5_001, 5_016, 7_777, 20_000])
def test_the_ledger_agrees_at_other_sizes(tmp_path: Path, size: int) -> None:
    generate(tmp_path, size)
    assert_agrees(tmp_path, size)


@pytest.mark.nightly
def test_the_ledger_agrees_across_parts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("benepass_tasks.sample.generate._ROWS_PER_PART", 33_333)
    generate(tmp_path, 100_000)
    assert_agrees(tmp_path, 100_000)


# --- the command -----------------------------------------------------------------------------


def test_the_command_writes_files_and_ledger(sample: Path, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "benepass_tasks.sample", "--out", str(tmp_path / "out")]
    subprocess.run([*command, "--ledger", str(tmp_path / "ledger.yaml")], check=True)
    for name in FILES:
        assert (tmp_path / "out" / name).read_bytes() == (sample / name).read_bytes()
    assert (tmp_path / "ledger.yaml").read_text() == FROZEN_LEDGER.read_text()


@pytest.mark.parametrize("size", [-1, 0, 4_999])
def test_a_size_without_room_for_every_issue_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], size: int
) -> None:
    with pytest.raises(ProjectError, match="ask for 5000 or more"):
        generate(tmp_path / "out", size)
    assert main(["--transactions", str(size), "--out", str(tmp_path / "out")]) == 2
    assert "too small" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()
