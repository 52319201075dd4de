"""Whatever is written in a declared form comes back as what it says, and nothing else is read."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from itertools import product
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import pytest
from examples import at_night, examples
from hypothesis import given
from hypothesis import strategies as st
from instants import moments

from benepass_tasks.catalog.datasets import DeclaredColumn
from benepass_tasks.catalog.forms import ColumnForm, WrittenAs
from benepass_tasks.catalog.months import MONTHS
from benepass_tasks.sqlmodels.canonical import canonical, doubt

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    import duckdb


NBSP, NARROW, MINUS = "\u00a0", "\u202f", "\u2212"


def column(holds: Any, **said: Any) -> DeclaredColumn:  # noqa: ANN401 - the words of a form
    written_as = (WrittenAs(**said),) if said else ()
    return DeclaredColumn("x", None, None, None, None, form=ColumnForm(holds, written_as))


def read(
    connection: duckdb.DuckDBPyConnection, of: DeclaredColumn, texts: Iterable[str | None]
) -> dict[str | None, Any]:
    """What the canonical form of each text is read as, by the macros that staging reads it with.

    Staging reads it from a view, too: a macro repeats its argument, which is bound as often.
    """
    final = {
        "amount": "money(made)",
        "date": "iso_date(made)",
        "instant": "utc_timestamp(made)",
        "text": "made",
    }[of.form.holds]
    rows = connection.execute(
        f"with base as materialized (select x, {canonical(of)} as made "
        f"from (select unnest(?::varchar[]) as x)) select x, {final} from base",
        [list(texts)],
    ).fetchall()
    return dict(rows)


def doubt_of(connection: duckdb.DuckDBPyConnection, of: DeclaredColumn, text: str) -> str | None:
    """What is told to be doubtful about an instant."""
    ((told,),) = connection.execute(
        f"select {doubt(of, 'x')} from (select ? as x)",
        [text],
    ).fetchall()
    return None if told is None else str(told)


# --- amounts ---------------------------------------------------------------------------------


def grouped(digits: str, mark: str, *, is_indian: bool = False) -> str:
    head, tail = digits[:-3], digits[-3:]
    if not head:
        return tail
    size = 2 if is_indian else 3
    parts = [tail]
    while head:
        head, part = head[:-size], head[-size:]
        parts.insert(0, part)
    return mark.join(parts)


def full_width(text: str) -> str:
    """The text as it is typed with an East Asian keyboard."""
    return text.translate({it: it + 0xFEE0 for it in range(0x21, 0x7F)} | {0x20: 0x3000})


amounts = st.decimals(Decimal("-99999999999.99"), Decimal("99999999999.99"), places=2)


@examples(20)
@given(value=amounts, data=st.data())
def test_an_amount_in_any_declared_form_comes_back_equal(
    connection: duckdb.DuckDBPyConnection, value: Decimal, data: st.DataObject
) -> None:
    decimal, thousands = data.draw(
        st.sampled_from([(".", ","), (",", "."), (".", " "), (",", " "), (".", "'"), (".", None)])
    )
    is_indian = bool(thousands == "," and data.draw(st.booleans()))
    negative = data.draw(
        st.sampled_from(
            ["minus", "trailing_minus", "parentheses", "unicode_minus", "credit", "debit"]
        )
    )
    is_full = data.draw(st.booleans())
    currencies: list[tuple[str, ...]] = [(), ("$", "USD"), ("Rs.",), ("kr",)]
    currency = data.draw(st.sampled_from(currencies))
    whole, cents = f"{abs(value):.2f}".split(".")
    mark = data.draw(st.sampled_from([" ", NBSP, NARROW])) if thousands == " " else thousands
    number = (grouped(whole, mark, is_indian=is_indian) if mark else whole) + decimal + cents
    text = number
    has_currency = data.draw(st.booleans())
    if currency and has_currency:
        sign, gap = (
            data.draw(st.sampled_from(currency)),
            data.draw(st.sampled_from(["", " ", NBSP])),
        )
        text = data.draw(st.sampled_from([f"{sign}{gap}{number}", f"{number}{gap}{sign}"]))
    if value < 0:
        text = {
            "minus": f"-{text}",
            "trailing_minus": f"{text}-",
            "parentheses": f"({text})",
            "unicode_minus": f"{MINUS}{text}",
            "credit": f"{text} {data.draw(st.sampled_from(['CR', 'Cr', 'C', 'H']))}",
            "debit": f"{text}{data.draw(st.sampled_from(['DR', 'dr', 'D', 'S']))}",
        }[negative]
    elif negative in ("credit", "debit") and data.draw(st.booleans()):
        text += " DR" if negative == "credit" else " CR"
    text = full_width(text) if is_full else text
    form = column(
        "amount",
        decimal=decimal,
        thousands=thousands,
        grouping="indian" if is_indian else "thousands",
        currency=currency,
        negative=(negative,),
        width="full" if is_full else None,
    )
    assert read(connection, form, [text]) == {text: value}


@pytest.mark.parametrize(
    "zero",
    ["\u0660", *at_night(*"\u06f0\u0966\u09e6\u0ae6\u0be6\u0c66\u0d66\u0e50\u0ed0\u1040\u17e0")],
)
def test_digits_of_other_scripts_are_read_where_that_is_declared(
    connection: duckdb.DuckDBPyConnection, zero: str
) -> None:
    def written(text: str) -> str:
        return text.translate({ord("0") + it: chr(ord(zero) + it) for it in range(10)})

    amount, day = "1234567.89", "05/12/2025"
    of = column("amount", digits="any", negative=("minus",))
    assert read(connection, of, [written(f"-{amount}")]) == {
        written(f"-{amount}"): Decimal(f"-{amount}")
    }
    assert read(connection, column("amount", decimal="."), [written(amount)]) == {
        written(amount): None
    }
    of = column("date", digits="any", order="DMY")
    assert read(connection, of, [written(day)]) == {written(day): date(2025, 12, 5)}


@pytest.mark.parametrize(
    ("era", "text", "day"),
    [
        ("buddhist", "29/02/2567", date(2024, 2, 29)),
        *at_night(
            ("buddhist", "31/12/2025", None),
            ("buddhist", "31/12/2568", date(2025, 12, 31)),
            ("minguo", "31/12/0114", None),
            ("japanese", "31/12/2025", None),
        ),
    ],
)
def test_the_year_of_an_era_is_read_and_that_of_no_other(
    connection: duckdb.DuckDBPyConnection, era: str, text: str, day: date | None
) -> None:
    assert read(connection, column("date", order="DMY", era=era), [text]) == {text: day}


def test_the_first_year_of_an_emperor_has_a_sign_of_its_own(
    connection: duckdb.DuckDBPyConnection,
) -> None:
    of = column("date", formats=("%Y年%m月%d日",), era="japanese")
    texts = {
        "令和元年5月1日": date(2019, 5, 1),
        "平成31年4月30日": date(2019, 4, 30),
        "昭和64年1月7日": date(1989, 1, 7),
        "r7年1月2日": date(2025, 1, 2),
        "2025年1月2日": None,
        "令和7年2月30日": None,
    }
    assert read(connection, of, texts) == texts


def test_the_arabic_signs_of_an_amount_and_marks_of_direction_are_read(
    connection: duckdb.DuckDBPyConnection,
) -> None:
    text = "\u200f\u0661\u066c\u0662\u0663\u0664\u066b\u0665\u0660"
    of = column("amount", digits="any", decimal=".", thousands=",")
    assert read(connection, of, [text]) == {text: Decimal("1234.50")}


@pytest.mark.parametrize(
    ("said", "values"),
    [
        (
            {"decimal": ",", "thousands": "."},
            {
                "1.200": "1200",
                "12,50": "12.50",
                "1.500,7": "1500.70",
                "1.234.567,89": "1234567.89",
                "1200": "1200",
                "1.2000": None,
                "1,234": None,
                "12.34": None,
                "1.20": None,
                "1,234.50": None,
            },
        ),
        ({"decimal": "."}, {"1.200": "1.20", "1.234": None, "0.005": None, "12,50": None}),
        (
            {"currency": ("$", "USD")},
            {
                "$12.00": "12",
                "12.00 USD": "12",
                "USD 12": "12",
                "-$5": "-5",
                "$-5": "-5",
                "12.00": "12",
                "$$1": None,
                "$1 USD": None,
                "€1": None,
                "USD": None,
                "1,234.00": None,
            },
        ),
        (
            {"negative": ("minus", "trailing_minus", "parentheses", "unicode_minus")},
            {
                "(12.00)": "-12",
                "12.00-": "-12",
                "- 12.00": "-12",
                f"{MINUS}12": "-12",
                "+12": "12",
                "--12": None,
                "(-12)": None,
                "-12-": None,
                "(12": None,
                "\u201312.00": "-12",
                "12.00\u2013": "-12",
                "\u201412.00": None,
                "12.00CR": None,
                "1e3": None,
                "\uff11\uff12": None,
            },
        ),
        (
            {"negative": ("minus", "credit")},
            {
                "5.00 CR": "-5",
                "12.00cr": "-12",
                "5.00 DR": "5",
                "DR 5.00": "5",
                "CR5": "-5",
                "5.00 H": "-5",
                "5.00": "5",
                "-5.00": "-5",
                "-5.00 CR": None,
                "CR 5.00 CR": None,
                "5.00 CD": None,
                "CR": None,
            },
        ),
        ({"negative": ("debit",)}, {"5.00 CR": "5", "5.00 DR": "-5", "-5.00": None}),
        (
            {"negative": ("debit",), "sign": "spend_is_negative"},
            {"5.00 CR": "-5", "5.00 DR": "5"},
        ),
        (
            {"negative": ("credit",), "currency": ("CHF", "USD")},
            {"CHF 5.00 CR": "-5", "5.00 USD": "5", "5.00 CR USD": "-5", "CHF": None},
        ),
        ({"width": "full"}, {"\uff11\uff12\uff0e\uff15\uff10": "12.50", "12.50": "12.50"}),
        ({"negative": ("parentheses",)}, {"(5)": "-5", "-5": None, "5-": None}),
        ({"thousands": ","}, {"1,234.50": "1234.50", "12,34": None, "1,23,456": None}),
        ({"thousands": ",", "grouping": "indian"}, {"12,34,567": "1234567", "1,234,567": None}),
        (
            {"unit": "cents"},
            {"1050": "10.50", "-5": "-0.05", "12.00": "0.12", "12.5": None, "10.50.1": None},
        ),
        ({"sign": "spend_is_negative"}, {"-10.00": "10", "5": "-5", "0": "0"}),
        # A decimal sign after a code that ends with a point could be the point.
        ({"currency": ("Rs.",)}, {"Rs.50": "50", "Rs. 50": "50", "Rs..50": None}),
    ],
)
def test_an_amount_is_read_as_it_is_declared_or_not_at_all(
    connection: duckdb.DuckDBPyConnection, said: Mapping[str, Any], values: dict[str, str | None]
) -> None:
    expected = {text: value if value is None else Decimal(value) for text, value in values.items()}
    assert read(connection, column("amount", **said), values) == expected


def test_what_could_be_thousands_is_not_an_amount_until_it_is_declared(
    connection: duckdb.DuckDBPyConnection,
) -> None:
    texts = ["1.200", "-12.000", "+123.450", "1,200", "1234.500", "0.500", "1.2000", "12.30"]
    found = read(connection, column("amount"), texts)
    assert [found[it] for it in texts[:4]] == [None] * 4
    assert [str(found[it]) for it in texts[4:]] == ["1234.50", "0.50", "1.20", "12.30"]


# --- days and instants -----------------------------------------------------------------------

DATE_FORMATS = (
    "%d.%m.%Y",
    "%m/%d/%Y",
    "%Y/%m/%d",
    "%Y%m%d",
    "%d%m%Y",
    "%d %b %Y",
    "%B %d, %Y",
    "%a, %d %b %Y",
    "%d-%b-%y",
    "%Y-%m-%dT00:00:00",
)
PER_SECOND = {"seconds": 1, "milliseconds": 1_000, "microseconds": 1_000_000}
days = st.dates(date(1970, 1, 1), date(2060, 12, 31))


@examples(20)
@given(day=days, text=st.sampled_from(DATE_FORMATS))
def test_a_day_in_any_declared_format_comes_back_equal(
    connection: duckdb.DuckDBPyConnection, day: date, text: str
) -> None:
    written = day.strftime(text)
    assert read(connection, column("date", formats=(text,)), [written]) == {written: day}


@examples(8)
@given(day=days, order=st.sampled_from(["DMY", "MDY", "YMD"]), mark=st.sampled_from("/.-"))
def test_a_day_in_any_declared_order_comes_back_equal(
    connection: duckdb.DuckDBPyConnection, day: date, order: str, mark: str
) -> None:
    parts = {"D": str(day.day), "M": str(day.month), "Y": str(day.year)}
    padded = {"D": f"{day:%d}", "M": f"{day:%m}", "Y": str(day.year)}
    texts = [mark.join(it[part] for part in order) for it in (parts, padded)]
    found = read(connection, column("date", order=order), texts)
    assert found == dict.fromkeys(texts, day)


@examples(20)
@given(day=st.dates(date(1904, 1, 2), date(9999, 12, 31)))
@pytest.mark.parametrize(("year", "first"), [(1900, date(1899, 12, 30)), (1904, date(1904, 1, 1))])
def test_a_day_of_excels_calendars_comes_back_equal(
    connection: duckdb.DuckDBPyConnection, year: int, first: date, day: date
) -> None:
    text = str((day - first).days)
    assert read(connection, column("date", excel_serial=year), [text]) == {text: day}


def test_excels_calendar_has_a_day_that_never_was(connection: duckdb.DuckDBPyConnection) -> None:
    found = read(
        connection, column("date", excel_serial=1900), ["1", "59", "60", "61", "45671.5", "0"]
    )
    assert found == {
        "1": date(1900, 1, 1),
        "59": date(1900, 2, 28),
        "60": None,
        "61": date(1900, 3, 1),
        "45671.5": None,
        "0": None,
    }


@pytest.mark.parametrize(
    ("said", "text"),
    [
        ({"order": "DMY"}, "31/02/2025"),
        ({"order": "DMY"}, "2025-01-31"),
        ({"order": "DMY"}, "01/02-2025"),
        ({"order": "DMY"}, "01/02/25"),
        ({"formats": ("%d.%m.%Y",)}, "1.2.25"),
        ({"formats": ("%d.%m.%Y",)}, "01.02.2025 x"),
        ({"formats": ("%Y%m%d",)}, "2025114"),
        ({"formats": ("%Y-%m-%dT%H:%M:%S",)}, "2025-01-14T12:00:00"),
    ],
)
def test_no_other_day_is_read(
    connection: duckdb.DuckDBPyConnection, said: Mapping[str, Any], text: str
) -> None:
    assert read(connection, column("date", **said), [text]) == {text: None}


@examples(20)
@given(
    moment=moments,
    text=st.sampled_from(
        ["%d/%m/%Y %H:%M:%S", "%m/%d/%Y %I:%M:%S %p", "%a, %d %b %Y %H:%M:%S +0000"]
    ),
)
def test_an_instant_in_any_declared_format_comes_back_equal(
    connection: duckdb.DuckDBPyConnection, moment: datetime, text: str
) -> None:
    written = moment.strftime(text)
    declared = text.replace("+0000", "%z")
    assert read(connection, column("instant", formats=(declared,)), [written]) == {written: moment}


@examples(15)
@given(moment=moments, unit=st.sampled_from([*PER_SECOND]))
def test_an_instant_counted_since_1970_comes_back_equal_and_in_no_other_unit(
    connection: duckdb.DuckDBPyConnection, moment: datetime, unit: str
) -> None:
    text = str(int(moment.replace(tzinfo=UTC).timestamp()) * PER_SECOND[unit])
    for other in PER_SECOND:
        found = read(connection, column("instant", epoch=other), [text])
        assert found == {text: moment if other == unit else None}


@examples(8)
@given(moment=moments, zone=st.sampled_from(["America/New_York", "Europe/Paris", "Asia/Kolkata"]))
def test_a_local_time_becomes_that_instant_or_is_told_to_be_doubtful(
    connection: duckdb.DuckDBPyConnection, moment: datetime, zone: str
) -> None:
    text = moment.strftime("%Y-%m-%d %H:%M:%S")
    of = column("instant", zone=zone)
    told = doubt_of(connection, of, text)
    local = moment.replace(tzinfo=ZoneInfo(zone))
    is_repeated = local.utcoffset() != local.replace(fold=1).utcoffset()
    is_skipped = local.astimezone(UTC).astimezone(ZoneInfo(zone)).replace(tzinfo=None) != moment
    assert told == ("skipped_hour" if is_skipped else "repeated_hour" if is_repeated else None)
    if told is None:
        expected = local.astimezone(UTC).replace(tzinfo=None)
        assert read(connection, of, [text]) == {text: expected}


@pytest.mark.parametrize(
    ("text", "moment", "told"),
    [
        ("2025-01-31 18:30:00", datetime(2025, 1, 31, 23, 30), None),  # noqa: DTZ001
        ("2025-01-31T18:30:00-08:00", datetime(2025, 2, 1, 2, 30), None),  # noqa: DTZ001
        ("2025-03-09 02:30:00", datetime(2025, 3, 9, 7, 30), "skipped_hour"),  # noqa: DTZ001
        ("2025-11-02 01:30:00", datetime(2025, 11, 2, 6, 30), "repeated_hour"),  # noqa: DTZ001
        ("2025-11-02T01:30:00-04:00", datetime(2025, 11, 2, 5, 30), None),  # noqa: DTZ001
        ("soon", None, None),
    ],
)
def test_the_hours_that_clocks_skip_and_repeat_are_told(
    connection: duckdb.DuckDBPyConnection, text: str, moment: datetime | None, told: str | None
) -> None:
    of = column("instant", zone="America/New_York")
    assert read(connection, of, [text]) == {text: moment}
    assert doubt_of(connection, of, text) == told


# --- names of months, halves of the day, abbreviations of zones ------------------------------


@examples(20)
@given(
    day=days,
    language=st.sampled_from(sorted(MONTHS)),
    text=st.sampled_from(["%d %B %Y", "%d. %b %Y", "%d-%b-%y", "%B %d, %Y", "%d de %B de %Y"]),
    data=st.data(),
)
def test_a_day_with_the_name_of_its_month_comes_back_equal(
    connection: duckdb.DuckDBPyConnection,
    day: date,
    language: str,
    text: str,
    data: st.DataObject,
) -> None:
    row = data.draw(st.sampled_from(range(0, len(MONTHS[language]), 12)))
    name = MONTHS[language][row + day.month - 1]
    shown = data.draw(st.sampled_from([name, name.upper(), name.title(), f"{name}."]))
    written = day.strftime(text.replace("%B", shown).replace("%b", shown))
    form = column("date", formats=(text,), language=(language,))
    assert read(connection, form, [written]) == {written: day}


@pytest.mark.parametrize(
    ("language", "text", "written"),
    [
        ("fr", "%d %B %Y", "15 f\u00e9vrier 2025"),
        ("fr", "%d %b %Y", "15 FEVR. 2025"),
        ("fr", "%A %d %B %Y", "samedi 15 f\u00e9vrier 2025"),
        ("de", "%a, %d. %B %Y", "Sa., 15. Februar 2025"),
        ("de", "%d. %B %Y", "15. Feber 2025"),
        ("es", "%d-%b-%Y", "15-feb-2025"),
        ("ru", "%d %B %Y", "15 \u0444\u0435\u0432\u0440\u0430\u043b\u044f 2025"),
    ],
)
def test_months_are_known_by_their_names_and_abbreviations(
    connection: duckdb.DuckDBPyConnection, language: str, text: str, written: str
) -> None:
    form = column("date", formats=(text,), language=(language,))
    assert read(connection, form, [written]) == {written: date(2025, 2, 15)}


@pytest.mark.parametrize(
    "text", ["15 March 2025", "15 marz 2025", "31 f\u00e9vrier 2025", "15  mars 2025", "mars 2025"]
)
def test_a_name_of_another_language_is_not_a_month(
    connection: duckdb.DuckDBPyConnection, text: str
) -> None:
    form = column("date", formats=("%d %B %Y",), language=("fr",))
    assert read(connection, form, [text, "1er mars 2025"]) == {
        text: None,
        "1er mars 2025": date(2025, 3, 1),
    }


@examples(15)
@given(
    moment=moments,
    half=st.sampled_from(["AM", "am", "a.m.", "a. m.", "A.M.", f"a.{NARROW}m.", f"a.{NBSP}m."]),
)
def test_a_time_of_twelve_hours_comes_back_equal_however_its_half_is_written(
    connection: duckdb.DuckDBPyConnection, moment: datetime, half: str
) -> None:
    shown = half if moment.hour < 12 else half.replace("a", "p").replace("A", "P")
    written = f"{moment:%d/%m/%Y %I:%M:%S} {shown}"
    form = column("instant", formats=("%d/%m/%Y %I:%M:%S %p",))
    assert read(connection, form, [written]) == {written: moment}


@examples(15)
@given(moment=moments, zone=st.sampled_from(["EST", "EDT", "UTC", "GMT"]))
def test_an_instant_with_a_declared_abbreviation_comes_back_equal(
    connection: duckdb.DuckDBPyConnection, moment: datetime, zone: str
) -> None:
    zones = (("EDT", "-04:00"), ("EST", "-05:00"))
    local = moment - timedelta(hours={"EST": 5, "EDT": 4}.get(zone, 0))
    written = f"{local:%d %b %Y %I:%M:%S %p} {zone}"
    form = column("instant", formats=("%d %b %Y %I:%M:%S %p %Z",), zones=zones)
    assert read(connection, form, [written]) == {written: moment}


def test_a_zone_beside_formats_that_say_theirs_does_nothing(
    connection: duckdb.DuckDBPyConnection,
) -> None:
    of = column("instant", formats=("%d.%m.%Y %H:%M %z",), zone="Europe/Paris")
    text = "26.10.2025 02:30 +0000"
    assert doubt_of(connection, of, text) is None
    assert read(connection, of, [text]) == {text: datetime(2025, 10, 26, 2, 30)}  # noqa: DTZ001


def test_utc_needs_no_declaration(connection: duckdb.DuckDBPyConnection) -> None:
    form = column("instant", formats=("%Y-%m-%d %H:%M %Z",))
    found = read(connection, form, ["2025-03-15 10:30 GMT", "2025-03-15 10:30 EST"])
    assert [*found.values()] == [datetime(2025, 3, 15, 10, 30), None]  # noqa: DTZ001


@pytest.mark.parametrize("zone", ["CST", "IST", "est", "EST5EDT", ""])
def test_an_abbreviation_that_nobody_declared_is_never_guessed(
    connection: duckdb.DuckDBPyConnection, zone: str
) -> None:
    text = f"2025-03-15 10:30:00 {zone}"
    form = column("instant", formats=("%Y-%m-%d %H:%M:%S %Z",), zones=(("EST", "-05:00"),))
    assert read(connection, form, [text]) == {text: None}


def test_a_moment_with_all_parts_is_read_to_the_microsecond(
    connection: duckdb.DuckDBPyConnection,
) -> None:
    text = "lundi 3 mars 2025 \u00e0 2:05:07,25 p. m. CET"
    form = column(
        "instant",
        formats=("%A %d %B %Y \u00e0 %I:%M:%S,%f %p %Z",),
        language=("fr",),
        zones=(("CET", "+01:00"),),
    )
    moment = datetime(2025, 3, 3, 13, 5, 7, 250000)  # noqa: DTZ001
    assert read(connection, form, [text]) == {text: moment}


def test_the_time_of_excel_is_exact_to_the_second(connection: duckdb.DuckDBPyConnection) -> None:
    start = datetime(2025, 1, 14)  # noqa: DTZ001
    texts = {
        f"{45671 + second / 86400:.10f}": start + timedelta(seconds=second)
        for second in (0, 1, 59, 3600, 44100, 86399)
    }
    assert read(connection, column("instant", excel_serial=1900), texts) == texts


# --- several forms ---------------------------------------------------------------------------

CANONICAL = WrittenAs(is_canonical=True)
GERMAN = WrittenAs(decimal=",", thousands=".")
AMOUNTS = {
    CANONICAL: lambda it: f"{it:.2f}",
    GERMAN: lambda it: f"{it:,.2f}".translate(str.maketrans(",.", ".,")),
    WrittenAs(thousands=",", currency=("$",)): lambda it: f"${it:,.2f}",
    WrittenAs(negative=("parentheses",)): lambda it: f"({-it:.2f})" if it < 0 else f"{it:.2f}",
    WrittenAs(unit="cents"): lambda it: str(int(it * 100)),
}
DATES = {
    CANONICAL: str,
    WrittenAs(formats=("%d/%m/%Y",)): lambda it: f"{it:%d/%m/%Y}",
    WrittenAs(formats=("%m/%d/%Y",)): lambda it: f"{it:%m/%d/%Y}",
    WrittenAs(excel_serial=1900): lambda it: str((it - date(1899, 12, 30)).days),
    WrittenAs(formats=("%d %b %Y",)): lambda it: f"{it:%d %b %Y}",
    WrittenAs(epoch="days"): lambda it: str((it - date(1970, 1, 1)).days),
}
INSTANTS = {
    CANONICAL: lambda it: f"{it:%Y-%m-%dT%H:%M:%SZ}",
    WrittenAs(epoch="seconds"): lambda it: str(int(it.replace(tzinfo=UTC).timestamp())),
    WrittenAs(epoch="milliseconds"): lambda it: f"{int(it.replace(tzinfo=UTC).timestamp())}000",
    WrittenAs(formats=("%d/%m/%Y %H:%M:%S",)): lambda it: f"{it:%d/%m/%Y %H:%M:%S}",
    WrittenAs(formats=("%m/%d/%Y %I:%M:%S %p",)): lambda it: f"{it:%m/%d/%Y %I:%M:%S %p}",
}


def of_forms(holds: Any, *forms: WrittenAs) -> DeclaredColumn:  # noqa: ANN401 - as above
    return DeclaredColumn("x", None, None, None, None, form=ColumnForm(holds, forms))


@examples(5)
@given(data=st.data())
@pytest.mark.parametrize(
    ("holds", "writers", "values"),
    [("amount", AMOUNTS, amounts), ("date", DATES, days), ("instant", INSTANTS, moments)],
)
def test_a_value_in_one_of_several_forms_comes_back_unless_another_reads_it_otherwise(
    connection: duckdb.DuckDBPyConnection,
    data: st.DataObject,
    holds: str,
    writers: Mapping[WrittenAs, Callable[[Any], str]],
    values: st.SearchStrategy[Any],
) -> None:
    forms = data.draw(st.lists(st.sampled_from([*writers]), min_size=2, max_size=4, unique=True))
    value = data.draw(values)
    text = writers[data.draw(st.sampled_from(forms))](value)
    each = {read(connection, of_forms(holds, it), [text])[text] for it in forms} - {None}
    assert value in each
    assert read(connection, of_forms(holds, *forms), [text]) == {
        text: value if each == {value} else None
    }


@pytest.mark.parametrize(
    ("holds", "forms", "expected"),
    [
        (
            "date",
            [CANONICAL, WrittenAs(order="DMY"), WrittenAs(order="MDY")],
            {"2025-01-14": True, "14/01/2025": True, "01/14/2025": True, "03/04/2025": False},
        ),
        # The same day in both orders is the same day.
        ("date", [WrittenAs(order="DMY"), WrittenAs(order="MDY")], {"03/03/2025": True}),
        (
            "amount",
            [CANONICAL, GERMAN],
            {
                "12.00": True,
                "12,00": True,
                "1.234,50": True,
                "12": True,
                "1.200": False,
                # Parts of a cent, or thousands.
                "1.234": False,
                "0.005": False,
                "1.234.567": True,
                "x": False,
            },
        ),
        ("amount", [CANONICAL, WrittenAs(width="full")], {"\uff11\uff12": True, "12": True}),
    ],
)
def test_what_two_forms_read_differently_is_refused(
    connection: duckdb.DuckDBPyConnection,
    holds: str,
    forms: list[WrittenAs],
    expected: Mapping[str, bool],
) -> None:
    found = read(connection, of_forms(holds, *forms), expected)
    assert {text: value is not None for text, value in found.items()} == expected


def test_a_doubt_about_a_local_time_is_told_whichever_form_has_the_zone(
    connection: duckdb.DuckDBPyConnection,
) -> None:
    local = WrittenAs(order="DMY", zone="America/New_York")
    of = of_forms("instant", WrittenAs(epoch="seconds"), local)
    assert doubt_of(connection, of, "02/11/2025 01:30:00") == "repeated_hour"
    assert doubt_of(connection, of, "1762000000") is None


# --- words -----------------------------------------------------------------------------------


def test_words_that_mean_null_are_null_and_other_texts_stay(
    connection: duckdb.DuckDBPyConnection,
) -> None:
    form = ColumnForm(na_values=("NULL", r"\N"))
    of = DeclaredColumn("x", None, None, None, None, form=form)
    found = read(connection, of, ["NULL", r"\N", " NULL ", '="NULL"', "null", "x", None])
    assert found == {
        "NULL": None, r"\N": None, " NULL ": None, '="NULL"': None, "null": "null", "x": "x",
        None: None,
    }  # fmt: skip


def test_synonyms_are_compared_whatever_their_case_and_others_stay(
    connection: duckdb.DuckDBPyConnection,
) -> None:
    form = ColumnForm(synonyms={"terminated": ("term", "inactive"), "active": ("a",)})
    of = DeclaredColumn("x", None, None, None, None, form=form)
    found = read(connection, of, ["TERM", " Inactive ", "A", "active", "Retired", None])
    assert found == {
        "TERM": "terminated", " Inactive ": "terminated", "A": "active", "active": "active",
        "Retired": "Retired", None: None,
    }  # fmt: skip


@pytest.mark.parametrize(("text", "is_text"), [
    ('="00123"', "00123"), (' =" 7 " ', "7"), ('=""', None), ("=12.00", "=12.00"),
    ('a="b"', 'a="b"'), ("=", "="),
])  # fmt: skip
def test_a_cell_that_a_spreadsheet_keeps_as_text_is_that_text(
    connection: duckdb.DuckDBPyConnection, text: str, is_text: str | None
) -> None:
    assert connection.execute("select clean_text(?)", [text]).fetchone() == (is_text,)


def test_no_two_of_the_forms_that_differ_share_a_text(
    connection: duckdb.DuckDBPyConnection,
) -> None:
    """What one form writes, the other one with the two signs exchanged does not read otherwise."""
    german = column("amount", decimal=",", thousands=".")
    english = column("amount", decimal=".", thousands=",")
    for whole, cents in product(["0", "12", "1234", "1234567"], ["50", "05"]):
        text = f"{grouped(whole, '.')},{cents}"
        assert read(connection, german, [text])[text] == Decimal(f"{whole}.{cents}")
        assert read(connection, english, [text])[text] is None


@pytest.mark.parametrize(
    ("text", "told"),
    [("USD", None), (" usd ", None), ("EUR", "EUR"), (None, "missing"), ("Ann Lee", "unknown")],
)
def test_another_currency_is_told_by_its_code_alone(
    connection: duckdb.DuckDBPyConnection, text: str | None, told: str | None
) -> None:
    found = connection.execute("select other_currency(clean_label(?), 'usd')", [text])
    assert found.fetchone() == (told,)
