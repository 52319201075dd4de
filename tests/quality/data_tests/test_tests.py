"""Each kind of test: what passes, what fails, what is counted and which keys are named."""

from __future__ import annotations

import re
import shutil
from dataclasses import replace
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Literal

import pytest
from examples import at_night
from warehouses import settings_in

from benepass_tasks.catalog import (
    AcceptedValues,
    Column,
    DataTest,
    NotNull,
    Pii,
    Range,
    Regex,
    Relationships,
    RowCount,
    SqlCheck,
    Table,
    Unique,
)
from benepass_tasks.config.errors import ContractError
from benepass_tasks.quality.data_tests import run_tests, scan
from benepass_tasks.sqlmodels import Model, ModelGraph
from benepass_tasks.state.warehouse import warehouse_of

if TYPE_CHECKING:
    from pathlib import Path

PEOPLE = "create table marts.people as from (values ('p1'), ('p2'), ('p2'), (null)) as t(id)"


class Bench:
    """A warehouse with one table to test, `marts.t`."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.warehouse = warehouse_of(settings_in(folder))

    def make(self, *statements: str) -> None:
        with self.warehouse.write() as connection:
            connection.exec_driver_sql("create schema if not exists marts")
            for statement in statements:
                connection.exec_driver_sql(statement)

    def check(self, table: Table, **checks: str) -> str:
        models = {
            name: Model(name, self.folder / f"{name}.sql", sql, "", (), frozenset(), frozenset())
            for name, sql in checks.items()
        }
        graph = ModelGraph({}, {}, models)
        with self.warehouse.write() as connection:
            tested = run_tests(connection, [table], graph, "run")
        assert tested.failed == ({table.relation} if tested.failure else set())
        if tested.failure:
            raise tested.failure
        return tested.said

    def found(self, columns: str = "status, failing_rows, checked_rows, sample_keys") -> list[Any]:
        sql = f"select {columns} from meta.check_results order by run_id, test"
        with self.warehouse.read() as connection:
            return [tuple(row) for row in connection.exec_driver_sql(sql)]


@pytest.fixture
def bench(tmp_path: Path, empty_warehouse: Path) -> Bench:
    shutil.copy(empty_warehouse, tmp_path)
    return Bench(tmp_path)


def table(
    types: dict[str, str],
    *tests: DataTest,
    on: str | None = None,
    key: tuple[str, ...] = ("k",),
) -> Table:
    """A table with tests on one of its columns, or else on the whole."""
    columns = {
        name: Column(name, "", kind, "people", Pii("none"), tests=tests if name == on else ())
        for name, kind in types.items()
    }
    return Table(
        layer="marts",
        name="t",
        description="",
        grain=None,
        materialized="table",
        domain="people",
        source=None,
        columns=MappingProxyType(columns),
        key=key,
        tests=() if on else tests,
    )


KINDS: dict[str, tuple[type[DataTest], dict[str, Any], str, str, str]] = {
    # the test, its arguments, the column's type, values that pass, values that fail
    "not_null": (NotNull, {}, "VARCHAR", "'a' 'a'", "'a' null"),
    "unique": (Unique, {}, "VARCHAR", "'a' 'b' null null", "'b' 'a' 'c' 'c'"),
    "unique numbers": (Unique, {}, "DOUBLE", "1 2", "1 'nan' 2 'nan'"),
    "unique lists": (Unique, {}, "VARCHAR[]", "['a'] ['b'] []", "['a'] []"),
    "accepted texts": (
        AcceptedValues,
        {"values": ("a", "it's", "%s ?")},
        "VARCHAR",
        "'a' 'it''s' '%s ?' null",
        "'a' 'A'",
    ),
    "accepted numbers": (AcceptedValues, {"values": (1, 2)}, "INTEGER", "1 2 null", "1 3"),
    "accepted decimals": (
        AcceptedValues,
        {"values": (0.1, 2)},
        "DECIMAL(18,2)",
        "0.10 2.00 null",
        "0.1 0.11",
    ),
    "accepted flags": (AcceptedValues, {"values": (True,)}, "BOOLEAN", "true null", "true false"),
    "accepted days": (
        AcceptedValues,
        {"values": ("2026-01-31",)},
        "DATE",
        "'2026-01-31' null",
        "'2026-01-31' '2026-02-01'",
    ),
    "accepted items": (
        AcceptedValues,
        {"values": ("a", "b")},
        "VARCHAR[]",
        "['a'] [] null ['b','a'] ['a',null]",
        "['a'] ['b','c']",
    ),
    "relationships": (
        Relationships,
        {"to": "marts.people", "column": "id"},
        "VARCHAR",
        "'p1' 'p2' 'p2' null",
        "'p1' 'p9'",
    ),
    "relationships of items": (
        Relationships,
        {"to": "marts.people", "column": "id"},
        "VARCHAR[]",
        "['p1'] [] null ['p2','p1'] ['p1',null]",
        "['p1'] ['p2','p9']",
    ),
    "range": (Range, {"minimum": 0, "maximum": 1}, "DOUBLE", "0 1 null", "0.5 1.0001"),
    "range from": (Range, {"minimum": 0.01}, "DECIMAL(18,2)", "0.01 5 null", "0.01 0"),
    "range up to": (Range, {"maximum": 3}, "HUGEINT", "3 -3 null", "3 4"),
    "range and NaN": (Range, {"minimum": 0}, "DOUBLE", "0 'inf'", "0 'nan'"),
    "range of days": (
        Range,
        {"minimum": "2026-01-31"},
        "DATE",
        "'2026-01-31' null",
        "'2026-01-31' '2026-01-30'",
    ),
    "range of instants": (
        Range,
        {"maximum": "2026-01-31 10:00:00+02:00"},
        "TIMESTAMP WITH TIME ZONE",
        "'2026-01-31T08:00:00Z' null",
        "'2026-01-31T08:00:00Z' '2026-01-31T08:00:00.1Z'",
    ),
    "regex": (Regex, {"pattern": "^E[0-9]+$|'"}, "VARCHAR", "'E1' '''' null", "'E1' 'e1'"),
}


def filled(kind: str, values: str) -> str:
    """The statement that makes the table with a key and values, which blanks part."""
    parts = re.findall(r"(?:'(?:[^']|'')*'|\S)+", values)
    rows = ", ".join(f"({number}, cast({it} as {kind}))" for number, it in enumerate(parts, 1))
    return f"create or replace table marts.t as from (values {rows}) as t(k, v)"


@pytest.mark.parametrize("severity", ["fail", *at_night("warn")])
@pytest.mark.parametrize("case", KINDS)
def test_what_is_promised_passes(
    bench: Bench, case: str, severity: Literal["fail", "warn"]
) -> None:
    test, arguments, kind, passing, _ = KINDS[case]
    bench.make(PEOPLE, filled(kind, passing))
    said = bench.check(
        table({"k": "INTEGER", "v": kind}, test(**arguments, severity=severity), on="v")
    )
    ((status, failing, rows, keys),) = bench.found()
    assert (status, failing, keys) == ("passed", 0, [])
    with bench.warehouse.read() as connection:
        assert connection.exec_driver_sql("select count(*) from marts.t").scalar() == rows
    assert said.startswith("Data tests: 1 of 1 on 1 tables passed, 0 warned, 0 failed")


@pytest.mark.parametrize("case", KINDS)
def test_what_is_not_as_promised_fails(bench: Bench, case: str) -> None:
    test, arguments, kind, _, failing_values = KINDS[case]
    if case == "unique lists":
        failing_values = "['a'] [] []"
    bench.make(PEOPLE, filled(kind, failing_values))
    tested = table({"k": "INTEGER", "v": kind}, test(**arguments), on="v")
    with pytest.raises(ContractError, match=rf"marts\.t\.v: {test.kind}"):
        bench.check(tested)
    ((status, failing, rows, keys),) = bench.found()
    repeated = 2 if test is Unique else 1
    assert (status, failing) == ("failed", repeated)
    assert keys == [{"unique numbers": "2"}.get(case, str(rows - repeated + 1))]


@pytest.mark.parametrize("case", ["range", *at_night(*(KINDS.keys() - {"range"}))])
def test_what_only_warns_is_said_and_passes(
    bench: Bench, case: str, caplog: pytest.LogCaptureFixture
) -> None:
    test, arguments, kind, _, failing_values = KINDS[case]
    if case == "unique lists":
        failing_values = "['a'] [] []"
    bench.make(PEOPLE, filled(kind, failing_values))
    tested = table({"k": "INTEGER", "v": kind}, test(**arguments, severity="warn"), on="v")
    said = bench.check(tested)
    assert [row[0] for row in bench.found()] == ["warned"]
    assert f"marts.t.v: {test.kind}" in caplog.text
    assert re.search(rf"marts\.t\.v +{test.kind}.* warned +[12] +[234]\n?", said)


@pytest.mark.parametrize(
    ("test", "failing"),
    [
        (Unique(columns=("k", "v")), 0),
        (Unique(columns=("v", "w")), 2),
        (RowCount(minimum=4, maximum=4), 0),
        (RowCount(minimum=6), 2),
        (RowCount(maximum=1), 3),
    ],
)
def test_a_table_is_tested_as_a_whole(bench: Bench, test: DataTest, failing: int) -> None:
    bench.make(
        "create table marts.t as from "
        "(values (1, 'a', 1), (2, 'a', 1), (3, 'a', null), (4, 'a', null)) as t(k, v, w)"
    )
    tested = table({"k": "INTEGER", "v": "VARCHAR", "w": "INTEGER"}, test)
    if failing:
        with pytest.raises(ContractError, match=rf"{failing} of 4 rows"):
            bench.check(tested)
    else:
        bench.check(tested)
    assert [row[:3] for row in bench.found()] == [("failed" if failing else "passed", failing, 4)]


def test_an_empty_table_keeps_every_promise_but_that_of_its_size(bench: Bench) -> None:
    tests = (NotNull(), Unique(), AcceptedValues(values=("a",)), Regex(pattern="a"))
    bench.make("create table marts.t (k integer, v varchar)")
    bench.check(table({"k": "INTEGER", "v": "VARCHAR"}, *tests, on="v"))
    assert [row[:3] for row in bench.found()] == [("passed", 0, 0)] * 4
    with pytest.raises(ContractError, match=r"row_count \(min 1\): 1 of 0 rows"):
        bench.check(table({"k": "INTEGER", "v": "VARCHAR"}, RowCount(minimum=1)))


def test_a_check_fails_with_the_rows_that_it_returns(bench: Bench) -> None:
    bench.make("create table marts.t as select i as k from range(10) as t(i)")
    tested = table({"k": "BIGINT"}, SqlCheck(name="odd", severity="warn"))
    bench.check(tested, odd="with a as (select k from marts.t) select k from a where k % 2 = 1 --x")
    bench.check(tested, odd="select 1 as one where false")
    assert sorted(bench.found("status, failing_rows, arguments, sample_keys")) == [
        ("passed", 0, "odd", [])
    ]


def test_a_check_names_keys_of_the_table_alone(bench: Bench) -> None:
    bench.make("create table marts.t as select 'k' || i as k, 'secret' as v from range(9) as t(i)")
    tested = table({"k": "VARCHAR", "v": "VARCHAR"}, SqlCheck(name="c", severity="warn"))
    for sql, failing, keys in [
        ("select k from marts.t where k > 'k3'", 5, ["k4", "k5", "k6", "k7", "k8"]),
        ("select k from marts.t order by k desc limit 1", 1, ["k8"]),
        ("select v as k from marts.t", 9, []),
        ("select 1 as k from marts.t", 9, []),
        ("select v from marts.t", 9, []),
    ]:
        bench.check(tested, c=sql)
        assert bench.found("failing_rows, sample_keys") == [(failing, keys)]


def test_a_check_that_cannot_run_is_named_and_quotes_no_value(bench: Bench) -> None:
    bench.make("create table marts.t as select 'secret' as k")
    tested = table({"k": "VARCHAR"}, SqlCheck(name="c", severity="warn"))
    with pytest.raises(ContractError, match=r"c\.sql cannot be checked: .*ConversionEx") as raised:
        bench.check(tested, c="from marts.t where cast(k as integer) > 0")
    assert "secret" not in str(raised.value)


def test_five_keys_are_named_at_most_and_the_smallest(bench: Bench) -> None:
    bench.make("create table marts.t as select 100 - i as k, null as v from range(90) as t(i)")
    bench.check(table({"k": "BIGINT", "v": "INTEGER"}, NotNull(severity="warn"), on="v"))
    assert bench.found("failing_rows, sample_keys") == [(90, ["11", "12", "13", "14", "15"])]


def test_repeated_values_are_named_once_each(bench: Bench) -> None:
    bench.make("create table marts.t as select i % 7 as k from range(700) as t(i)")
    bench.check(table({"k": "BIGINT"}, Unique(severity="warn"), on="k"))
    assert bench.found("failing_rows, sample_keys") == [(700, ["0", "1", "2", "3", "4"])]


def test_a_key_of_several_columns_is_in_their_order(bench: Bench) -> None:
    bench.make(
        "create table marts.t as from (values ('b', 10, 1), ('b', 9, 1), (null, 1, 1)) t(f, n, v)"
    )
    types = {"f": "VARCHAR", "n": "INTEGER", "v": "INTEGER"}
    bench.check(table(types, Range(maximum=0, severity="warn"), on="v", key=("f", "n")))
    assert bench.found("sample_keys") == [(["b 9", "b 10", "NULL 1"],)]


def test_without_a_key_rows_are_counted_only(bench: Bench) -> None:
    bench.make("create table marts.t as from (values (1), (1), (null)) as t(v)")
    tests = (NotNull(severity="warn"), Unique(severity="warn"))
    bench.check(table({"v": "INTEGER"}, *tests, on="v", key=()))
    assert bench.found("failing_rows, sample_keys") == [(1, []), (2, [])]


def test_hostile_names_and_values_are_neither_sql_nor_escapes(
    bench: Bench, caplog: pytest.LogCaptureFixture
) -> None:
    column, value = 'it\'s a "name"; drop table marts.t --', "'; drop table marts.t; --"
    quoted = '"' + column.replace('"', '""') + '"'
    bench.make(
        f"create table marts.t as select chr(27) || '[31mE1' || chr(10) || '[bold]' as k, "
        f"'x' as {quoted}",
        f"create table marts.people as select 'p' as {quoted}",
    )
    tests = (
        AcceptedValues(values=(value, "%s", "?", ":x"), severity="warn"),
        Regex(pattern=value.replace(";", "[;]"), severity="warn"),
        Relationships(to="marts.people", column=column, severity="warn"),
        Unique(severity="warn"),
        NotNull(severity="warn"),
    )
    said = bench.check(table({"k": "VARCHAR", column: "VARCHAR"}, *tests, on=column))
    assert sorted(row[0] for row in bench.found()) == ["passed"] * 2 + ["warned"] * 3
    assert bench.found("sample_keys")[0] == (["\x1b[31mE1\n[bold]"],)  # accepted_values
    for text in (said, *(record.getMessage() for record in caplog.records)):
        assert "\x1b" not in text
    assert "\\x1b[31mE1\\n[bold]" in caplog.text
    assert all("\n" not in record.getMessage() for record in caplog.records)


def test_a_long_key_is_cut(bench: Bench, caplog: pytest.LogCaptureFixture) -> None:
    bench.make("create table marts.t as select repeat('x', 5000000) as k, null as v")
    bench.check(table({"k": "VARCHAR", "v": "INTEGER"}, NotNull(severity="warn"), on="v"))
    assert len(bench.found("sample_keys")[0][0][0]) == 200
    assert len(caplog.text) < 300


def test_all_tests_take_one_scan_of_the_table(bench: Bench) -> None:
    bench.make(PEOPLE, "create table marts.t as select i as k, 'p1' as v from range(9) as t(i)")
    tests = (
        NotNull(),
        Unique(severity="warn"),
        AcceptedValues(values=("p1",)),
        Regex(pattern="p"),
        Relationships(to="marts.people", column="id"),
        Relationships(to="marts.people", column="id", severity="warn"),
    )
    tested = table({"k": "BIGINT", "v": "VARCHAR"}, *tests, on="v")
    sql = scan.counting_query(tested, scan.probes_of(tested))
    with bench.warehouse.read() as connection:
        plan = connection.exec_driver_sql(f"explain (format json) {sql}").all()[0][1]
    assert len(re.findall(r'"Table": "[^"]*\bt"', plan)) == 1, plan
    assert len(re.findall(r'"Table": "[^"]*\bpeople"', plan)) in (1, 2)


def test_a_result_says_what_was_tested_and_when(bench: Bench) -> None:
    bench.make("create table marts.t as select 1 as k")
    bench.check(table({"k": "INTEGER"}, Range(minimum=0, maximum=3), on="k"))
    ((*said, seconds, is_recent),) = bench.found(
        "relation, column_name, test, arguments, severity, status, seconds, "
        "checked_at > now() - interval 1 minute"
    )
    assert said == ["marts.t", "k", "range", "min 0, max 3", "fail", "passed"]
    assert 0 < seconds < 60
    assert is_recent


def test_keys_of_people_stay_in_the_warehouse(bench: Bench) -> None:
    bench.make("create table marts.t as from (values ('E1', -1), ('E2', 2)) as t(k, v)")
    tested = table({"k": "VARCHAR", "v": "INTEGER"}, Range(minimum=0), on="v")
    of_people = replace(tested.columns["k"], pii=Pii("pseudonym", kind="EMPLOYEE_ID"))
    columns = {**tested.columns, "k": of_people}
    with pytest.raises(ContractError) as raised:
        bench.check(replace(tested, columns=columns))
    assert "v: range (min 0): 1 of 2 rows; keys in meta.check_results" in str(raised.value)
    assert bench.found("sample_keys") == [(["E1"],)]


def test_the_error_names_each_test_that_failed_and_where_to_look(bench: Bench) -> None:
    bench.make("create table marts.t as from (values (1, -1), (2, -2), (3, null)) as t(k, v)")
    tests = (NotNull(), Range(minimum=0), Unique())
    with pytest.raises(ContractError) as raised:
        bench.check(table({"k": "INTEGER", "v": "INTEGER"}, *tests, on="v"))
    assert str(raised.value).splitlines() == [
        "2 of 3 tests failed; the marts stay as they are:",
        "  marts.t.v: not_null: 1 of 3 rows, such as 3",
        "  marts.t.v: range (min 0): 2 of 3 rows, such as 1, 2",
        "  what was found is in meta.check_results; the tests are in catalog.yaml",
    ]


@pytest.mark.parametrize(("class_", "said"), [("pseudonym", "0 failed"), ("none", None)])
def test_a_form_says_nothing_of_what_stands_for_somebody_erased(
    bench: Bench, class_: Literal["pseudonym", "none"], said: str | None
) -> None:
    bench.make(filled("VARCHAR", "'E1' 'erased-0a' '1 / erased-0b' 'erased-0c@erased.invalid'"))
    tested = table({"k": "INTEGER", "v": "VARCHAR"}, Regex(pattern="^(E|1)[0-9 ]"), on="v")
    pii = Pii(class_, kind="EMPLOYEE_ID" if class_ != "none" else None)
    column = replace(tested.columns["v"], pii=pii)
    tested = replace(tested, columns={**tested.columns, "v": column})
    if said:
        assert said in bench.check(tested)
    else:
        with pytest.raises(ContractError):
            bench.check(tested)
