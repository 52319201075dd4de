"""The overview: its figures, charts and tables are what is published, and agree with each other."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from rendered import MISSING, Shown, copied, republish, shown

from benepass_tasks.site import cube
from benepass_tasks.site.pages import overview

if TYPE_CHECKING:
    from pathlib import Path

    from workspace import Workspace

# Months, benefit types and merchants in all combinations, some of them missing.
MANY = """
insert into marts.fact_transactions by name
select
    'M' || i as transaction_id,
    'E' || (1 + i % 3) as employee_id,
    if(i % 19 = 0, null, 'Merchant ' || (i * i % 23)) as merchant,
    cast(1 + i * 37 % 5000 / 100 as decimal(18, 2)) as amount,
    timestamp '2024-11-03 05:06:07' + to_months(cast(i % 16 as int)) as transaction_timestamp,
    if(i % 17 = 0, null, ['wellness', 'meals', 'gym & <b>sauna</b>'][1 + i % 3]) as benefit_type,
    if(i % 11 = 0, ['future_timestamp'], cast([] as varchar[])) as dq_flags
from range(400) as numbers(i)
"""
MONEY = "cast(sum(amount) as double)"


def show(project: Workspace) -> Shown:
    return shown(project, overview.pages)


@pytest.fixture
def project(published_run: Workspace, tmp_path: Path) -> Workspace:
    """A project of the test's own that has been published."""
    return copied(published_run, tmp_path)


@pytest.fixture(scope="module")
def few(published_run: Workspace) -> Shown:
    """The overview of three transactions in one month."""
    return show(published_run)


@pytest.fixture(scope="module")
def many(published_run: Workspace, tmp_path_factory: pytest.TempPathFactory) -> Shown:
    """The overview of 403 transactions."""
    project = copied(published_run, tmp_path_factory.mktemp("many"))
    republish(project, MANY)
    return show(project)


def sums(page: Shown, dimension: str) -> dict[str, tuple[int, float]]:
    """Transactions and spend as SQL adds them up."""
    rows = page.project.query_published(
        f"select {dimension}, count(*), {MONEY} from marts.fact_transactions group by all"
    )
    return {name: (count, spend) for name, count, spend in rows}


def said(rows: list[dict[str, Any]], name: str) -> dict[str, tuple[int, float]]:
    return {row[name]: (row["transactions"], row["spend"]) for row in rows}


def test_figures_are_those_of_what_is_published(many: Shown) -> None:
    ((transactions, spend),) = many.project.query_published(
        f"select count(*), {MONEY} from marts.fact_transactions"
    )
    figures = many.figures()
    assert figures["Transactions"] == f"{transactions:,}" == "403"
    assert figures["Total spend"] == f"${spend:,.2f}"
    assert figures["Active employees"] == "1"
    assert figures["Programmes"] == "2"
    assert figures["Data as of"] == "2026-01-01"


def test_clean_rate_is_that_of_the_records_in_the_files(few: Shown) -> None:
    ((rate,),) = few.project.query(
        "select value from meta.quality_figures "
        "where dataset = 'transactions' and figure = 'clean_rate'"
    )
    assert few.figures()["Clean rate"] == f"{rate:.1%}" == "40.0%"
    assert "of 5 transactions" in few.notes()["Clean rate"]


def test_clean_rate_is_of_the_transactions_however_many_other_records_there_are(
    project: Workspace,
) -> None:
    project.change(
        "update meta.quality_figures set value = 999 "
        "where dataset = 'employees' and figure = 'records'"
    )
    assert show(project).figures()["Clean rate"] == "40.0%"


def test_newest_transaction_is_not_one_from_the_future(many: Shown) -> None:
    note = many.notes()["Data as of"]
    later = many.project.query_published(
        "select count(*) from marts.fact_transactions where transaction_timestamp >= '2026-01-02'"
    )
    assert note == f"newest: 2025-12-03 05:06 UTC; {later[0][0]} are dated later"


def test_how_the_last_run_ended_is_left_to_the_scripts(few: Shown) -> None:
    assert few.figures()["Last run"] == MISSING
    assert few.document.one("div", data_last_run="").one("a").attributes["href"] == "runs.html"


@pytest.mark.parametrize(
    ("name", "dimension", "sql"),
    [
        ("months", "month", "strftime(transaction_timestamp, '%Y-%m')"),
        ("types", "benefit_type", "coalesce(benefit_type, 'no benefit type')"),
        ("merchants", "merchant", "coalesce(merchant, 'No merchant')"),
    ],
)
def test_table_has_each_group_once_with_its_sums(
    many: Shown, name: str, dimension: str, sql: str
) -> None:
    rows = many.table(name)
    assert said(rows, dimension) == sums(many, sql)
    assert len(rows) == len(sums(many, sql))


@pytest.mark.parametrize(("name", "most"), [("months", 99), ("types", 99), ("merchants", 15)])
def test_chart_has_the_first_rows_of_its_table(many: Shown, name: str, most: int) -> None:
    table = many.table(name)[:most]
    kept = [{key: row[key] for key in table[0]} for row in many.chart(name)]
    assert kept == table


def test_most_spend_comes_first(many: Shown) -> None:
    for name in ("types", "merchants"):
        spend = [row["spend"] for row in many.table(name)]
        assert spend == sorted(spend, reverse=True)
    months = [row["month"] for row in many.table("months")]
    assert months == sorted(months)


def test_shares_add_up_to_all_spend(many: Shown) -> None:
    for name in ("types", "merchants"):
        assert sum(row["share"] for row in many.table(name)) == pytest.approx(1)


def test_flagged_transactions_are_counted_by_month(many: Shown) -> None:
    flagged = many.project.query_published(
        "select strftime(transaction_timestamp, '%Y-%m'), "
        "count(*) filter (where len(dq_flags) > 0) from marts.fact_transactions group by all"
    )
    assert {row["month"]: row["flagged"] for row in many.table("months")} == dict(flagged)


def test_script_gets_the_cube_that_the_tables_are_made_of(many: Shown) -> None:
    data = many.data
    cells = {
        (data["months"][month], data["types"][kind], data["merchants"][merchant]): (count, spend)
        for month, kind, merchant, count, _, spend in data["rows"]
    }
    rows = many.project.query_published(
        "select strftime(transaction_timestamp, '%Y-%m'), "
        "coalesce(benefit_type, 'no benefit type'), coalesce(merchant, 'No merchant'), "
        f"count(*), {MONEY} from marts.fact_transactions group by all"
    )
    assert cells == {tuple(row[:3]): row[3:] for row in rows}


def test_filters_offer_every_month_and_benefit_type(many: Shown) -> None:
    for name in ("from", "to"):
        options = [it.text for it in many.document.one("select", name=name).all("option")]
        assert options == [row["month"] for row in many.table("months")]
    options = [it.text for it in many.document.one("select", name="benefit").all("option")]
    assert options == [
        "All benefit types",
        "gym & <b>sauna</b>",
        "meals",
        "no benefit type",
        "wellness",
    ]


@pytest.fixture(scope="module")
def folded(many: Shown) -> Shown:
    """The same, where a page holds 200 rows of the cube."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(cube, "MOST_ROWS", 200)
        return show(many.project)


def test_merchants_beyond_what_a_page_holds_are_added_up(many: Shown, folded: Shown) -> None:
    assert len(folded.data["rows"]) <= 200
    *named, others = folded.table("merchants")
    real = sums(many, "coalesce(merchant, 'No merchant')")
    assert said(named, "merchant").items() <= real.items()
    missing = real.keys() - said(named, "merchant").keys()
    assert others["merchant"] == f"Other merchants ({len(missing)})"
    assert others["transactions"] == sum(real[name][0] for name in missing)
    assert others["spend"] == pytest.approx(sum(real[name][1] for name in missing))
    assert folded.figures() == many.figures()
    assert f"{len(missing)} merchants with less spend are added up" in folded.document.text


def test_merchants_with_the_most_spend_and_those_without_a_name_stay(
    many: Shown, folded: Shown
) -> None:
    *named, _ = [row["merchant"] for row in folded.table("merchants")]
    real = sums(many, "coalesce(merchant, 'No merchant')")
    most = sorted(real.keys() - {"No merchant"}, key=lambda name: -real[name][1])
    assert set(named) == {"No merchant", *most[: len(named) - 1]}
    assert not any("Other" in row["merchant"] for row in folded.chart("merchants"))


def test_folded_merchants_have_a_bound_in_each_month_and_cell(many: Shown, folded: Shown) -> None:
    named = folded.data["merchants"]
    without = f"coalesce(merchant, 'No merchant') not in ({str(named)[1:-1]})"
    month, kind = (
        "strftime(transaction_timestamp, '%Y-%m')",
        "coalesce(benefit_type, 'no benefit type')",
    )
    in_cell, in_month, in_all = (
        dict(
            many.project.query_published(
                f"select groups, max(spend) from (select {groups} as groups, merchant, {MONEY} "
                f"as spend from marts.fact_transactions where {without} group by all) group by all"
            )
        )
        for groups in (f"{month} || ' ' || {kind}", month, "''")
    )
    found = [
        (folded.data["months"][row[0]], folded.data["types"][row[1]], *row[6:])
        for row in folded.data["rows"]
        if row[2] < 0
    ]
    assert {f"{month} {kind}": most for month, kind, most, _ in found} == in_cell
    assert {month: most for month, _, _, most in found} == in_month
    assert folded.data["mostOfFolded"] == in_all[""]


def test_it_is_told_whether_a_folded_merchant_can_be_among_the_first(
    many: Shown, folded: Shown, monkeypatch: pytest.MonkeyPatch
) -> None:
    named, most = folded.table("merchants")[:-1], folded.data["mostOfFolded"]
    sure = [row for row in named if row["spend"] >= most]
    assert len(sure) < 15
    assert (
        f"One of them may have spent up to ${most:,.2f}, so {len(sure)} of the {len(named)} places "
        "in the chart are certain." in folded.document.text
    )
    monkeypatch.setattr(cube, "MOST_ROWS", 200)
    monkeypatch.setattr(overview, "MOST_MERCHANTS", 2)
    assert "None of them is among the 2 of the chart." in show(many.project).document.text


def test_nothing_is_folded_that_fits(many: Shown) -> None:
    assert many.data["mostOfFolded"] == 0
    assert "added up" not in many.document.text


def test_months_and_benefit_types_beyond_what_a_page_tells_apart_are_one(
    many: Shown, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = many.figures()
    monkeypatch.setattr(cube, "MOST_MONTHS", 3)
    monkeypatch.setattr(cube, "MOST_TYPES", 2)
    page = show(many.project)
    assert [row["month"] for row in page.table("months")][3:] == ["other months"]
    types = {row["benefit_type"] for row in page.table("types")}
    assert types == {"wellness", "gym & <b>sauna</b>", "other benefit types"}
    programs = {row["benefit_type"] for row in page.table("program-months")}
    assert programs == {"wellness", "other benefit types"}
    assert "other months" not in page.document.one("select", name="from").text
    assert page.figures() == whole


def test_balances_are_those_of_the_latest_month_that_are_published(few: Shown) -> None:
    published = few.project.query_published(
        "select program_name, cast(expected_balance as double), cast(allowance as double) "
        "from marts.program_balances where balance_month = ("
        "select max(balance_month) from marts.program_balances)"
    )
    assert published
    rows = few.table("balances")
    said = [(row["program"], row["expected_balance"], row["allowance"]) for row in rows]
    assert sorted(said, key=str) == sorted(published, key=str)


UTILIZATION = """
create or replace table marts.program_utilization as
select
    month as spend_month,
    benefit_type,
    program_name,
    if(program_name = 'Tiny', null, 7) as account_count,
    if(program_name = 'Tiny', null, 6) as employee_count,
    cast(if(program_name = 'Tiny', null, allowance) as decimal(38, 2)) as allowance,
    cast(case program_name when 'Tiny' then null when 'Zero' then 0
        else coalesce(number * 7, 0) + 10 end as decimal(38, 2)) as spend,
    if(program_name = 'Tiny' or allowance = 0, null, spend / allowance) as utilization_rate
from
    (values (date '2025-02-01', 1), (date '2025-03-01', 2), (date '2031-01-01', 3))
        as m(month, number),
    (values ('wellness', 'Same', 100), (null, 'Same', 0), ('meals', null, 50), ('meals', 'Tiny', 9),
    ('meals', 'Zero', 30))
        as p(benefit_type, program_name, allowance)
"""


@pytest.fixture(scope="module")
def programs(published_run: Workspace, tmp_path_factory: pytest.TempPathFactory) -> Shown:
    """Five programmes in three months, the last of them in the future; one is withheld."""
    project = copied(published_run, tmp_path_factory.mktemp("programs"))
    republish(project, UTILIZATION)
    return shown(project, overview.pages, min_group_size="5")


def test_programmes_stand_month_by_month_as_they_are_published(programs: Shown) -> None:
    rows = programs.table("program-months")
    said = [
        tuple(
            row[key] for key in ("month", "benefit_type", "program", "allowance", "spend", "used")
        )
        for row in rows
    ]
    published = programs.project.query_published(
        "select strftime(spend_month, '%Y-%m'), coalesce(benefit_type, 'no benefit type'), "
        "coalesce(program_name, 'no name'), cast(allowance as double), cast(spend as double), "
        "utilization_rate from marts.program_utilization"
    )
    assert sorted(said, key=str) == sorted(published, key=str)
    assert [row["month"] for row in rows] == sorted((row["month"] for row in rows), reverse=True)


def test_programme_is_shown_by_the_mean_of_its_months_up_to_the_as_of_date(
    programs: Shown,
) -> None:
    by_name = {(row["benefit_type"], row["program"]): row for row in programs.table("programs")}
    means = programs.project.query_published(
        "select coalesce(benefit_type, 'no benefit type'), coalesce(program_name, 'no name'), "
        "cast(avg(allowance) as double), round(avg(spend), 2), avg(spend) / avg(allowance) "
        "from marts.program_utilization where spend_month < '2026-01-02' and allowance > 0 "
        "group by all"
    )
    for benefit_type, program, allowance, spend, used in means:
        row = by_name[benefit_type, program]
        assert (row["allowance"], row["spend"]) == (allowance, spend)
        assert row["used"] == pytest.approx(used, abs=1e-4)
    assert by_name["no benefit type", "Same"]["used"] is None
    assert len(by_name) == len(means) + 2


def test_withheld_programme_has_no_figures_and_says_why(programs: Shown) -> None:
    note = "withheld: groups of fewer than 5 employees"
    for name in ("programs", "program-months"):
        rows = [row for row in programs.table(name) if row["program"] == "Tiny"]
        assert rows
        for row in rows:
            assert (row["allowance"], row["spend"], row["used"]) == (None, None, None)
            assert row["note"] == note
        assert next(cells for cells in programs.cells(name) if "Tiny" in cells)[-4:] == [
            *[MISSING] * 3,
            note,
        ]
    assert {row["note"] for row in programs.chart("programs")} == {None, note}
    assert programs.table("programs")[-1]["program"] == "Tiny"
    named = [row for row in programs.table("program-months") if row["program"] != "Tiny"]
    assert {row["note"] for row in named} == {None}


def test_limit_of_the_settings_is_the_one_that_is_told(programs: Shown) -> None:
    page = shown(programs.project, overview.pages, min_group_size="12")
    assert page.table("programs")[-1]["note"] == "withheld: groups of fewer than 12 employees"


def test_programmes_of_one_name_are_apart_in_their_chart(programs: Shown) -> None:
    labels = [row["label"] for row in programs.chart("programs")]
    assert sorted(labels) == [
        "Same (no benefit type)",
        "Same (wellness)",
        "Tiny (meals)",
        "Zero (meals)",
        "no name (meals)",
    ]


def test_only_the_first_programmes_are_drawn_and_all_are_in_the_table(
    programs: Shown, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(overview, "MOST_PROGRAMS", 1)
    page = show(programs.project)
    assert len(page.chart("programs")) == 1
    assert {row["label"] for row in page.chart("program-months")} == {
        row["label"] for row in page.chart("programs")
    }
    assert len(page.table("programs")) == 5


HOSTILE = [
    "</script><script>alert(1)</script>",
    '"><img src=x onerror=alert(2)>',
    "=cmd()|' /C calc'!A1",
    "{{ 7 * 7 }}",
    "__proto__",
    "Höhenweg 山",
    "x" * 5_000_000,
    "x" * 4_000_000 + "y",
    "\uff1d1+1",
]


@pytest.fixture(scope="module")
def hostile(published_run: Workspace, tmp_path_factory: pytest.TempPathFactory) -> Shown:
    """The overview of merchants and benefit types with such names."""
    project = copied(published_run, tmp_path_factory.mktemp("hostile"))
    for place, name in enumerate(HOSTILE):
        republish(
            project,
            "insert into marts.fact_transactions by name select 'E1' as employee_id, "
            f"$name as merchant, $name as benefit_type, {100 + place} as amount, "
            "timestamp '2025-04-01' as transaction_timestamp, [] as dq_flags",
            values={"name": name},
        )
    return show(project)


def test_names_from_files_are_text_and_nothing_else(few: Shown, hostile: Shown) -> None:
    assert len(hostile.document.all("script")) == len(few.document.all("script"))
    assert not hostile.document.all("img")
    assert HOSTILE[0] in [row["merchant"] for row in hostile.table("merchants")]
    assert HOSTILE[1] in [cells[0] for cells in hostile.cells("merchants")]
    assert b"</script><script>alert" not in hostile.html


def test_long_names_are_cut_and_stay_apart(hostile: Shown) -> None:
    assert len(hostile.html) < 100_000
    rows = {row["merchant"]: row["spend"] for row in hostile.table("merchants")}
    cut = "x" * 199 + "…"
    assert {rows[cut], rows[f"{cut} (2)"]} == {106.0, 107.0}


def test_letters_beyond_ascii_take_no_more_room_than_they_need(hostile: Shown) -> None:
    assert "Höhenweg 山".encode() in hostile.html
    assert rb"\u5c71" not in hostile.html


def test_download_calculates_nothing(hostile: Shown) -> None:
    header, *records = hostile.download("downloads/merchants.csv")
    assert header == ["Merchant", "Spend", "Share of spend", "Transactions"]
    assert len(records) == len(hostile.table("merchants"))
    assert not [record for record in records if record[0].startswith(tuple("=+-@\uff1d"))]


def test_downloads_hold_the_rows_of_their_tables(programs: Shown) -> None:
    for table, path in (("merchants", "merchants"), ("program-months", "program_months")):
        link = programs.document.one("div", data_table=table).one("a", **{"class": "download"})
        assert link.attributes["href"] == f"downloads/{path}.csv"
        _, *records = programs.download(f"downloads/{path}.csv")
        assert len(records) == len(programs.table(table))


def test_page_without_transactions_says_what_to_do(project: Workspace) -> None:
    republish(
        project, "delete from marts.fact_transactions", "delete from marts.program_utilization"
    )
    page = show(project)
    assert page.figures()["Transactions"] == "0"
    assert page.figures()["Total spend"] == "$0.00"
    empty = [it.text for it in page.document.all("p", **{"class": "empty"})]
    assert len(empty) == 5
    assert all("run make" in text for text in empty)
    assert not page.document.all("select")
    assert page.notes()["Data as of"] == "there is no transaction up to this day"


def test_project_without_programmes_has_a_page(project: Workspace) -> None:
    republish(
        project,
        "delete from marts.dim_benefit_programs",
        "delete from marts.program_utilization",
    )
    page = show(project)
    assert page.figures()["Programmes"] == "0"
    assert page.table("months")
    assert len(page.document.all("p", **{"class": "empty"})) == 2


def test_one_month_is_a_page_as_any_other(few: Shown) -> None:
    assert [row["month"] for row in few.table("months")] == ["2025-03"]
    assert len(few.table("programs")) == 2


def test_transactions_without_a_time_are_in_the_sums(project: Workspace) -> None:
    republish(project, "update marts.fact_transactions set transaction_timestamp = null")
    page = show(project)
    assert [row["month"] for row in page.table("months")] == ["other months"]
    assert page.figures()["Transactions"] == "3"
    assert not page.document.all("select")


def test_same_data_makes_the_same_page(many: Shown) -> None:
    assert many.html == many.html


def test_page_asks_for_its_script_and_for_vega(few: Shown) -> None:
    sources = [it.attributes.get("src", "") for it in few.document.all("script")]
    assert {"assets/overview.js", "assets/charts.js", "assets/vega.js"} <= set(sources)


def test_every_chart_reads_the_rows_of_the_page(many: Shown) -> None:
    for figure in many.document.all("figure"):
        spec = json.loads(figure.one("script").text)["spec"]
        layers = [spec, *spec.get("layer", [])]
        assert {it["data"]["name"] for it in layers if "data" in it} == {"rows"}
