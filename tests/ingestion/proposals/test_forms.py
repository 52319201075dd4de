"""How amounts, dates and instants are written is told by all values, or asked."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from proposing import column, reader

from benepass_tasks.config.errors import ProjectError
from benepass_tasks.ingestion.proposals.forms import Form, form_of

if TYPE_CHECKING:
    from collections.abc import Sequence


def amount(*values: str, header: str = "Amount", **answers: str) -> Form:
    return form_of("amount", "amount", column(header, *values), reader(), answers)


def day(*values: str, **answers: str) -> Form:
    return form_of("hired", "date", column("Hired", *values), reader(), answers)


def instant(*values: str, answers: dict[str, str] | None = None) -> Form:
    return form_of("at", "instant", column("At", *values), reader(), answers or {})


def choices(form: Form) -> list[str]:
    """The answers to the only question."""
    (question,) = form.questions
    return list(question.choices)


def test_what_is_canonical_needs_no_declaration() -> None:
    forms = [
        amount("12.50", "3", "-1.00"),
        day("2025-01-31", "2024-02-29", "2024-02-28"),
        instant("2025-01-31T10:00:00Z", "2025-01-31 10:00+01:00", "2025-01-31T10:00:00.5Z"),
    ]
    for form in forms:
        assert form.written_as == {}
        assert form.evidence == "3 of 3 values are valid"
        assert not form.questions


@pytest.mark.parametrize(
    ("values", "written_as"),
    [
        (["12,50", "3,00"], {"decimal": ","}),
        (["1.234,50", "12,00"], {"decimal": ",", "thousands": "."}),
        (["1,234.50", "12.00"], {"decimal": ".", "thousands": ","}),
        (["1 234,50", "12,00"], {"decimal": ",", "thousands": " "}),
        (["1\u202f234,50", "1\u00a0000,00"], {"decimal": ",", "thousands": " "}),
        (["1'234.50", "12.00"], {"decimal": ".", "thousands": "'"}),
        (
            ["1,20,000.50", "900.00"],
            {"decimal": ".", "thousands": ",", "grouping": "indian"},
        ),
        (["$12.00", "12.00 USD"], {"currency": ["$", "USD"]}),
        (["(12.00)", "5.00"], {"negative": ["parentheses"]}),
        (["12.00-", "-5.00"], {"negative": ["minus", "trailing_minus"]}),
        (["\u221212.00", "5.00"], {"negative": ["unicode_minus"]}),
        (["12.00 CR", "5.00 DR"], {"negative": ["credit"]}),
        (["12.00CR", "-5.00"], {"negative": ["minus", "credit"]}),
        (["12,00 H", "5,00 S"], {"negative": ["credit"], "decimal": ","}),
        (["\uff11\uff12.50", "5.00"], {"width": "full"}),
        (["\u0661\u0662\u066b\u0665\u0660", "5.00"], {"digits": "any"}),
        (["\u0e51\u0e52.\u0e55\u0e50", "\u0e51.\u0e50\u0e50"], {"digits": "any"}),
    ],
)
def test_amounts_are_read_as_they_are_written(
    values: list[str], written_as: dict[str, object]
) -> None:
    form = amount(*values)
    assert form.written_as == written_as
    assert form.evidence.startswith("2 of 2 values are valid")
    assert not form.questions


def test_three_digits_after_a_separator_are_asked_about() -> None:
    assert choices(amount("1.200", "12.500")) == ["decimal_point", "decimal_comma"]
    assert amount("1.200", amount="decimal_comma").written_as == {"decimal": ",", "thousands": "."}
    assert amount("1.200", amount="decimal_point").written_as == {"decimal": "."}


@pytest.mark.parametrize(
    ("values", "reading"),
    [
        (("12.345", "3.501", "0.251"), "decimal_comma"),
        (("1,234", "12", "3,401"), "decimal_point"),
    ],
)
def test_so_are_three_digits_of_which_no_cent_could_be_made(
    values: Sequence[str], reading: str
) -> None:
    form = amount(*values)
    assert choices(form) == [reading]
    assert "If they have three decimals, export them with two" in form.questions[0].asks
    assert not amount(*values, amount=reading).questions


def test_one_value_that_only_one_reading_reads_decides_for_all() -> None:
    form = amount("1.200", "2.500", "7,50")
    assert form.written_as == {"decimal": ",", "thousands": "."}
    assert form.evidence == "3 of 3 values are valid; 1 only so"


def test_amounts_of_both_kinds_are_asked_about_and_never_chosen() -> None:
    form = amount("12,50", "1.234", "3.75")
    assert choices(form) == ["decimal_point", "decimal_comma"]


@pytest.mark.parametrize(
    ("values", "written_as"),
    [
        (["10.00", "20,00"], ["canonical", {"decimal": ","}]),
        (
            ["$1,010.00", "2.020,00 $"],
            [
                {"currency": ["$"], "decimal": ".", "thousands": ","},
                {"currency": ["$"], "decimal": ",", "thousands": "."},
            ],
        ),
    ],
)
def test_amounts_that_mix_forms_without_a_contradiction_have_a_list_of_them(
    values: list[str], written_as: list[object]
) -> None:
    form = amount(*values)
    assert form.written_as == written_as
    assert form.evidence == "2 of 2 values are valid"
    assert not form.questions


def test_what_is_said_of_amounts_is_said_of_each_form() -> None:
    assert amount("-10.00", "-20,00", refunds="spend").written_as == [
        {"sign": "spend_is_negative"},
        {"decimal": ",", "sign": "spend_is_negative"},
    ]


def test_a_header_that_says_cents_is_believed_unless_values_have_decimals() -> None:
    assert amount("1200", "1250", header="amount_cents").written_as == {"unit": "cents"}
    assert choices(amount("12.50", header="amount_cents")) == ["cents", "units"]


def test_whole_amounts_may_be_cents_and_are_asked_about() -> None:
    assert choices(amount("1200", "1250")) == ["cents", "units"]
    assert amount("1200", **{"amount.unit": "cents"}).written_as == {"unit": "cents"}
    assert amount("1200", **{"amount.unit": "units"}).written_as == {}


@pytest.mark.parametrize(
    ("values", "header"), [(["12.00 EUR"], "Amount"), (["12.00"], "Amount (€)")]
)
def test_another_currency_than_that_of_the_reports_is_asked_about(
    values: list[str], header: str
) -> None:
    assert choices(amount(*values, header=header)) == ["EUR"]
    assert not amount(*values, header=header, **{"amount.currency": "EUR"}).questions


@pytest.mark.parametrize(
    ("value", "code"), [("R$ 12,00", "BRL"), ("12,00 zł", "PLN"), ("12,00 Kč", "CZK")]
)
def test_a_currency_is_asked_for_by_its_code(value: str, code: str) -> None:
    assert choices(amount(value)) == [code]


def test_kronor_are_those_of_several_countries() -> None:
    (question,) = amount("12,00 kr").questions
    assert question.flags == ["--answer amount.currency=SEK"]


@pytest.mark.parametrize("header", ["利用金額", "金額(円)"])
def test_yen_are_known_by_their_name_and_by_their_wide_sign(header: str) -> None:
    answers = {"amount.currency": "JPY", "amount.unit": "units"}
    assert choices(amount("1500円", header=header)) == ["JPY"]
    assert amount("1500円", header=header, **answers).written_as == {"currency": ["円"]}
    assert amount("\uffe51500", header=header, **answers).written_as == {"currency": ["\uffe5"]}


def test_amounts_of_the_other_currencies_stay_unread() -> None:
    form = amount("$12.00", "$13.00", "12.00 EUR")
    assert form.written_as == {"currency": ["$"]}
    assert form.evidence.startswith("2 of 3 values are valid; they look like ")


@pytest.mark.parametrize(
    ("values", "written_as"),
    [
        (["31.01.2025", "01.02.2025"], {"order": "DMY"}),
        (["31/1/2025", "1/2/2025"], {"order": "DMY"}),
        (["01/31/2025", "01/02/2025"], {"order": "MDY"}),
        (["31.01.25", "01.02.25"], {"formats": ["%d.%m.%y"]}),
        (["3 Jan 2025", "31 Dec 2024"], {"formats": ["%d %b %Y"]}),
        (["January 3, 2025"], {"formats": ["%B %d, %Y"]}),
        (["Fri, 31 Jan 2025"], {"formats": ["%a, %d %b %Y"]}),
        (["20250131", "20241231"], {"formats": ["%Y%m%d"]}),
        (["2025/01/31"], {"formats": ["%Y/%m/%d"]}),
        (["2025年1月31日"], {"formats": ["%Y年%m月%d日"]}),
        (["15 f\u00e9vrier 2025", "3 juil. 2025"], {"formats": ["%d %B %Y"], "language": ["fr"]}),
        (["15. M\u00e4rz 2025", "3. Mai 2024"], {"formats": ["%d. %B %Y"], "language": ["de"]}),
        (["15-ene-2025", "3-ago-24"], {"formats": ["%d-%B-%Y", "%d-%B-%y"], "language": ["es"]}),
        (["1er mars 2025", "2 avr. 2025"], {"formats": ["%d %B %Y"], "language": ["fr"]}),
        (["15 de marzo de 2025"], {"formats": ["%d de %B de %Y"], "language": ["es", "it"]}),
        (
            ["lunes, 3 de marzo de 2025", "1 de enero de 2025"],
            {"formats": ["%A, %d de %B de %Y", "%d de %B de %Y"], "language": ["es"]},
        ),
        (["3rd Sept 2025", "15 July 2025"], {"formats": ["%d %B %Y"], "language": ["en"]}),
        (["45688", "45292"], {"excel_serial": 1900}),
        (["2025-01-31 00:00:00"], {"formats": ["%Y-%m-%d %H:%M:%S"]}),
        (["20012025", "31122024"], {"formats": ["%d%m%Y"]}),
        (["31/01/2568", "29/02/2567"], {"order": "DMY", "era": "buddhist"}),
        (["2568-01-31"], {"era": "buddhist"}),
        (["๓๑/๐๑/๒๕๖๘"], {"order": "DMY", "digits": "any", "era": "buddhist"}),
        (["114/01/31", "113/12/31"], {"formats": ["%Y/%m/%d"], "era": "minguo"}),
        (["民國114年1月31日"], {"formats": ["%Y年%m月%d日"], "era": "minguo"}),
        (["R7.1.31", "H31.4.30"], {"formats": ["%Y.%m.%d"], "era": "japanese"}),
        (["令和7年1月31日", "令和元年5月1日"], {"formats": ["%Y年%m月%d日"], "era": "japanese"}),
    ],
)
def test_dates_are_read_as_they_are_written(
    values: list[str], written_as: dict[str, object]
) -> None:
    form = day(*values)
    assert form.written_as == written_as
    assert form.evidence.startswith(f"{len(values)} of {len(values)} values are valid")
    assert not form.questions


def test_from_which_year_days_are_counted_is_asked_where_all_would_be_past() -> None:
    form = day("44226", "43830")
    assert choices(form) == ["excel_serial", "excel_serial_1904"]
    assert day("44226", hired="excel_serial_1904").written_as == {"excel_serial": 1904}
    assert day("44226", hired="excel_serial").written_as == {"excel_serial": 1900}


def test_the_order_of_day_and_month_is_asked_about_where_both_fit() -> None:
    form = day("03/04/2025", "05/06/2025")
    assert choices(form) == ["DMY", "MDY"]
    assert form.questions[0].flags == ["--answer hired=DMY", "--answer hired=MDY"]
    assert "03/04" not in form.questions[0].asks
    assert day("03/04/2025", hired="MDY").written_as == {"order": "MDY"}


@pytest.mark.parametrize(
    ("values", "named"),
    [
        (("25/03/05", "25/04/26"), ["DMY", "yMD"]),
        (("05032025", "01042025"), ["compact_DMY", "compact_MDY"]),
        (("250305", "250326"), ["compact", "compact_DMY"]),
    ],
)
def test_so_is_where_the_year_stands_in_few_digits(values: Sequence[str], named: list[str]) -> None:
    assert choices(day(*values)) == named
    assert day(*values, hired=named[1]).evidence.startswith("2 of 2 values are valid")


def test_of_many_days_of_one_year_the_year_is_what_stays() -> None:
    assert day("14/03/25", "20/03/25", "21/03/25").written_as == {"formats": ["%d/%m/%y"]}


def test_an_answer_that_is_not_a_choice_is_refused_with_the_nearest() -> None:
    with pytest.raises(ProjectError, match=r"there is no such answer \(did you mean 'DMY'\?\)"):
        day("03/04/2025", hired="dmy")


def test_the_canonical_form_stays_valid_beside_another() -> None:
    form = day("2025-01-31", "31.12.2024")
    assert form.written_as == {"order": "DMY", "formats": ["%Y-%m-%d"]}
    assert form.evidence == "2 of 2 values are valid"


@pytest.mark.parametrize(
    ("value", "written_as"),
    [
        ("31.01.2025 10:15 +0100", {"formats": ["%d.%m.%Y %H:%M %z"]}),
        ("2025-01-31 10:15:00 UTC", {"formats": ["%Y-%m-%d %H:%M:%S UTC"], "zone": "UTC"}),
        ("1738318500", {"epoch": "seconds"}),
        ("1738318500000", {"epoch": "milliseconds"}),
    ],
)
def test_instants_that_say_their_zone_are_read(value: str, written_as: dict[str, object]) -> None:
    form = instant(value)
    assert form.written_as == written_as
    assert not form.questions


@pytest.mark.parametrize(
    ("value", "formats"),
    [
        ("03/31/2025 3:15 p.m.", ["%m/%d/%Y %I:%M %p"]),
        ("31/03/2025 3:15:07 p.\u00a0m.", ["%d/%m/%Y %I:%M:%S %p"]),
        ("2025-03-31 03:15\u202fPM", ["%Y-%m-%d %I:%M %p"]),
        ("31.03.2025 14.30", ["%d.%m.%Y %H.%M"]),
        ("31/03/2025 14h30", ["%d/%m/%Y %Hh%M"]),
        ("31.03.2025 14:30 Uhr", ["%d.%m.%Y %H:%M Uhr"]),
        ("31.03.2025 um 14:30", ["%d.%m.%Y um %H:%M"]),
        ("2025-03-31 PM 3:15", ["%Y-%m-%d %p %I:%M"]),
        ("2025-03-31 오후 3:15", ["%Y-%m-%d %p %I:%M"]),
        ("2025年3月31日 下午3:15", ["%Y年%m月%d日 %p%I:%M"]),
        ("2025/03/31 3:15 午後", ["%Y/%m/%d %I:%M %p"]),
        ("20250331141530", ["%Y%m%d%H%M%S"]),
    ],
)
def test_times_are_read_as_they_are_written(value: str, formats: list[str]) -> None:
    form = instant(value, answers={"at.zone": "Europe/Paris"})
    order = {"%m": "MDY", "%d": "DMY"}.get(formats[0][:2])
    expected = [{"formats": formats, "zone": "Europe/Paris"}]
    assert form.written_as in [*expected, {"order": order, "zone": "Europe/Paris"}]
    assert form.evidence == "1 of 1 values are valid"


@pytest.mark.parametrize(
    "value", ["31.03.2025 ÖS 3:15", "2025.03.31. du. 3:15", "31/03/2025 3:15 μμ"]
)
def test_a_word_that_may_be_for_the_half_of_the_day_is_not_passed_over(value: str) -> None:
    assert not instant(value).written_as


def test_what_an_abbreviation_of_a_zone_stands_for_is_asked_for() -> None:
    values = ("2025-03-31 10:15:00 EST", "2025-07-31 10:15:00 EDT", "2025-07-31 10:15:00 UTC")
    (question,) = instant(*values).questions
    assert question.flags == ["--answer at.zones=EST=-05:00,EDT=-05:00"]
    form = instant(*values, answers={"at.zones": "EST=-05:00, EDT=-04:00"})
    assert form.evidence == "3 of 3 values are valid"
    assert not form.questions
    assert form.written_as == {
        "formats": ["%Y-%m-%d %H:%M:%S %Z", "%Y-%m-%d %H:%M:%S UTC"],
        "zones": {"EST": "-05:00", "EDT": "-04:00"},
        "zone": "UTC",
    }
    with pytest.raises(ProjectError, match="write each abbreviation with its offset"):
        instant(*values, answers={"at.zones": "EST"})


def test_whether_credits_or_debits_are_below_zero_is_asked_about_balances() -> None:
    balance = column("Balance", "5.00 CR", "7.00 DR")
    assert choices(form_of("current_balance", "amount", balance, reader(), {})) == [
        "credit", "debit",
    ]  # fmt: skip
    said = {"current_balance.negative": "debit"}
    form = form_of("current_balance", "amount", balance, reader(), said)
    assert form.written_as == {"negative": ["debit"]}


def test_the_zone_of_local_times_is_asked_for() -> None:
    (question,) = instant("2025-01-31 18:30:00").questions
    assert question.flags == ["--answer at.zone=America/New_York"]
    answers = {"at.zone": "Europe/Paris"}
    assert instant("2025-01-31 18:30", answers=answers).written_as == {"zone": "Europe/Paris"}
    form = instant("31.01.2025 18:30", answers=answers)
    assert form.written_as == {"order": "DMY", "zone": "Europe/Paris"}


def test_instants_in_utc_beside_local_ones_have_a_form_of_their_own() -> None:
    values = ("2025-01-31T10:00:00Z", "31.01.2025 18:30")
    answers = {"at.zone": "Europe/Paris"}
    form = instant(*values, answers=answers)
    assert form.written_as == ["canonical", {"order": "DMY", "zone": "Europe/Paris"}]
    assert form.evidence == "2 of 2 values are valid"


def test_a_zone_that_there_is_not_is_refused_with_the_nearest() -> None:
    with pytest.raises(ProjectError, match="did you mean 'Europe/Berlin'"):
        instant("2025-01-31 18:30", answers={"at.zone": "Europe/Berln"})


def test_what_no_reading_reads_is_shown_by_its_shape_alone() -> None:
    form = day("sometime", "soon", "2025-01-31")
    assert form.evidence == "1 of 3 values are valid; they look like A (2), 9999-99-99 (1)"


@pytest.mark.parametrize(
    ("values", "told"),
    [
        (("0103", "3112"), "have no year, as days of DATEV"),
        (("1.3.", "31.12."), "have no year, as days of DATEV"),
        (("1403/12/15",), "of the Persian or the Islamic calendar"),
        (("2025-W10-3",), "are weeks, or days of a year"),
        (("2025-01-31", "0000-00-00"), "Zeros stand for no date"),
        (("sometime",), "say so as its written_as"),
    ],
)
def test_what_cannot_be_declared_is_named_with_what_to_do(values: Sequence[str], told: str) -> None:
    assert told in day(*values).told
    assert "have exponents" in amount("1.2E+03", "12.00").told
