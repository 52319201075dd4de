"""Amounts that are all so many times those before are refused: a file in another unit."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest
from projects import ROOT, catalog_of
from warehouses import warehouse

from benepass_tasks.config.project import open_project
from benepass_tasks.engine.tables import engine_of
from benepass_tasks.ingestion.levels import Levels, compared_amounts
from benepass_tasks.sqlmodels.cache import Cache
from benepass_tasks.sqlmodels.canonical import READING
from benepass_tasks.sqlmodels.effective import read_definitions
from benepass_tasks.state.markers import Load

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from sqlalchemy import Connection
    from workspace import Workspace

HEADER = (
    "transaction_id,employee_id,benefit_account_id,merchant,amount,transaction_timestamp,category"
)
RAW = "raw.transactions"
USUAL = (12.5, 8.0, 60.0, 25.0, 31.9)
DECISIONS = "select file, guard, run_id is not null from meta.decisions order by all"


def times(factor: float) -> list[float]:
    return [round(factor * it, 2) for it in USUAL]


def load_of(file: str, number: int, records: int) -> Load:
    return Load(
        source="transactions",
        file=file,
        code_version="1",
        sha256="0",
        file_state="0",
        load_id=f"load-{number}",
        lines=0,
        records=records,
        parsed=records,
        rejected=0,
        seconds=0,
        run_id="run",
        loaded_at=datetime(2026, 1, 1, tzinfo=UTC),
    )


class Files:
    """The raw table of some charges, into which files are loaded one after the other."""

    def __init__(self, levels: Levels, connection: Connection) -> None:
        self.levels, self.connection = levels, connection
        self.loads = dict[str, Load]()
        self.number = 0

    def hold(self, file: str, amounts: Sequence[float], first: int) -> Load:
        """Have the charges of a file in raw, whose ids are numbers from `first` on."""
        self.number += 1
        load = load_of(file, self.number, len(amounts))
        for row, amount in enumerate(amounts, 1):
            self.connection.exec_driver_sql(
                "insert into raw.transactions (transaction_id, amount, _source_file, _row_number, "
                "_dlt_load_id) values (?, ?, ?, ?, ?)",
                (f"T{first + row}", f"{amount:.2f}", file, row, load.load_id),
            )
        return load

    def load(self, file: str, amounts: Sequence[float], first: int = 0) -> list[str]:
        """Load a file; returns what stands against it."""
        load = self.hold(file, amounts, first)
        others = [it for name, it in self.loads.items() if name != file]
        found = self.levels.shifts(self.connection, {load: self.loads.get(file)}, others)
        if not found:
            self.loads[file] = load
        return [f"{it.guard}: {it.figures}" for it in found.get(file, ())]


@pytest.fixture(scope="module")
def levels(tmp_path_factory: pytest.TempPathFactory) -> Levels:
    cache = Cache(tmp_path_factory.mktemp("levels") / "cache")
    read = read_definitions(open_project(ROOT), cache)
    macros = {*READING, *read.graph.models["base.transactions"].macros}
    source = read.catalog.sources["transactions"]
    return Levels(source, RAW, tuple(read.graph.macros_behind(macros)))


@pytest.fixture
def files(levels: Levels, tmp_path: Path) -> Iterator[Files]:
    """A table that holds the charges of January."""
    columns = (*levels.source.columns, "_source_file", "_dlt_load_id")
    with warehouse(tmp_path).write() as connection:
        types = dict.fromkeys(columns, "VARCHAR") | {"_row_number": "BIGINT"}
        engine_of(connection).extend(RAW, types)
        found = Files(levels, connection)
        assert found.load("t_2025-01.csv", USUAL) == []
        yield found


@pytest.mark.parametrize("factor", [100, 0.01, 2, 0.92])
@pytest.mark.parametrize(
    ("file", "told"), [("t_2025-01.csv", "its last load"), ("t_2025-02.csv", "t_2025-01.csv")]
)
def test_charges_that_come_again_may_not_all_be_so_many_times_what_they_were(
    files: Files, file: str, told: str, factor: float
) -> None:
    figures = (
        f"max_factor: 5 of its 5 amounts in amount are of records that are in {told}, and "
        f"{factor:g} times what they were there; max_factor is 1.02"
    )
    assert files.load(file, times(factor)) == [figures]


@pytest.mark.parametrize("factor", [100, 0.01, 1000, 150])
def test_other_charges_may_not_be_of_quite_another_size(files: Files, factor: float) -> None:
    figures = (
        f"max_level: its 5 amounts in amount are about {factor:g} times those of t_2025-01.csv, "
        "and max_level is 10"
    )
    assert files.load("t_2025-02.csv", times(factor), first=10) == [figures]


@pytest.mark.parametrize(
    ("file", "first", "amounts"),
    [
        ("t_2025-02.csv", 10, times(3)),
        ("t_2025-02.csv", 10, [900.0]),
        ("t_2025-02.csv", 10, [190.0, 240.0]),
        ("t_2025-01.csv", 0, [12.5, 9.0, 45.0, 50.0, 3.19]),
        ("t_2025-02.csv", 0, [6.25, 9.2, 60.0, 25.0, 31.9]),
        ("t_2025-02.csv", 4, [63.8, 12.0, 14.5, 9.0, 31.0]),
        ("t_2025-02.csv", 10, []),
    ],
    ids=["dearer", "one large", "two large", "corrections", "a late tip", "one restated", "empty"],
)
def test_what_may_well_be_passes(
    files: Files, file: str, first: int, amounts: Sequence[float]
) -> None:
    assert files.load(file, amounts, first) == []


def test_the_last_amounts_of_a_long_file_count_as_well(
    files: Files, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("benepass_tasks.ingestion.levels.LOOKED_AT", len(USUAL))
    assert files.load("transactions_1.csv", USUAL) == []
    mixed = [*times(1.1), *times(0.9), *times(100)]
    (told,) = files.load("transactions_2.csv", mixed, first=10)
    assert told.startswith("max_level: its last 5 amounts in amount are about 100 times those of")
    assert files.load("transactions_2.csv", [*USUAL, *USUAL, *times(1.2)], first=10) == []


def test_two_amounts_a_hundred_times_as_large_are_too_many(files: Files) -> None:
    assert files.load("t_2025-02.csv", [12.5, 14.0], first=10) == []
    assert files.load("t_2025-03.csv", [1250.0, 1590.0], first=20)


@pytest.mark.parametrize(("records", "spread"), [(60, 2000), (200, 40)])
def test_a_file_that_goes_on_in_cents_is_told_with_the_record_where_they_begin(
    files: Files, monkeypatch: pytest.MonkeyPatch, records: int, spread: int
) -> None:
    monkeypatch.setattr("benepass_tasks.ingestion.levels.SPREAD", spread)
    euros = [*USUAL, 7.7, 19.0] * (records // 14)
    (told,) = files.load("t_2024-12.csv", [*euros, *(100 * it for it in euros)], first=10)
    assert told == (
        f"max_level: from record {len(euros) + 1} on its amounts in amount are about 100 times "
        "those before, and max_level is 10"
    )
    assert files.load("t_2024-12.csv", [*euros, *euros], first=10) == []


def test_a_file_is_held_against_the_one_before_it_by_name(files: Files) -> None:
    for month in range(2, 13):
        assert files.load(f"t_2025-{month}.csv", times(2**month), first=10 * month) == []
    assert files.load("t_2025-7b.csv", times(64), first=200) == []
    assert files.load("t_2025-13.csv", times(1), first=210)
    assert files.load("t_2024-12.csv", times(1), first=220) == []


def test_of_many_files_that_come_together_only_the_odd_ones_are_refused(files: Files) -> None:
    loads = {
        files.hold(f"t_2025-{month}.csv", times(100 if month in {4, 5} else 1), 10 * month): None
        for month in range(2, 13)
    }
    found = files.levels.shifts(files.connection, loads, list(files.loads.values()))
    assert found.keys() == {"t_2025-4.csv", "t_2025-5.csv"}


def test_balances_may_double_where_nobody_spends(levels: Levels) -> None:
    accounts = catalog_of(ROOT).sources["benefit_accounts"]
    assert [name for name, _ in compared_amounts(accounts)] == ["monthly_allowance"]
    assert [name for name, _ in compared_amounts(levels.source)] == ["amount"]


def of_charges(factor: float, month: int = 1) -> str:
    rows = [
        f"T{month}-{i},E1,A1,Fit,{amount:.2f},2025-{month % 12 + 1:02}-03T10:00:00Z,gym"
        for i, amount in enumerate(times(factor))
    ]
    return "\n".join([HEADER, *rows, ""])


HELD = "select count(*), sum(amount::decimal(18, 2))::int from raw.transactions"


def test_what_is_refused_leaves_all_as_it_was_until_it_is_accepted(
    workspace: Workspace, caplog: pytest.LogCaptureFixture
) -> None:
    workspace.write("data/transactions.csv", of_charges(1))
    workspace.run(RAW)
    workspace.write("data/transactions.csv", of_charges(100))
    assert not workspace.attempt(RAW)[1]
    assert "transactions: transactions.csv is refused: 5 of its 5 amounts in amount" in caplog.text
    assert "the 5 rows of its last load stay" in caplog.text
    assert workspace.query(HELD) == [(5, 137)]
    workspace.run(RAW, accept="transactions")
    assert workspace.query(HELD) == [(5, 13740)]
    assert workspace.query(DECISIONS) == [("transactions.csv", "max_factor", True)]
    assert workspace.run(RAW) == set()


def test_of_small_files_that_are_loaded_together_one_is_refused(
    workspace: Workspace, caplog: pytest.LogCaptureFixture
) -> None:
    (workspace.data / "transactions.csv").unlink()
    for month in range(1, 23):
        factor = 0.01 if month == 7 else 1
        workspace.write(f"data/transactions_{month}.csv", of_charges(factor, month))
    assert not workspace.attempt(RAW)[1]
    assert "1 of 22 files cannot be loaded" in caplog.text
    told = "transactions_7.csv is refused: its 5 amounts in amount are about 0.01 times those of"
    assert f"{told} transactions_6.csv" in caplog.text
    workspace.run(RAW, accept="transactions")
    assert workspace.query(HELD) == [(110, 2887)]
