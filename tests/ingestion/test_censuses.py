"""Whoever a census of the active lacks has left, and stays, however the censuses arrive."""

from __future__ import annotations

import itertools
import tempfile
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest
from examples import examples
from hypothesis import given
from hypothesis import strategies as st
from projects import ROOT, definitions_of
from warehouses import warehouse

from benepass_tasks.engine.tables import engine_of
from benepass_tasks.ingestion.censuses import Census, day_in_name
from benepass_tasks.ingestion.raw_tables import REJECTED_COLUMNS, replace_earlier
from benepass_tasks.state.markers import Load, snapshot_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from sqlalchemy import Connection
    from workspace import Workspace

    from benepass_tasks.sqlmodels.effective import Definitions

FIRST_WORD = "    reconciliation: {staging: staging.stg_employees,"
DECLARED = (FIRST_WORD, f"    census: active_only\n{FIRST_WORD}")
BY_COUNTRY = (
    FIRST_WORD,
    f"    census: active_only\n    census_part: '^employees_([A-Z]{{2}})'\n{FIRST_WORD}",
)
STAGED = "staging.stg_employees"
STATES = "select employee_id, status from staging.stg_employees order by 1"
DAYS = "select employee_id, termination_date from staging.stg_employees order by 1"
BOOKS = """
select
    (select sum(records) from meta.loads where source = 'employees'),
    (select count(*) from staging.stg_employees)
"""


@pytest.fixture
def declared(workspace: Workspace) -> Workspace:
    """A project whose employees' file is a census of the active."""
    workspace.replace("catalog.yaml", *DECLARED)
    return workspace


def without(workspace: Workspace, *ids: str) -> None:
    """Restate the file of the employees without some."""
    lines = (workspace.data / "employees.csv").read_text().splitlines()
    kept = [it for it in lines if it.partition(",")[0] not in ids]
    workspace.write("data/employees.csv", "\n".join([*kept, ""]))


# -------------------------------------------------------------------------------- in a whole run


def test_who_vanished_has_left_on_the_day_of_the_census_and_his_spend_stays(
    declared: Workspace,
) -> None:
    declared.run(as_of="2025-03-01")
    without(declared, "E1")
    declared.run(as_of="2025-03-01")
    assert declared.query(STATES) == [
        ("E1", "terminated"),
        ("E2", "terminated"),
        ("E3", "on_leave"),
    ]
    assert declared.query(DAYS)[0] == ("E1", date(2025, 3, 1))
    # Up to that day the charges of E1 count; the one of the day after does not.
    assert declared.query("select transaction_id from marts.fact_transactions order by 1") == [
        ("T1",),
        ("T5",),
    ]
    reasons = "select transaction_id, rejection_reason from quality.quarantine_transactions"
    assert ("T2", "terminated_employee") in declared.query(reasons)
    ((counted, staged),) = declared.query(BOOKS)
    assert counted == staged == 3


@pytest.mark.nightly
def test_who_comes_back_is_there_again_and_may_leave_again(declared: Workspace) -> None:
    complete = (declared.data / "employees.csv").read_text()
    declared.run(STAGED)
    without(declared, "E1")
    declared.run(STAGED, as_of="2025-04-01")
    declared.write("data/employees.csv", complete)
    declared.run(STAGED, as_of="2025-05-01")
    assert declared.query(STATES)[0] == ("E1", "active")
    assert declared.query(BOOKS) == [(3, 3)]
    without(declared, "E1")
    declared.run(STAGED, as_of="2025-06-01")
    assert declared.query(DAYS)[0] == ("E1", date(2025, 6, 1))


@pytest.mark.nightly
def test_a_last_day_that_the_file_says_stands(declared: Workspace) -> None:
    header, *rows = (declared.data / "employees.csv").read_text().splitlines()
    days = {"E1": "2025-02-03"}
    lines = [f"{it},{days.get(it[:2], '')}" for it in rows]
    declared.write("data/employees.csv", "\n".join([f"{header},termination_date", *lines, ""]))
    declared.run(STAGED)
    without(declared, "E1")
    declared.run(STAGED)
    assert declared.query(DAYS)[0] == ("E1", date(2025, 2, 3))


def test_a_later_file_that_lacks_him_is_as_good_as_a_restated_one(declared: Workspace) -> None:
    declared.replace("catalog.yaml", "data/employees.csv", "data/employees*.csv")
    (declared.data / "employees.csv").rename(declared.data / "employees_2025-02.csv")
    declared.run(STAGED)
    header, _, *others = (declared.data / "employees_2025-02.csv").read_text().splitlines()
    declared.write("data/employees_2025-03.csv", "\n".join([header, *others, ""]))
    declared.run(STAGED)
    assert declared.query(STATES)[0] == ("E1", "terminated")
    assert declared.query(DAYS)[0] == ("E1", date(2025, 3, 31))


def census(*numbers: int) -> str:
    """A file of the active employees with these ids, hired long ago."""
    rows = (f"E{it},Ann,Archer,ann{it}@example.com,2019-03-01,active" for it in numbers)
    return "\n".join(["employee_id,first_name,last_name,email,hire_date,status", *rows, ""])


def test_files_of_two_countries_are_refused_until_that_is_declared(
    declared: Workspace, caplog: pytest.LogCaptureFixture
) -> None:
    declared.replace("catalog.yaml", "data/employees.csv", "data/employees*.csv")
    (declared.data / "employees.csv").unlink()
    declared.write("data/employees_DE_2025-03-01.csv", census(1, 2, 3, 4))
    declared.write("data/employees_FR_2025-03-01.csv", census(5, 6, 7, 8))
    assert not declared.attempt(STAGED)[1]
    assert "4 of 4 people are missing from the later of it and employees_" in caplog.text
    loaded = "select distinct _source_file from raw.employees"
    assert len(declared.query(loaded)) == 1
    declared.replace("catalog.yaml", "    census: active_only\n", BY_COUNTRY[1][: -len(FIRST_WORD)])
    declared.run(STAGED)
    assert declared.query("select distinct status from staging.stg_employees") == [("active",)]
    # The next census of a country ends the employment of whom it lacks there, and of nobody else.
    declared.write("data/employees_DE_2025-04-01.csv", census(1, 2, 3))
    declared.run(STAGED)
    gone = f"select * from ({DAYS}) where termination_date is not null"
    assert declared.query(gone) == [("E4", date(2025, 4, 1))]
    # Whoever moves is known by his latest census, whatever the names of the countries.
    moved = census(1, 2, 3, 5).replace(
        "E5,Ann,Archer,ann5@example.com", "E5,Ann,Ash,ann5@example.com"
    )
    declared.write("data/employees_DE_2025-05-01.csv", moved)
    declared.write("data/employees_FR_2025-05-01.csv", census(6, 7, 8))
    declared.run("intermediate.int_employees")
    speaks = (
        "select employee_id, last_name, status from intermediate.int_employees where is_current"
    )
    assert ("E5", "Ash", "active") in declared.query(speaks)


def test_a_file_of_other_people_in_the_place_of_a_census_is_refused_unless_it_is_accepted(
    declared: Workspace,
) -> None:
    declared.write("data/employees.csv", census(1, 2, 3, 4))
    declared.run(STAGED)
    declared.write("data/employees.csv", census(1, 6, 7, 8))
    assert not declared.attempt(STAGED)[1]
    here = "select employee_id from raw.employees where _vanished_on is null order by 1"
    assert declared.query(here) == [("E1",), ("E2",), ("E3",), ("E4",)]
    declared.run(STAGED, accept="employees")
    assert declared.query(here) == [("E1",), ("E6",), ("E7",), ("E8",)]
    detail = "select guard, detail from meta.decisions"
    assert declared.query(detail) == [
        ("max_shrink", "3 of 4 people are missing from the later of it and its last load")
    ]


def test_what_is_kept_goes_with_the_declaration(declared: Workspace) -> None:
    declared.run(STAGED)
    without(declared, "E1")
    declared.run(STAGED)
    declared.replace("catalog.yaml", *reversed(DECLARED))
    declared.run(STAGED)
    assert declared.query("select employee_id from raw.employees order by 1") == [("E2",), ("E3",)]
    assert declared.query(BOOKS) == [(2, 2)]


def test_a_load_that_is_forced_changes_nothing(declared: Workspace) -> None:
    declared.run(STAGED, as_of="2025-03-01")
    without(declared, "E1")
    declared.run(STAGED, as_of="2025-04-01")
    before = declared.query("from staging.stg_employees order by all")
    declared.run(STAGED, force="raw.employees", as_of="2025-05-01")
    assert declared.query("from staging.stg_employees order by all") == before


# ------------------------------------------------------------------- whatever the number of loads


class Company:
    """The raw table of some employees, into which censuses are loaded."""

    def __init__(self, definitions: Definitions, connection: Connection) -> None:
        self.connection = connection
        self.source = definitions.catalog.sources["employees"]
        self.table = definitions.catalog.raw_table_of("employees")
        self.base = definitions.graph.models["base.employees"]
        self.macros = tuple(definitions.graph.macros_of(self.base))
        self.numbers = itertools.count(1)
        types = {name: it.type for name, it in self.table.columns.items()}
        engine_of(connection).extend(self.table.relation, types)
        engine_of(connection).extend("raw.rejected_rows", REJECTED_COLUMNS)

    def load(self, file: str, ids: Sequence[str], day: date) -> None:
        load = load_of(file, ids, next(self.numbers))
        for number, id_ in enumerate(ids, 1):
            self.connection.exec_driver_sql(
                "insert into raw.employees (employee_id, _source_file, _row_number, "
                "_dlt_load_id) values (?, ?, ?, ?)",
                (id_, file, number, load.load_id),
            )
        findings = SimpleNamespace(schema=SimpleNamespace(present=["employee_id"]), changes=())
        earlier = snapshot_of(self.connection).loads.get(("employees", file))
        loaded: Any = SimpleNamespace(load=load, earlier=earlier, accepted=(), findings=findings)
        census = Census(self.source, self.table.relation, self.macros, day)
        replace_earlier(self.connection, self.table, [loaded], {file: None}, census)

    def known(self) -> dict[str, date | None]:
        """Everybody, with the day since when he is missing; None where he is there."""
        counted = "select coalesce(sum(records), 0) from meta.loads"
        raw = "select count(*) from raw.employees"
        placed = "select count(distinct (_source_file, _row_number)) from raw.employees"
        figures = {self.connection.exec_driver_sql(it).scalar() for it in (counted, raw, placed)}
        assert len(figures) == 1
        found = f"select employee_id, _vanished_on from ({self.base.sql}) group by all"
        answers = [(id_, day) for id_, day in self.connection.exec_driver_sql(found)]
        assert len(dict(answers)) == len(answers), "of one person there are two answers"
        return dict(answers)


def load_of(file: str, ids: Sequence[str], number: int) -> Load:
    count = len(ids)
    return Load(
        source="employees",
        file=file,
        code_version="1",
        sha256=f"{abs(hash(tuple(ids))):016x}",
        file_state="",
        load_id=str(number),
        lines=count + 1,
        records=count,
        parsed=count,
        rejected=0,
        seconds=0,
        run_id="run",
        loaded_at=datetime(2026, 1, 1, tzinfo=UTC) + timedelta(seconds=number),
    )


class Companies:
    """Makes companies, each in a warehouse of its own."""

    def __init__(self, definitions: Definitions) -> None:
        self.definitions = definitions

    @contextmanager
    def new(self) -> Iterator[Company]:
        with (
            tempfile.TemporaryDirectory() as folder,
            warehouse(Path(folder)).write() as connection,
        ):
            yield Company(self.definitions, connection)


@pytest.fixture(scope="module")
def companies(tmp_path_factory: pytest.TempPathFactory) -> Companies:
    """Their employees' files are censuses of the active."""
    return companies_of(tmp_path_factory.mktemp("censuses"), DECLARED)


@pytest.fixture(scope="module")
def parted(tmp_path_factory: pytest.TempPathFactory) -> Companies:
    """Their employees' files are censuses of a country each."""
    return companies_of(tmp_path_factory.mktemp("parts"), BY_COUNTRY)


def companies_of(folder: Path, change: tuple[str, str]) -> Companies:
    text = (ROOT / "catalog.yaml").read_text(encoding="utf-8")
    (folder / "catalog.yaml").write_text(text.replace(*change), encoding="utf-8")
    (folder / "sql").symlink_to(ROOT / "sql")
    return Companies(definitions_of(folder))


people = st.lists(st.sampled_from(["E1", "E2", "E 3", "e4"]), min_size=1, unique=True)


def expected(censuses: Sequence[Sequence[str]], days: Sequence[date]) -> dict[str, date | None]:
    """Who was ever there: the day of the first census after the last one that has him."""
    last = {id_: place for place, ids in enumerate(censuses) for id_ in ids}
    return {id_: days[place + 1] if place + 1 < len(days) else None for id_, place in last.items()}


@examples(3)
@given(censuses=st.lists(people, min_size=1, max_size=4), data=st.data())
def test_the_same_people_have_left_whatever_the_number_of_loads_and_their_order(
    companies: Companies, censuses: list[list[str]], data: st.DataObject
) -> None:
    days = [date(2026, 1, 1) + timedelta(weeks=place) for place in range(len(censuses))]
    names = [f"employees_{day}.csv" for day in days]
    taken = list(zip(names, censuses, days, strict=True))
    today = date(2027, 1, 1)
    orders = {
        "restated": [("employees.csv", ids, day) for _, ids, day in taken],
        "each loaded twice": [
            ("employees.csv", ids, later) for _, ids, day in taken for later in (day, today)
        ],
        "a file each": [(name, ids, today) for name, ids, _ in taken],
        "in another order": [
            (name, ids, today) for name, ids, _ in data.draw(st.permutations(taken))
        ],
    }
    for order, loads in orders.items():
        with companies.new() as company:
            for file, ids, day in loads:
                company.load(file, ids, day)
            assert company.known() == expected(censuses, days), order


@examples(5)
@given(
    censuses=st.lists(st.tuples(st.sampled_from(["DE", "FR"]), people), min_size=1, max_size=5),
    data=st.data(),
)
def test_of_a_census_by_country_each_country_is_one_of_its_own(
    parted: Companies, censuses: list[tuple[str, list[str]]], data: st.DataObject
) -> None:
    days = [date(2026, 1, 1) + timedelta(weeks=place) for place in range(len(censuses))]
    taken = list(zip(censuses, days, strict=True))
    of_country = {
        country: expected(
            [ids for (its, ids), _ in taken if its == country],
            [day for (its, _), day in taken if its == country],
        )
        for country in ("DE", "FR")
    }
    everybody: dict[str, list[date | None]] = {}
    for found in of_country.values():
        for id_, day in found.items():
            everybody.setdefault(id_, []).append(day)
    # Whoever has moved is there as long as one country has him.
    gone = {
        id_: None if None in found else max(filter(None, found)) for id_, found in everybody.items()
    }
    files = [
        (f"employees_{country}_{day}.csv", ids, date(2027, 1, 1)) for (country, ids), day in taken
    ]
    for loads in (
        files,
        data.draw(st.permutations(files)),
        [(f"employees_{country}.csv", ids, day) for (country, ids), day in taken],
    ):
        with parted.new() as company:
            for file, ids, day in loads:
                company.load(file, ids, day)
            assert company.known() == gone


def test_a_person_in_another_file_has_not_left(companies: Companies) -> None:
    with companies.new() as company:
        company.load("employees_01.csv", ["E1", "E2"], date(2026, 1, 1))
        company.load("employees_02.csv", ["E1", "E2"], date(2026, 2, 1))
        company.load("employees_01.csv", ["E1"], date(2026, 3, 1))
        assert company.known() == {"E1": None, "E2": None}


def test_an_id_that_cannot_be_told_from_another_is_the_same(companies: Companies) -> None:
    with companies.new() as company:
        company.load("employees.csv", ["E1", "E2"], date(2026, 1, 1))
        company.load("employees.csv", [" E1", "E\u200b2"], date(2026, 2, 1))
        assert set(company.known().values()) == {None}


@pytest.mark.parametrize(
    ("name", "day"),
    [
        ("employees_2026-02-14.csv", date(2026, 2, 14)),
        ("hr/20260214_employees.csv", date(2026, 2, 14)),
        ("employees_2026-02.csv", date(2026, 2, 28)),
        ("employees_2026-02-31.csv", date(2026, 2, 28)),
        ("2025-01/employees_02.csv", None),
        ("employees_120260.csv", None),
        ("employees.csv", None),
    ],
)
def test_the_day_of_a_census_is_that_of_its_name(name: str, day: date | None) -> None:
    assert day_in_name(name) == day


def test_a_load_says_whether_it_is_kept() -> None:
    load = load_of("employees.csv", ["E1"], 1)
    assert not load.is_kept
    assert replace(load, code_version="kept").is_kept
