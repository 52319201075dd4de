"""The page Overview: how much is spent, when, on what and where, and against which allowance."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from benepass_tasks.site.charts import vega_lite
from benepass_tasks.site.cube import OTHER_MONTHS, Cube, read_cube
from benepass_tasks.site.page import MOST_ROWS, Chart, DataTable, Download, Field, Page
from benepass_tasks.site.programs import Programs, read_programs
from benepass_tasks.site.rendering import written
from benepass_tasks.site.sources import Sources
from benepass_tasks.state.history.read import SourceFigures, newest_figures

MOST_MERCHANTS = 15
"""Bars in the chart of merchants."""

MOST_PROGRAMS = 20
"""Programmes in their charts."""

NOTHING_YET = (
    "No transaction is published yet. Put transactions*.csv into the data folder and run make."
)

NO_PROGRAM_MONTH = (
    "No programme has a month with spend yet. Programmes come from benefit_accounts.csv, months "
    "from transactions*.csv: put them into the data folder and run make."
)

SUMS = (
    Field("spend", "Spend", "money"),
    Field("share", "Share of spend", "rate"),
    Field("transactions", "Transactions", "count"),
)
MERCHANT = (Field("merchant", "Merchant"), *SUMS)
ALLOWANCE = (
    Field("allowance", "Allowance", "money"),
    Field("spend", "Spend", "money"),
    Field("used", "Used", "rate"),
    Field("note", "Note"),
)
PROGRAM = (Field("program", "Programme"), Field("benefit_type", "Benefit type"))
BALANCE = (
    Field("month", "Month", "month"),
    *PROGRAM,
    Field("allowance", "Allowance", "money"),
    Field("spend", "Charged", "money"),
    Field("refunds", "Given back", "money"),
    Field("quarantined", "In quarantine", "money"),
    Field("uncounted", "No spend", "money"),
    Field("expected_balance", "Left", "money"),
    Field("stated_balance", "Stated", "money"),
    Field("difference", "Difference", "money"),
    Field("differing_accounts", "Accounts that differ", "count"),
    Field("differs_since", "Since", "date"),
)
PROGRAM_MONTH = (Field("month", "Month", "month"), *PROGRAM, *ALLOWANCE)


def pages(sources: Sources) -> Iterator[Page]:
    """The page."""
    cube = read_cube(sources)
    programs = read_programs(sources, cube)
    merchants = merchant_rows(cube)
    as_of = sources.settings.as_of.isoformat()
    totals = sources.published("overview_totals", as_of=as_of)[0]
    types = {row["benefit_type"] for row in (*cube.rows, *programs.months)}
    yield Page(
        "index.html",
        "overview.html.j2",
        "Overview",
        "index.html",
        values={
            "as_of": as_of,
            "totals": totals,
            "withheld": withheld(totals, sources.settings.min_group_size),
            "sums": cube.totals(),
            "quality": _transaction_figures(sources),
            "months": [it for it in cube.names("month") if it != OTHER_MONTHS],
            "benefit_types": sorted(types),
            "folded": cube.folded,
            "certainty": certainty(merchants, cube),
            "month_chart": _month_chart(cube),
            "type_chart": _type_chart(cube),
            "merchant_chart": _merchant_chart(merchants, cube),
            "program_chart": _program_chart(programs),
            "program_month_chart": _program_month_chart(programs),
            "balances": _balances(sources, as_of),
        },
        data={**_as_data(cube), "until": programs.until},
        scripts=("overview.js",),
        has_charts=True,
        downloads=(
            Download("downloads/merchants.csv", MERCHANT, merchants),
            Download("downloads/program_months.csv", PROGRAM_MONTH, programs.months),
        ),
    )


def withheld(totals: Mapping[str, Any], least: int) -> str | None:
    """How many programmes, and how much spend, the page does not tell apart."""
    programs, spend = totals["withheld_programs"], totals["withheld_spend"]
    if not programs:
        return None
    amount = "whose amounts are withheld, too" if spend is None else written(spend, "money")
    return (
        f"{programs:,} of {totals['programs']:,} programmes are withheld: each has fewer than "
        f"{least} employees, or would give away one that has. Their "
        f"{totals['withheld_transactions']:,} transactions ({amount}) count in the sums, without "
        "programme, merchant and employee."
    )


def merchant_rows(cube: Cube) -> list[dict[str, Any]]:
    """The merchants, that with the most spend first; the folded ones are the last row."""
    rows = cube.by("merchant")
    named = [row for row in rows if row["merchant"] is not None]
    others = [row for row in rows if row["merchant"] is None]
    return [*named, *({**row, "merchant": _others(cube)} for row in others)]


def certainty(merchants: Sequence[Mapping[str, Any]], cube: Cube) -> str:
    """Which of the first merchants none of the folded ones can have outspent.

    `overview.js` says the same of what its filters leave.
    """
    shown = _first_merchants(merchants, cube)
    sure = [row for row in shown if row["spend"] >= cube.most_of_folded]
    if len(sure) == MOST_MERCHANTS:
        return f"None of them is among the {MOST_MERCHANTS} of the chart."
    return (
        f"One of them may have spent up to {written(cube.most_of_folded, 'money')}, so "
        f"{len(sure)} of the {len(shown)} places in the chart are certain."
    )


def _first_merchants(
    merchants: Sequence[Mapping[str, Any]], cube: Cube
) -> Sequence[Mapping[str, Any]]:
    return (merchants[:-1] if cube.folded else merchants)[:MOST_MERCHANTS]


def _others(cube: Cube) -> str:
    return f"Other merchants ({cube.folded:,})"


def _transaction_figures(sources: Sources) -> SourceFigures | None:
    figures = newest_figures(sources.connection)
    return next((it for it in figures if it.source == "transactions"), None)


def _as_data(cube: Cube) -> dict[str, object]:
    """The cube for its script: names once, rows as their places."""
    names = {key: cube.names(key) for key in ("month", "benefit_type", "merchant")}
    places = {key: {name: place for place, name in enumerate(it)} for key, it in names.items()}
    measures = ("transactions", "flagged", "spend", "most_in_cell", "most_in_month")
    rows = [
        [
            *(places[key].get(row[key], -1) for key in names),
            *(row[key] for key in measures if row[key] is not None),
        ]
        for row in cube.rows
    ]
    return {
        "months": names["month"],
        "types": names["benefit_type"],
        "merchants": names["merchant"],
        "rows": rows,
        "others": _others(cube),
        "mostOfFolded": cube.most_of_folded,
        "mostMerchants": MOST_MERCHANTS,
        "mostPrograms": MOST_PROGRAMS,
    }


def _month_chart(cube: Cube) -> Chart:
    rows = cube.by("month")
    fields = (
        Field("month", "Month"),
        Field("spend", "Spend", "money"),
        Field("transactions", "Transactions", "count"),
        Field("flagged", "Flagged", "count"),
    )
    caption = (
        "Spend by month. Flagged transactions are accepted, with something doubtful about them."
    )
    return Chart(
        "months",
        "Spend by month",
        "One bar a month. Months without a transaction are left out, so bars side by side may be "
        "far apart in time.",
        vega_lite("spend-by-month"),
        rows,
        DataTable("months", caption, fields, rows, page_size=12),
        empty=NOTHING_YET,
    )


def _type_chart(cube: Cube) -> Chart:
    rows = cube.by("benefit_type")
    fields = (Field("benefit_type", "Benefit type"), *SUMS)
    return Chart(
        "types",
        "Spend by benefit type",
        "One bar a benefit type, that with the most spend first.",
        vega_lite("spend-by", dimension="benefit_type", title="Benefit type"),
        rows,
        DataTable("types", "Spend by benefit type.", fields, rows),
        empty=NOTHING_YET,
    )


def _merchant_chart(rows: Sequence[Mapping[str, Any]], cube: Cube) -> Chart:
    return Chart(
        "merchants",
        "Spend by merchant",
        f"The {MOST_MERCHANTS} merchants with the most spend. The table has all of them.",
        vega_lite("spend-by", dimension="merchant", title="Merchant"),
        _first_merchants(rows, cube),
        DataTable(
            "merchants",
            "Spend by merchant. The CSV file has all months and benefit types.",
            MERCHANT,
            rows,
            page_size=MOST_MERCHANTS,
            is_searchable=True,
            download="downloads/merchants.csv",
        ),
        empty=NOTHING_YET,
    )


def _program_chart(programs: Programs) -> Chart:
    rows = programs.by_program()
    return Chart(
        "programs",
        "Allowance against spend",
        "For each programme the mean of a month: a bar for what was spent, an upright mark for "
        "what all its accounts may spend. The months are those with any transaction, up to the "
        f"as-of date; the {MOST_PROGRAMS} programmes with the most spend are shown.",
        vega_lite("allowance-against-spend"),
        labelled(rows)[:MOST_PROGRAMS],
        DataTable(
            "programs",
            "Mean allowance and spend of a month, by programme. The allowance is what all accounts "
            "of the programme may spend.",
            (*PROGRAM, *ALLOWANCE),
            rows,
        ),
        empty=NO_PROGRAM_MONTH,
    )


def _program_month_chart(programs: Programs) -> Chart:
    labels = [row["label"] for row in labelled(programs.by_program())[:MOST_PROGRAMS]]
    known = (row for row in labelled(programs.months) if row["label"] in labels)
    return Chart(
        "program-months",
        "Allowance used, month by month",
        "One field for each programme and month: the more of the month's allowance was spent, the "
        "stronger its colour. Fields with a dashed line are withheld. The table has the amounts.",
        vega_lite("allowance-used"),
        sorted(known, key=lambda row: labels.index(row["label"])),
        DataTable(
            "program-months",
            "Allowance and spend by programme and month, the newest first. The CSV file has all "
            "months and benefit types.",
            PROGRAM_MONTH,
            programs.months,
            total=programs.total,
            is_searchable=True,
            download="downloads/program_months.csv",
        ),
        empty=NO_PROGRAM_MONTH,
    )


def _balances(sources: Sources, as_of: str) -> DataTable:
    return DataTable(
        "balances",
        "Balances of the latest month, by programme: what is left of the allowance, what is kept "
        "out, and what the accounts' file states. Figures of small programmes are withheld.",
        BALANCE,
        sources.published("program_balances", as_of=as_of, most_rows=MOST_ROWS),
        empty=NO_PROGRAM_MONTH,
    )


def labelled(rows: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Rows of programmes with a name that no programme of another benefit type has."""
    return [{**row, "label": f"{row['program']} ({row['benefit_type']})"} for row in rows]
