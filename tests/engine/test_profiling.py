"""What is known of a table's columns after rows came and went is what a scan of it finds."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import TYPE_CHECKING

import pytest
from changing import connected
from examples import examples
from hypothesis import given
from hypothesis import strategies as st

from benepass_tasks.engine.measure import Measure, Profiling, Touched, measure_table, tally
from benepass_tasks.engine.profiling import ESTIMATED_AGAIN, measure_touched

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from sqlalchemy import Connection

COLUMNS = {
    "name": "VARCHAR",
    "cents": "DECIMAL(18, 2)",
    "day": "DATE",
    "ratio": "DOUBLE",
    "labels": "VARCHAR[]",
    "secret": "VARCHAR",
}
PROFILING = Profiling(list(COLUMNS), [it for it in COLUMNS if it != "secret"])
MANY = 1_000
"""So many rows that a few touched ones are less than a tenth."""

Row = tuple[object, ...]
rows = st.lists(
    st.tuples(
        st.sampled_from([None, "", "0", "5", "~", "it's", "é" * 70, "é" * 70 + "z"]),
        st.one_of(st.none(), st.decimals(-3, 13, places=2)),
        st.one_of(st.none(), st.dates()),
        st.sampled_from([None, 0.5, 99.0, float("inf"), float("nan")]),
        st.sampled_from([None, [], ["a"], ["a", "zz"], ["it's"]]),
        st.sampled_from([None, "ann"]),
    ),
    max_size=4,
)


@pytest.fixture(scope="module")
def connection() -> Iterator[Connection]:
    with connected() as opened:
        yield opened


def fill(connection: Connection, table: str, values: Sequence[Row]) -> None:
    described = ", ".join(f"{name} {kind}" for name, kind in COLUMNS.items())
    connection.exec_driver_sql(f"create or replace table {table} ({described})")
    places = ", ".join("?" for _ in COLUMNS)
    for it in values:
        connection.exec_driver_sql(f"insert into {table} values ({places})", it)


def start(connection: Connection, gone: Sequence[Row], count: int = MANY) -> Measure:
    """A table of many rows and a few more, which will go."""
    fill(connection, "marts.t", gone)
    connection.exec_driver_sql(
        "insert into marts.t select cast(i % 10 as varchar), i % 10, "
        "date '2026-01-01' + cast(i % 90 as integer), i % 7, [cast(i % 3 as varchar)], "
        f"'x' || i from range({count}) as r(i)"
    )
    return measure_table(connection, "marts.t", COLUMNS, PROFILING)


def change(connection: Connection, gone: Sequence[Row], come: Sequence[Row]) -> Touched:
    fill(connection, "marts.gone", gone)
    fill(connection, "marts.come", come)
    connection.exec_driver_sql("delete from marts.t where secret = 'ann' or secret is null")
    connection.exec_driver_sql("insert into marts.t from marts.come")
    went, came = (tally(connection, f"marts.{it}", COLUMNS) for it in ("gone", "come"))
    return Touched(COLUMNS, went, came, "from marts.gone", "from marts.come")


@examples(25)
@given(gone=rows, come=rows)
def test_a_profile_is_kept_up_to_date_by_the_rows_that_came_and_went(
    connection: Connection, gone: list[Row], come: list[Row]
) -> None:
    before = start(connection, gone)
    found = measure_touched(
        connection, "marts.t", PROFILING, before, change(connection, gone, come)
    )
    whole = measure_table(connection, "marts.t", COLUMNS, PROFILING)
    assert found.data_hash == whole.data_hash
    assert found.tally == whole.tally
    for ours, scanned in zip(found.profiles, whole.profiles, strict=True):
        assert (ours.mean is None) == (scanned.mean is None)
        assert (ours.mean or 0) == pytest.approx(scanned.mean or 0, rel=1e-9, nan_ok=True)
        assert ours.distinct_estimate == pytest.approx(scanned.distinct_estimate, rel=0.03, abs=8)
        assert ours.touched_rows == len(gone) + len(come)
        alike = {"mean": None, "distinct_estimate": 0, "touched_rows": 0}
        assert replace(ours, **alike) == replace(scanned, **alike)  # type: ignore[arg-type]


def test_distinct_values_are_estimated_anew_once_many_rows_were_touched(
    connection: Connection,
) -> None:
    measured = start(connection, [])
    estimates = []
    for round_ in range(5):
        come: list[Row] = [
            (f"new {round_} {it}", Decimal(5), None, 1.0, [], "n") for it in range(40)
        ]
        measured = measure_touched(
            connection, "marts.t", PROFILING, measured, change(connection, [], come)
        )
        name = measured.profiles[0]
        estimates.append((name.touched_rows, name.distinct_estimate))
    touched = [it for it, _ in estimates]
    assert touched == [40, 80, 0, 40, 80]
    assert max(touched) <= ESTIMATED_AGAIN * (MANY + 200)
    assert estimates[0][1] == estimates[1][1] < estimates[2][1]


def test_where_nearly_all_values_differ_there_are_more_of_them_as_there_are_more_rows(
    connection: Connection,
) -> None:
    before = start(connection, [])
    come: list[Row] = [("n", Decimal(5), None, 1.0, [], f"new {it}") for it in range(100)]
    found = measure_touched(connection, "marts.t", PROFILING, before, change(connection, [], come))
    cents, secret = (
        (then.distinct_estimate, now.distinct_estimate)
        for then, now in zip(before.profiles, found.profiles, strict=True)
        if now.column_name in ("cents", "secret")
    )
    assert cents[0] == cents[1]
    assert secret[1] == min(round(secret[0] * 1.1), MANY + 100)


def test_columns_that_are_there_for_the_first_time_are_looked_at(connection: Connection) -> None:
    before = start(connection, [])
    few = replace(before, profiles=before.profiles[:2])
    found = measure_touched(connection, "marts.t", PROFILING, few, change(connection, [], []))
    assert found.profiles == before.profiles
