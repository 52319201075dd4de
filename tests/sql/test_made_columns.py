"""A debit beside a credit is one amount, and a date beside a time one instant; none is guessed."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, time, timedelta
from decimal import Decimal
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import pytest
from examples import examples
from hypothesis import given
from hypothesis import strategies as st
from instants import moments

from benepass_tasks.catalog.datasets import DeclaredColumn, DeclaredSource
from benepass_tasks.catalog.forms import ColumnForm, WrittenAs
from benepass_tasks.catalog.made_columns import parted
from benepass_tasks.sqlmodels.made_columns import made_canonical, made_text, with_parts

if TYPE_CHECKING:
    from collections.abc import Mapping

    import duckdb


LEFT = MappingProxyType({"charged": "paid", "refunded": "came_back"})
AMOUNT = MappingProxyType({"debit": "paid_out", "credit": "paid_in"})
MOMENT = MappingProxyType({"date": "day", "time": "clock"})


def source(holds: Any, made_of: Mapping[str, str], **said: Any) -> DeclaredSource:  # noqa: ANN401
    form = ColumnForm(holds, (WrittenAs(**said),) if said else ())
    made = DeclaredColumn("it", "It", None, None, None, form=form, made_of=made_of)
    parts = {name: DeclaredColumn(name, name, None, None, None) for name in made_of.values()}
    columns, made_columns = parted({"it": made, **parts})
    return DeclaredSource("claims", "data/claims.csv", "", None, columns, made=made_columns)


def read(
    connection: duckdb.DuckDBPyConnection, of: DeclaredSource, first: str | None, second: str | None
) -> tuple[Any, str | None]:
    """What two cells make together, and how that is shown where it is invalid."""
    macro = {"amount": "money", "instant": "utc_timestamp"}[of.made["it"].form.holds]
    names = ", ".join(of.columns)
    row = connection.execute(
        f"with made as materialized (select {made_canonical(of.made['it'])} as text, "
        f"{made_text(of.made['it'])} as shown "
        f"from {with_parts(of, f'(values (?::varchar, ?::varchar)) as raw({names})')}) "
        f"select {macro}(text), shown from made",
        [first, second],
    ).fetchone()
    assert row is not None
    return row[0], row[1]


cents = st.decimals(Decimal("0.01"), Decimal("99999999.99"), places=2)


@examples(15)
@given(value=cents, is_credit=st.booleans(), other=st.sampled_from([None, "", " ", "0,00", "0"]))
@pytest.mark.parametrize("sign", [None, "spend_is_negative"])
def test_a_debit_is_above_zero_and_a_credit_below_it(
    connection: duckdb.DuckDBPyConnection,
    sign: str | None,
    value: Decimal,
    is_credit: bool,  # noqa: FBT001 - Hypothesis passes by name
    other: str | None,
) -> None:
    of = source("amount", AMOUNT, decimal=",", thousands=".", sign=sign)
    shown = f"{value:,.2f}".translate(str.maketrans(",.", ".,"))
    debit = f"-{shown}" if sign else shown
    pair = (other, shown) if is_credit else (debit, other)
    assert read(connection, of, *pair)[0] == (-value if is_credit else value)


@pytest.mark.parametrize(
    ("debit", "credit", "shown"),
    [
        ("12.00", "5.00", "12.00 / 5.00"),
        ("5.00", "5.00", "5.00 / 5.00"),
        (None, None, None),
        ("", " ", None),
        ("12.00", "none", "12.00 / none"),
        ("x", None, "x"),
        (None, "x", "x"),
        ("-12.00", None, "-12.00"),
        (None, "-5.00", "-5.00"),
        ("12,00", None, "12,00"),
    ],
)
def test_both_neither_and_what_cannot_be_read_is_not_an_amount(
    connection: duckdb.DuckDBPyConnection,
    debit: str | None,
    credit: str | None,
    shown: str | None,
) -> None:
    assert read(connection, source("amount", AMOUNT), debit, credit) == (None, shown)


@pytest.mark.parametrize(("debit", "credit"), [("0.00", None), (None, "0"), ("0", "0.00")])
def test_nothing_but_zero_is_zero(
    connection: duckdb.DuckDBPyConnection, debit: str | None, credit: str | None
) -> None:
    assert read(connection, source("amount", AMOUNT), debit, credit)[0] == 0


@examples(15)
@given(
    charged=cents,
    part=st.decimals(0, 1, places=2),
    sign=st.sampled_from([None, "spend_is_negative"]),
    nothing=st.sampled_from([None, "", " ", "0.00", "0"]),
)
def test_what_came_back_lowers_a_charge_whatever_its_sign(
    connection: duckdb.DuckDBPyConnection,
    charged: Decimal,
    part: Decimal,
    sign: str | None,
    nothing: str | None,
) -> None:
    of = source("amount", LEFT, sign=sign)
    refunded = (charged * part).quantize(Decimal("0.01"))
    paid = f"{-charged if sign else charged}"
    assert read(connection, of, paid, nothing)[0] == charged
    for came_back in (refunded, -refunded):
        assert read(connection, of, paid, str(came_back))[0] == charged - refunded


@pytest.mark.parametrize(
    ("charged", "refunded"),
    [("5.00", "5.01"), ("5.00", "some"), (None, "5.00"), ("-5.00", "1.00"), ("5,00", None)],
)
def test_more_than_was_charged_and_what_cannot_be_read_leaves_no_amount(
    connection: duckdb.DuckDBPyConnection, charged: str | None, refunded: str | None
) -> None:
    shown = " / ".join(it for it in (charged, refunded) if it)
    assert read(connection, source("amount", LEFT), charged, refunded) == (None, shown)


@examples(15)
@given(charged=cents, more=cents, sign=st.sampled_from([None, "spend_is_negative"]))
def test_what_was_added_and_what_a_charge_was_corrected_to_count(
    connection: duckdb.DuckDBPyConnection, charged: Decimal, more: Decimal, sign: str | None
) -> None:
    first, second = (f"{-it if sign else it}" for it in (charged, more))
    with_added, corrected = (
        source("amount", MappingProxyType({"charged": "it_was", part: "it_is"}), sign=sign)
        for part in ("added", "corrected")
    )
    for of, amount in ((with_added, charged + more), (corrected, more)):
        assert read(connection, of, first, second)[0] == amount
        assert read(connection, of, first, " ")[0] == charged
        assert read(connection, of, first, "x")[0] is None


@pytest.mark.parametrize(
    ("each", "every", "a_month"),
    [
        ("100.00", "Monthly", "100.00"),
        ("100.00", "MONTH", "100.00"),
        ("100.00", "quarterly", "33.33"),
        ("1200.00", "half_year", "200.00"),
        ("1000.00", " annual ", "83.33"),
        ("-12.00", "year", "-1.00"),
        ("100.00", "weekly", None),
        ("100.00", None, None),
        (None, "year", None),
        ("some", "year", None),
    ],
)
def test_an_allowance_for_several_months_is_divided_by_them(
    connection: duckdb.DuckDBPyConnection, each: str | None, every: str | None, a_month: str | None
) -> None:
    of = source("amount", MappingProxyType({"each": "allowance", "every": "frequency"}))
    words = {"month": ("monthly",), "quarter": ("quarterly",), "year": ("annual",)}
    frequency = replace(of.columns["frequency"], form=ColumnForm(synonyms=words))
    of = replace(of, columns={**of.columns, "frequency": frequency})
    assert read(connection, of, each, every)[0] == (a_month and Decimal(a_month))


@examples(6)
@given(
    moment=moments,
    form=st.sampled_from(
        [
            ("%Y-%m-%d", "%H:%M:%S", {}),
            ("%d.%m.%Y", "%H:%M:%S", {"order": "DMY"}),
            ("%m/%d/%Y", "%I:%M:%S %p", {"order": "MDY"}),
            ("%d.%m.%Y", "%H%M%S", {"formats": ("%d.%m.%Y %H%M%S",)}),
        ]
    ),
)
def test_a_date_beside_a_time_is_that_moment(
    connection: duckdb.DuckDBPyConnection,
    moment: datetime,
    form: tuple[str, str, dict[str, Any]],
) -> None:
    day, clock, said = form
    of = source("instant", MOMENT, **said)
    assert read(connection, of, f"{moment:{day}}", f" {moment:{clock}} ")[0] == moment


def test_a_time_that_lost_its_first_zero_as_a_number_is_that_time(
    connection: duckdb.DuckDBPyConnection,
) -> None:
    of = source("instant", MOMENT, formats=("%d.%m.%Y %H%M",))
    assert read(connection, of, "21.03.2025", "915")[0] == datetime(2025, 3, 21, 9, 15)  # noqa: DTZ001
    assert read(connection, of, "21.03.2025", "15") == (None, "21.03.2025 15")


@examples(6)
@given(moment=moments)
def test_a_time_that_a_workbook_keeps_as_a_part_of_the_day_is_that_time(
    connection: duckdb.DuckDBPyConnection, moment: datetime
) -> None:
    midnight = datetime.combine(moment, time())
    part = f"{(moment - midnight) / timedelta(days=1):.15f}".rstrip("0").rstrip(".")
    of = source("instant", MOMENT)
    assert read(connection, of, f"{moment:%Y-%m-%d}", part)[0] == moment
    days = (midnight - datetime(1899, 12, 30)).days  # noqa: DTZ001
    of = source("instant", MOMENT, excel_serial=1900)
    assert read(connection, of, str(days), part)[0] == moment


@pytest.mark.parametrize("part", ["1", "1.5", "0.4375 h"])
def test_what_is_not_part_of_one_day_is_not_a_time(
    connection: duckdb.DuckDBPyConnection, part: str
) -> None:
    of = source("instant", MOMENT)
    assert read(connection, of, "2025-03-21", part)[0] is None


@pytest.mark.parametrize(
    ("day", "clock", "shown"),
    [
        ("15.03.2025", None, "15.03.2025"),
        (None, "10:15", "10:15"),
        (None, None, None),
        ("15.03.2025", "noon", "15.03.2025 noon"),
        ("15.03.2025 10:15", "10:15", "15.03.2025 10:15 10:15"),
    ],
)
def test_a_date_without_its_time_is_not_a_moment(
    connection: duckdb.DuckDBPyConnection, day: str | None, clock: str | None, shown: str | None
) -> None:
    of = source("instant", MOMENT, order="DMY")
    assert read(connection, of, day, clock) == (None, shown)


def test_a_date_alone_is_not_midnight(connection: duckdb.DuckDBPyConnection) -> None:
    of = source("instant", MOMENT)
    assert read(connection, of, "2025-03-15", None) == (None, "2025-03-15")
    assert read(connection, of, "2025-03-15", "00:00")[0] == datetime(2025, 3, 15)  # noqa: DTZ001
