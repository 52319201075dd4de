"""What the pages do when they are used: each filter, graph and table, by keyboard and by mouse."""

from __future__ import annotations

import itertools
import shutil
from typing import TYPE_CHECKING, Any

import pytest
from examples import at_night
from projects import definitions_of
from showing import DRAWN, complaints_of, show

from benepass_tasks.sqlmodels.lineage import ColumnRef

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from browser import Page
    from workspace import Workspace

    from benepass_tasks.sqlmodels.lineage import LineagePath, Step

pytestmark = [pytest.mark.browser, pytest.mark.slow]


@pytest.fixture(autouse=True)
def _nothing_is_complained_of(page: Page) -> Any:  # noqa: ANN401 - a fixture
    yield
    assert complaints_of(page) == []


def focus(page: Page, selector: str) -> None:
    page.evaluate(f"document.querySelector('{selector}').focus()")


def choose(page: Page, selector: str, text: str) -> None:
    """Choose the option that begins with a text, with the arrow keys."""
    focus(page, selector)
    select = f"document.querySelector('{selector}')"
    now = page.evaluate(f"{select}.selectedIndex")
    wanted = page.evaluate(f"[...{select}.options].findIndex(it => it.text.startsWith('{text}'))")
    assert wanted >= 0, text
    page.press(*["ArrowDown" if wanted > now else "ArrowUp"] * abs(wanted - now))
    assert page.evaluate(f"{select}.selectedIndex") == wanted


def texts(page: Page, selector: str) -> list[str]:
    script = f"[...document.querySelectorAll('{selector}')].map(it => it.innerText)"
    return list(page.evaluate(script))


def cells(page: Page, table: str, column: int) -> list[str]:
    """A column of a table, as it is shown."""
    return texts(page, f'[data-table="{table}"] tbody td:nth-child({column})')


def figure(page: Page, name: str) -> str:
    return page.text(f"[data-figure={name}]")


# ---------------------------------------------------------------------------------- the overview


SPEND = """
select sum(amount), count(*) from marts.fact_transactions
where strftime(transaction_timestamp, '%Y-%m') between '{}' and '{}' {}
"""
FROM, TO = (f'[data-filter=month][data-end="{end}"]' for end in (0, 1))
TYPE = "[data-filter=benefit_type]"


def said(page: Page) -> list[str]:
    return [figure(page, "spend"), page.text("[data-value='spend.transactions']")]


def written(sums: list[tuple[Any, ...]]) -> list[str]:
    ((spend, transactions),) = sums
    return [f"${spend:,.2f}", f"{transactions:,}"]


def test_filters_change_the_figures_to_those_of_the_chosen_months_and_type(
    page: Page, sample_run: Workspace
) -> None:
    show(page, sample_run.site / "index.html")
    first_view = said(page)
    assert first_view == written(sample_run.query_published(SPEND.format("2025-01", "2025-12", "")))
    choose(page, FROM, "2025-02")
    choose(page, TO, "2025-04")
    expected = sample_run.query_published(SPEND.format("2025-02", "2025-04", ""))
    assert said(page) == written(expected)
    choose(page, TYPE, "meals")
    expected = sample_run.query_published(
        SPEND.format("2025-02", "2025-04", "and benefit_type = 'meals'")
    )
    assert said(page) == written(expected)
    drawn = page.evaluate(
        "benepassCharts.views.get('spend-by-month').data('rows')"
        ".reduce((sum, it) => sum + it.spend, 0)"
    )
    assert f"${drawn:,.2f}" == figure(page, "spend")
    assert page.evaluate("location.hash") == "#month=2025-02..2025-04&benefit_type=meals"
    page.click("[data-reset]")
    assert said(page) == first_view
    assert page.evaluate("location.hash") == ""


def test_an_address_keeps_what_was_chosen(page: Page, sample_run: Workspace) -> None:
    show(page, sample_run.site / "index.html", "#month=2025-05..2025-05&benefit_type=wellness")
    expected = sample_run.query_published(
        SPEND.format("2025-05", "2025-05", "and benefit_type = 'wellness'")
    )
    assert said(page) == written(expected)


@pytest.mark.parametrize(
    "name", ["index", "quality", *at_night("employees", "transactions", "merchants")]
)
def test_the_scripts_arrive_at_the_figures_and_rows_that_stand_there_without_them(
    page: Page, site: Path, name: str
) -> None:
    selectors = (".figures .value", ".figures .note", "tbody tr", "[data-value]")
    seen = []
    for allowed in (False, True):
        page.run_scripts(allowed=allowed)
        show(page, site / f"{name}.html")
        script = "[...document.querySelectorAll('{}')].map(it => it.textContent)"
        seen.append({it: page.evaluate(script.format(it)) for it in selectors})
    # The rows that only a script knows stand in no page.
    told = "[...document.querySelectorAll('[data-live] tbody tr')].map(it => it.textContent)"
    live = page.evaluate(told)
    with_scripts = [it for it in seen[1]["tbody tr"] if it not in live]
    without = [it for it in seen[0]["tbody tr"] if it]
    assert with_scripts == without
    assert {**seen[1], "tbody tr": None} == {**seen[0], "tbody tr": None}


LABELS = """[...document.querySelectorAll('[data-chart=%s] .role-axis-label text')]
    .filter((it) => it.getAttribute("opacity") !== "0")
    .map((it) => [it.textContent, it.getBoundingClientRect(), it.closest("svg")])
    .filter(([text, at, svg]) => /^[A-Z][a-z]{2}/.test(text)
        && at.left >= 0 && at.right <= svg.getBoundingClientRect().right + 1)
    .map(([text]) => text)"""
"""The months that an axis names, where they are whole."""


@pytest.mark.parametrize("chart", ["spend-by-month", *at_night("spend-by-programme")])
def test_months_are_named_below_their_bars_and_points_from_the_first_one_on(
    page: Page, site: Path, chart: str
) -> None:
    show(page, site / "index.html")
    named = page.evaluate(LABELS % chart)
    assert named == [
        "Jan2025",
        *["Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"],
    ]
    page.resize(390)
    page.settle()
    assert page.evaluate(LABELS % chart)[:3] == ["Jan2025", "Mar", "May"]


PLACES = """[...document.querySelectorAll('[data-chart=%s] .role-axis-label text')]
    .filter((it) => it.getAttribute("opacity") !== "0" && /^[A-Z][a-z]{2}/.test(it.textContent))
    .map((it) => { const at = it.getBoundingClientRect(); return (at.left + at.right) / 2; })"""


@pytest.mark.parametrize("width", [390, *at_night(768, 1024, 1440)])
def test_the_named_months_are_equally_far_from_each_other(
    page: Page, site: Path, width: int
) -> None:
    page.open((site / "index.html").as_uri(), width)
    page.evaluate(DRAWN)
    for chart in ("spend-by-month", "spend-by-programme"):
        places = sorted(page.evaluate(PLACES % chart))
        steps = [after - before for before, after in itertools.pairwise(places)]
        assert len(steps) >= 3, chart
        assert max(steps) < 1.5 * min(steps), f"one of them is left out of {chart}"


CUT = """[...document.querySelectorAll('[data-chart] svg text')].filter((it) => {
    const [text, place] = [it.getBoundingClientRect(), it.closest("svg").getBoundingClientRect()];
    const isSeen = it.getAttribute("opacity") !== "0" && text.width > 0;
    return isSeen && (text.left < place.left - 1 || text.right > place.right + 1);
}).map((it) => it.textContent)"""


def test_no_text_of_a_chart_is_cut_where_the_window_becomes_narrower(
    page: Page, site: Path
) -> None:
    show(page, site / "index.html")
    assert page.evaluate(CUT) == []
    page.resize(390)
    page.settle()
    assert page.evaluate(CUT) == []


FIRST_BAR = "benepassCharts.views.get('spend-by-merchant').data('rows')[0]"


@pytest.mark.parametrize("by_keyboard", [False, True])
def test_a_bar_leads_to_the_transactions_that_it_is_made_of(
    page: Page, site: Path, *, by_keyboard: bool
) -> None:
    show(page, site / "index.html", "#month=2025-03..2025-06")
    merchant, spend = page.evaluate(f"[{FIRST_BAR}.merchant, {FIRST_BAR}.spend]")
    bar = "[data-chart=spend-by-merchant] .mark-rect path"
    if by_keyboard:
        told = page.evaluate(f"document.querySelector('{bar}').getAttribute('aria-label')")
        assert told == f"Merchant: {merchant}; Spend: ${spend:,.2f}"
        focus(page, bar)
        assert page.evaluate("document.activeElement.getAttribute('role')") == "link"
        page.press("Enter")
    else:
        page.click(bar)
    page.wait_for("location.pathname.endsWith('/transactions.html') && !!window.benepass")
    assert figure(page, "amount") == f"${spend:,.2f}"
    rows = page.evaluate("[...benepass.tables.values()][0].found()")
    assert {row["merchant"] for row in rows} == {merchant}
    assert {row["day"][:7] for row in rows} <= {f"2025-0{month}" for month in (3, 4, 5, 6)}


def test_an_address_for_which_there_is_no_row_shows_none(page: Page, site: Path) -> None:
    show(page, site / "transactions.html", "#merchant=Nobody+%26+Sons")
    select = "document.querySelector('[data-filter=merchant]')"
    assert page.evaluate(f"{select}.selectedOptions[0].text") == "Nobody & Sons"
    assert texts(page, ".data-table tbody")[0] == "Nothing found."
    show(page, site / "transactions.html", "#month=yesterday")
    assert page.text("[data-table-count]") != "0 rows"


def test_a_table_that_has_not_all_rows_says_among_which_it_looked(page: Page, site: Path) -> None:
    show(page, site / "transactions.html")
    said = []
    for left in (1200, 7, 0):
        page.evaluate(
            "(() => { const table = [...benepass.tables.values()][0];"
            f"table.replace(table.rows.slice(0, {left}), {{held: 1200, count: 954363}}); }})()"
        )
        said.append(page.text("[data-table-count]"))
    assert said == [
        "The first 1,200 rows of 954,363",
        "7 rows found among the first 1,200 of 954,363",
        "0 rows found among the first 1,200 of 954,363",
    ]


SAVED = """(() => {
    const saved = [];
    URL.createObjectURL = (blob) => { saved.push(blob); return "#"; };
    document.querySelector('[data-table="%s"] [data-table-save]').click();
    return saved[0].text();
})()"""


def test_what_is_saved_as_csv_is_what_the_filters_leave(page: Page, sample_run: Workspace) -> None:
    show(page, sample_run.site / "transactions.html", "#benefit_type=commuter")
    name = page.evaluate("document.querySelector('.data-table').dataset.table")
    header, *lines = page.evaluate(SAVED % name).split("\r\n")[:-1]
    assert header.startswith('"Day","Transaction"')
    ((count,),) = sample_run.query_published(
        "select count(*) from marts.fact_transactions where benefit_type = 'commuter' "
        "and strftime(transaction_timestamp, '%Y-%m') <= '2025-12'"
    )
    assert len(lines) == count > 0


def test_a_spreadsheet_calculates_nothing_of_what_is_saved(page: Page, site: Path) -> None:
    show(page, site / "merchants.html")
    saved = page.evaluate(
        """(() => {
        const table = benepass.tables.get("every-merchant");
        const names = ['=1+1', '+1', '-2.5', '@x', '\\uff1d1', 'a "b"'];
        table.replace(names.map((it) => ({ merchant: it })));
        return null;
    })(), """
        + SAVED % "every-merchant"
    )
    cells = [line.split(",")[0] for line in saved.split("\r\n")[1:-1]]
    assert cells == ['"\'=1+1"', '"+1"', '"-2.5"', '"\'@x"', '"\'\uff1d1"', '"a ""b"""']


def called(site: Path, folder: Path, name: str, **others: str) -> Path:
    """A page of a copy of the site where something has another name."""
    shutil.copytree(site, folder / "site")
    page = folder / "site" / name
    text = page.read_text(encoding="utf-8")
    for before, after in others.items():
        assert f'"{before}"' in text
        text = text.replace(f'"{before}"', f'"{after}"')
    page.write_text(text, encoding="utf-8")
    return page


@pytest.mark.parametrize("name", ["__proto__", *at_night("constructor")])
def test_a_name_that_scripts_have_for_something_else_is_drawn_like_any_other(
    page: Page, site: Path, tmp_path: Path, name: str
) -> None:
    index = called(site, tmp_path, "index.html", wellness=name)
    labels = """[...document.querySelectorAll(
        '[data-chart="spend-by-benefit-type"] .role-axis-label text'
    )].map((it) => it.textContent.replace("\\u200b", ""))"""
    show(page, index, f"#benefit_type={name}")
    assert name in page.evaluate(labels)
    page.click("[data-reset]")
    page.wait_for(f"(names => names.includes('meals') && names.includes('{name}'))({labels})")


# ---------------------------------------------------------------------------------------- tables


@pytest.fixture
def kept_out(page: Page, site: Path) -> Page:
    """The page with the longest table."""
    show(page, site / "quality.html")
    page.evaluate(UNFOLD)
    return page


UNFOLD = "document.querySelectorAll('details').forEach((it) => { it.open = true; })"
TABLE = '[data-table="transactions"]'


def test_a_table_is_sorted_by_keyboard_and_says_how(kept_out: Page) -> None:
    heading = f"{TABLE} th:nth-child(2)"
    focus(kept_out, f"{heading} button")
    kept_out.press("Enter")
    first = kept_out.evaluate(f"document.querySelector('{heading}').getAttribute('aria-sort')")
    upwards = cells(kept_out, "transactions", 2)
    kept_out.press("Space")
    second = kept_out.evaluate(f"document.querySelector('{heading}').getAttribute('aria-sort')")
    downwards = cells(kept_out, "transactions", 2)
    assert {first, second} == {"ascending", "descending"}
    assert upwards != downwards
    assert (upwards[0] < downwards[0]) == (first == "ascending")


def test_a_table_is_paged_by_keyboard_and_the_focus_stays(kept_out: Page) -> None:
    where = f"{TABLE} .table-pages span"
    before = texts(kept_out, f"{TABLE} tbody tr")
    assert kept_out.text(where).startswith("Page 1 of ")
    kept_out.evaluate(f"document.querySelectorAll('{TABLE} .table-pages button')[1].focus()")
    kept_out.press("Enter")
    assert kept_out.text(where).startswith("Page 2 of ")
    assert kept_out.evaluate("document.activeElement.innerText") == "Next"
    assert texts(kept_out, f"{TABLE} tbody tr") != before
    kept_out.press("Tab", shift=True)
    kept_out.press("Space")
    assert texts(kept_out, f"{TABLE} tbody tr") == before


def test_a_search_leaves_the_rows_that_have_the_text(kept_out: Page) -> None:
    focus(kept_out, f"{TABLE} [data-table-search]")
    kept_out.type("terminated")
    found = texts(kept_out, f"{TABLE} tbody tr")
    assert found
    assert all("terminated" in row.lower() for row in found)
    focus(kept_out, f"{TABLE} [data-table-search]")
    kept_out.evaluate(f"document.querySelector('{TABLE} [data-table-search]').select()")
    kept_out.type("zzzz")
    assert texts(kept_out, f"{TABLE} tbody tr") == ["Nothing found."]
    assert "0 of " in kept_out.text(f"{TABLE} [data-table-count]")


# ---------------------------------------------------------------------------------- data quality


def test_quarantined_records_are_those_of_the_chosen_source_and_reason(
    kept_out: Page, sample_run: Workspace
) -> None:
    choose(kept_out, "[data-filter=source]", "transactions")
    choose(kept_out, "[data-filter=reason]", "invalid_amount")
    ((expected,),) = sample_run.query_published(
        "select count(*) from quality.quarantine_transactions "
        "where rejection_reason = 'invalid_amount'"
    )
    assert expected > 10
    assert kept_out.text(f"{TABLE} [data-table-count]").split()[0] == str(expected)
    rows = texts(kept_out, f"{TABLE} tbody tr")
    assert all("invalid_amount" in row for row in rows)
    assert len(rows) == min(expected, 15)
    assert texts(kept_out, '[data-table="benefit-accounts"] tbody tr') == ["Nothing found."]
    address = kept_out.evaluate("location.href")
    kept_out.open("about:blank")
    kept_out.open(address)
    kept_out.evaluate(UNFOLD)
    assert texts(kept_out, f"{TABLE} tbody tr") == rows


def test_an_address_that_leads_into_a_section_unfolds_it(page: Page, site: Path) -> None:
    show(page, site / "quality.html", "#checks")
    assert page.evaluate("document.getElementById('checks').open")
    assert not page.evaluate("document.getElementById('schema-changes').open")


# --------------------------------------------------------------------------------------- lineage


COLUMN = "staging.stg_employees.email"


@pytest.fixture(scope="module")
def expected(sample_run: Workspace) -> dict[str, set[str]]:
    """The columns that carry values on the way to and from the column, as traced."""
    lineage = definitions_of(sample_run.root).lineage
    column = ColumnRef(*COLUMN.rsplit(".", 1))
    found = {
        "upstream": {str(step.edge.origin) for step in carrying(lineage.upstream(column))},
        "downstream": {str(step.column) for step in carrying(lineage.downstream(column))},
    }
    assert found["upstream"] >= {"employees.email", "raw.employees.email"}
    assert found["downstream"] >= {"intermediate.int_employees.email", "marts.dim_employees.email"}
    return found


def carrying(paths: Iterable[LineagePath]) -> Iterator[Step]:
    """The steps of the paths on which values arrive."""
    for path in paths:
        if path.edge.type == "DIRECT":
            yield from path.steps


def lit(page: Page) -> set[str]:
    page.wait_for(f"!!document.querySelector('svg[data-columns=\"{COLUMN}\"]')")
    names = "[...document.querySelectorAll('svg[data-columns] .row')].map(it => it.dataset.name)"
    return {it for it in page.evaluate(names) if it}


def on_the_way(page: Page, side: str) -> set[str]:
    return set(texts(page, f'[data-way="{side}"] a code'))


def test_an_address_lights_up_what_a_column_derives_from_and_leads_to(
    page: Page, site: Path, expected: dict[str, set[str]]
) -> None:
    show(page, site / "lineage.html", f"#{COLUMN}")
    assert lit(page) >= {COLUMN} | expected["upstream"] | expected["downstream"]
    assert on_the_way(page, "upstream") >= expected["upstream"]
    assert on_the_way(page, "downstream") >= expected["downstream"]
    assert not on_the_way(page, "upstream") & expected["downstream"]
    assert page.text("[data-said]").startswith(f"{COLUMN}, ")


def test_clicks_lead_from_a_table_to_its_column_and_back(page: Page, site: Path) -> None:
    show(page, site / "lineage.html")
    page.click('a.box[data-name="staging.stg_employees"] rect')
    page.wait_for("!document.querySelector('[data-panel]').hidden")
    page.click(f'[data-panel] a[href="#{COLUMN}"]')
    by_click = lit(page)
    page.press("Escape")
    assert page.evaluate("document.querySelector('[data-panel]').hidden")
    show(page, site / "lineage.html", f"#{COLUMN}")
    assert lit(page) == by_click


def test_a_column_that_is_called_like_a_member_of_an_object_has_its_place(
    page: Page, site: Path, tmp_path: Path
) -> None:
    lineage = called(site, tmp_path, "lineage.html", merchant="constructor")
    show(page, lineage, "#marts.fact_transactions.constructor")
    there = '[data-panel] a[href$="marts.fact_transactions.html#constructor"]'
    assert texts(page, there) == ["Open in the catalog"]


def test_keys_find_a_column_and_open_it(page: Page, site: Path) -> None:
    show(page, site / "lineage.html")
    focus(page, "#lineage-find")
    page.type("stg_employees.email")
    page.press("Enter")
    assert lit(page) >= {COLUMN, "raw.employees.email"}
    page.press("Escape")
    focus(page, 'a.box[data-name="staging.stg_employees"]')
    page.press("Enter")
    page.wait_for("location.hash === '#staging.stg_employees'")


# ------------------------------------------------------------------------------------------ runs


def test_two_runs_are_compared(page: Page, copied_sample: Workspace) -> None:
    copied_sample.replace("data/category_benefit_mappings.csv", "meals", "Meals")
    copied_sample.run("BuildSite")
    show(page, copied_sample.site / "runs.html")
    assert len(texts(page, "[data-run-a] option")) == 2
    summary = page.text("[data-compare-summary]")
    rows = texts(page, '[data-table="compared"] tbody tr')
    assert summary.startswith("A built ")
    assert any("site" in row for row in rows)
    focus(page, "[data-run-b]")
    page.press("ArrowDown")
    assert page.text("[data-compare-summary]") != summary
    assert "b=" in page.evaluate("location.hash")
    # Of runs that are forgotten, the page says what it would say without them.
    show(page, copied_sample.site / "runs.html", "#run=gone&a=gone&b=gone")
    assert page.text("[data-compare-summary]") == summary


def test_the_last_run_is_told_node_by_node(page: Page, sample_run: Workspace) -> None:
    show(page, sample_run.site / "runs.html")
    ((built,),) = sample_run.query(
        "select count(*) from meta.materializations where outcome = 'built'"
    )
    assert f"{built} built" in page.text("[data-run-summary]")
