"""Whatever happens to the files, SQL and settings: each table is what a full build of it makes."""

from __future__ import annotations

from collections import Counter
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from random import Random
from typing import TYPE_CHECKING

import pytest
from histories import Company

from benepass_tasks.pipeline import build, making
from benepass_tasks.pipeline.past import kept_tables, rows_as_of
from benepass_tasks.state.kept import UnknownPastError
from benepass_tasks.state.markers import now, write_materializations

if TYPE_CHECKING:
    from pathlib import Path

    from sqlalchemy import Connection

AS_OF = date(2025, 3, 1)
EDITS = (
    ("sql/marts/merchant_categories.sql", "merchant is not null", "merchant <> 'Plum'"),
    ("sql/staging/stg_transactions.sql", "clean_text(merchant)", "clean_text(upper(merchant))"),
    ("sql/macros/clean_label.sql", "lower(", "lower('' || "),
    ("sql/intermediate/int_transactions_enriched.sql", "where not_counted is null", "where true"),
)


OTHER_MONTHS = """
with months as (
    select 'marts.fact_transactions' as relation, transaction_timestamp as moment, amount as money
    from marts.fact_transactions
    union all select 'marts.account_balances', balance_month, spend from marts.account_balances
    union all select 'marts.program_balances', balance_month, spend from marts.program_balances
    union all select 'marts.program_utilization', spend_month, spend from marts.program_utilization
),
found as (
    select relation, cast(date_trunc('month', moment) as date) as month, count(*) as row_count,
        cast(sum(money) as decimal(18, 2)) as money
    from months where moment is not null group by all
),
kept as (
    select relation, month, row_count, cast(money as decimal(18, 2)) as money
    from meta.month_totals
)
(from found except from kept) union all (from kept except from found)
"""
"""The months whose kept totals are not those of their tables, of either side."""


class KilledError(Exception):
    """The run ends here."""


@dataclass
class History:
    """A company of which something happens at each step."""

    company: Company
    random: Random
    employees: list[str] = field(default_factory=list)
    accounts: list[str] = field(default_factory=list)
    mappings: list[str] = field(default_factory=lambda: ["meals,groceries", "wellness,gym"])
    files: dict[str, list[str]] = field(default_factory=dict)
    gone: dict[str, list[str]] = field(default_factory=dict)
    as_of: date = AS_OF
    charges: int = 0

    def begin(self) -> None:
        self.employees = [self.employee(number) for number in range(8)]
        self.accounts = [self.account(number) for number in range(10)]
        for number in range(3):
            self.files[f"transactions_{number}.csv"] = [self.charge() for _ in range(15)]
        self.write()

    def employee(self, number: int) -> str:
        status = self.random.choice(("active", "active", "on_leave", "terminated", "retired", ""))
        hired = self.random.choice(("2020-01-31", "2025-02-10", "", "31.01.2020"))
        left = self.random.choice(("", "", "2025-02-15", "2019-01-01"))
        name = self.random.choice(("Ann", "Bo"))
        return f"E{number},{name},Archer,{name}@example.com,{hired},{status},{left}"

    def account(self, number: int) -> str:
        kind = self.random.choice(("meals", "wellness", "travel"))
        name = self.random.choice(("Daily", "daily", "Well", ""))
        owner = self.random.choice((number % 8, number % 8, self.random.randint(0, 9)))
        allowance = self.random.choice(("50.00", "50.00", "20.00", "", "much"))
        closed = self.random.choice(("", "", "2025-02-01"))
        return f"A{number},E{owner},{kind},{name},{allowance},30.00,2025-01-31,{closed}"

    def charge(self, number: int | None = None) -> str:
        self.charges += number is None
        number = self.charges if number is None else number
        written = self.random.choice((f"T{number}", f"T{number}", f"t{number}"))
        who = self.random.randint(0, 9)
        account = self.random.choice((who, who, self.random.randint(0, 11)))
        amount = self.random.choice(("5.00", "5.00", "7.50", "0", "-5.00", "n/a", "25.00"))
        moment = self.random.choice(
            (
                "2025-01-31T23:59:59Z",
                "2025-02-01T00:00:00Z",
                "2025-02-01T00:05:00Z",
                "2025-02-28T23:30:00-01:00",
                "2025-03-02T10:00:00Z",
                "2025-02-16 08:00:00",
                "soon",
            )
        )
        shop = self.random.choice(("Plum", "Plum", "Fig", ""))
        category = self.random.choice(("groceries", "gym", "Gym", ""))
        return f"{written},E{who},A{account},{shop},{amount},{moment},{category}"

    def write(self) -> None:
        self.company.write("employees.csv", "employees", self.employees)
        self.company.write("benefit_accounts.csv", "benefit_accounts", self.accounts)
        self.company.write(
            "category_benefit_mappings.csv", "category_benefit_mappings", self.mappings
        )
        for name, lines in self.files.items():
            self.company.write(name, "transactions", lines)

    def some_file(self) -> list[str]:
        return self.files[self.random.choice(sorted(self.files))]

    # what happens

    def new_month(self) -> None:
        name = f"transactions_{len(self.files) + len(self.gone)}.csv"
        self.files[name] = [self.charge() for _ in range(self.random.randint(0, 12))]

    def late(self) -> None:
        self.some_file().append(self.charge())

    def restated(self) -> None:
        lines = self.some_file()
        for at in range(len(lines)):
            if self.random.random() < 0.3:
                lines[at] = self.charge(self.random.randint(1, self.charges))

    def shifted(self) -> None:
        self.some_file().insert(0, self.charge())

    def shortened(self) -> None:
        lines = self.some_file()
        del lines[: len(lines) // 3]

    def repeated(self) -> None:
        self.some_file().extend(self.some_file()[:3])

    def removed(self) -> None:
        name = self.random.choice(sorted(self.files))
        if len(self.files) > 1:
            self.gone[name] = self.files.pop(name)
            self.company.remove(name)
            self.company.forget("transactions", name)

    def restored(self) -> None:
        if self.gone:
            name = self.random.choice(sorted(self.gone))
            self.files[name] = self.gone.pop(name)

    def employee_changed(self) -> None:
        number = self.random.randrange(len(self.employees))
        self.employees[number] = self.employee(number)

    def employee_doubled(self) -> None:
        self.employees.append(self.employee(self.random.randrange(9)))

    def employee_removed(self) -> None:
        if len(self.employees) > 2:
            self.employees.pop(self.random.randrange(len(self.employees)))

    def account_changed(self) -> None:
        number = self.random.randrange(len(self.accounts))
        self.accounts[number] = self.account(number)

    def account_doubled(self) -> None:
        self.accounts.append(self.account(self.random.randrange(11)))

    def account_removed(self) -> None:
        if len(self.accounts) > 2:
            self.accounts.pop(self.random.randrange(len(self.accounts)))

    def mapping_changed(self) -> None:
        self.mappings = self.random.choice(
            (["meals,groceries"], ["meals,groceries", "wellness,gym"], ["meals,gym", "travel,gym"])
        )

    def day_passed(self) -> None:
        self.as_of += timedelta(self.random.choice((1, 1, 30)))

    def sql_changed(self) -> None:
        self.company.edit(*self.random.choice(EDITS))

    def table_dropped(self) -> None:
        tables = self.company.query(
            "select schema_name || '.' || table_name from duckdb_tables() "
            "where schema_name in ('intermediate', 'quality', 'marts') order by all"
        )
        self.company.change(f"drop table {self.random.choice(tables)[0]}")

    def nothing(self) -> None:
        pass


HAPPENS = (
    *(History.new_month, History.late, History.late, History.restated, History.shifted),
    *(History.shortened, History.repeated, History.removed, History.restored),
    *(History.employee_changed, History.employee_doubled, History.employee_removed),
    *(History.account_changed, History.account_doubled, History.account_removed),
    *(History.mapping_changed, History.day_passed, History.sql_changed, History.table_dropped),
    History.nothing,
)


UNKNOWN = (History.table_dropped,)
"""After what happens the past of a table is not known."""


@pytest.fixture
def history(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> History:
    """A company whose tables are kept up to date by changes, however small they are."""
    random = Random(request.param)  # noqa: S311 - the same history each time
    monkeypatch.setattr(build, "SMALL_ROWS", -1)
    monkeypatch.setattr(build, "LARGE_ROWS", random.choice((0, 10**9)))
    monkeypatch.setattr(build, "LARGEST_SHARE", random.choice((0.4, 0.9, 9)))
    history = History(Company.founded(tmp_path), random)
    history.begin()
    return history


def _run(history: History, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """Run, perhaps after a run that was killed before one of its commits, or with force."""
    told: dict[str, object] = {"as_of": history.as_of}
    if history.random.random() < 0.1:
        told["force"] = frozenset(
            {history.random.choice(("marts.fact_transactions", "raw.employees"))}
        )
    if history.random.random() < 0.25:
        left = history.random.randint(1, 12)

        def die_at_last(connection: Connection, *records: object) -> None:
            nonlocal left
            left -= 1
            write_materializations(connection, *records)  # type: ignore[arg-type]
            if not left:
                raise KilledError

        with monkeypatch.context() as patched:
            patched.setattr(making, "write_materializations", die_at_last)
            with suppress(KilledError):
                history.company.run(**told)
    return history.company.run(**told)


def _live(history: History, steps: int, monkeypatch: pytest.MonkeyPatch) -> Counter[str]:
    """Let things happen, and compare after each; how the tables were built."""
    seen = Counter[str]()
    _run(history, monkeypatch)
    for _ in range(steps):
        happened = history.random.sample(HAPPENS, history.random.choice((1, 1, 1, 2)))
        for it in happened:
            it(history)
        history.write()
        said = _run(history, monkeypatch)
        names = [it.__name__ for it in happened]
        assert history.company.differences(as_of=history.as_of) == [], names
        assert history.company.query("from meta.steps") == [], names
        assert history.company.query(OTHER_MONTHS) == [], names
        seen.update(
            "changes" if "by changes" in it else "unchanged" if "unchanged" in it else "full"
            for it in said.values()
        )
    return seen


@pytest.mark.nightly
@pytest.mark.parametrize("history", range(1), indirect=True)
def test_after_each_step_each_table_is_what_a_full_build_makes(
    history: History, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert _live(history, 6, monkeypatch)["changes"] > 6


@pytest.mark.nightly
@pytest.mark.sweep
@pytest.mark.parametrize("history", range(100, 400), indirect=True)
def test_in_long_histories_each_table_is_what_a_full_build_makes(
    history: History, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert _live(history, 20, monkeypatch)["changes"] > 20


@dataclass
class Copies:
    """What the marts held after each run of a history, by when it ended."""

    history: History
    found: list[tuple[datetime, dict[str, list[tuple[object, ...]]]]] = field(default_factory=list)

    def take(self) -> None:
        with self.history.company.running() as run, run.warehouse.read() as connection:
            rows = {
                it.relation: [
                    tuple(row)
                    for row in connection.exec_driver_sql(f"from {it.relation} order by all")
                ]
                for it in kept_tables(run.definitions.catalog)
            }
        self.found.append((now(), rows))

    def check(self) -> Counter[str]:
        """Compare each with what is said of that time now; how often that is known, by table."""
        known = Counter[str]()
        with self.history.company.running() as run, run.warehouse.read() as connection:
            for at, rows in self.found:
                for table in kept_tables(run.definitions.catalog):
                    try:
                        _, then = rows_as_of(connection, table, at)
                    except UnknownPastError:
                        continue
                    assert then == rows[table.relation], (table.relation, at)
                    known[table.relation] += 1
        return known


def _keep(history: History, steps: int) -> None:
    """Let things happen, and compare what is said of each time with a copy of that time."""
    kept: dict[str, object] = {"keep_changes": timedelta(days=1)}
    copies, happens = Copies(history), [it for it in HAPPENS if it not in UNKNOWN]
    for _ in range(steps):
        history.company.run(as_of=history.as_of, **kept)
        copies.take()
        for it in history.random.sample(happens, 2):
            it(history)
        history.write()
    known = copies.check()
    assert known == dict.fromkeys(known, steps)
    # A table that was built anew in between may have no past beyond that, but never a wrong one.
    history.company.change("drop table marts.fact_transactions")
    history.late()
    history.write()
    history.company.run(as_of=history.as_of, **kept)
    copies.take()
    after = copies.check()
    assert after.pop("marts.fact_transactions") in (1, steps + 1)
    assert set(after.values()) == {steps + 1}


@pytest.mark.nightly
@pytest.mark.parametrize("history", range(1), indirect=True)
def test_what_a_table_held_at_a_time_is_what_a_copy_of_it_says(history: History) -> None:
    _keep(history, 4)


@pytest.mark.nightly
@pytest.mark.sweep
@pytest.mark.parametrize("history", range(500, 540), indirect=True)
def test_in_long_histories_what_a_table_held_is_what_a_copy_says(history: History) -> None:
    _keep(history, 20)


@pytest.mark.nightly
@pytest.mark.sweep
@pytest.mark.parametrize("history", [1], indirect=True)
def test_the_file_does_not_grow_by_what_small_changes_leave_behind(history: History) -> None:
    sizes = []
    for _ in range(200):
        lines = history.some_file()
        lines.append(history.charge())
        lines.pop(0)
        history.write()
        history.company.run(as_of=history.as_of)
        sizes.append(history.company.settings.warehouse.stat().st_size)
    assert max(sizes[20:]) <= 1.5 * max(sizes[:20])
