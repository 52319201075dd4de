"""What a page shows of what is published: figures, charts and tables, as its blocks say."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from rendered import copied, republish
from written_pages import shown_text

from benepass_tasks.config.errors import SiteError
from benepass_tasks.site.authored import rows as rows_of_queries

if TYPE_CHECKING:
    from pathlib import Path

    from rendered import Shown
    from workspace import Workspace

# Sixteen months up to February 2026, and one in the future; the as-of date is 2026-01-01.
MANY = """
insert into marts.fact_transactions by name
select
    'M' || i as transaction_id,
    'E' || (1 + i % 3) as employee_id,
    if(i % 19 = 0, null, 'Merchant ' || (i * i % 23)) as merchant,
    cast(1 + i * 37 % 5000 / 100 as decimal(18, 2)) as amount,
    if(i % 50 = 0, timestamp '2030-05-05', timestamp '2024-11-03' + to_months(cast(i % 16 as int)))
        as transaction_timestamp,
    ['wellness', 'meals', 'gym & <b>sauna</b>'][1 + i % 3] as benefit_type,
    cast([] as varchar[]) as dq_flags
from range(400) as numbers(i)
"""
SPEND = """
```sql spend
select
    cast(date_trunc('month', transaction_timestamp) as date) as month,
    benefit_type,
    coalesce(merchant, 'No merchant') as merchant,
    count(*) as transactions,
    sum(amount) as spend
from marts.fact_transactions
group by all
order by all
```
"""
MONTHS = "```filters\nmonth: Months\nbenefit_type: Benefit type\n```\n"
MONTH = "strftime(transaction_timestamp, '%Y-%m')"
UP_TO_DECEMBER = f"where {MONTH} <= '2025-12'"


@pytest.fixture(scope="module")
def many(published_run: Workspace, tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    """A project that has published 403 transactions."""
    project = copied(published_run, tmp_path_factory.mktemp("many"))
    republish(project, MANY)
    return project


def spec_of(page: Shown, name: str) -> dict[str, Any]:
    (figure,) = (it for it in page.document.all("figure") if it.all("div", data_chart=name))
    spec: dict[str, Any] = json.loads(figure.one("script").text)
    return spec


# --------------------------------------------------------------------------- figures and filters


def test_a_figure_is_the_sum_of_what_the_filters_leave(many: Workspace) -> None:
    page = shown_text(
        many,
        f"{SPEND}{MONTHS}```figures\nSpend: spend.spend\nMean: spend.spend / transactions\n```\n",
    )
    ((spend, count),) = many.query_published(
        f"select sum(amount), count(*) from marts.fact_transactions {UP_TO_DECEMBER}"
    )
    assert page.figures() == {"Spend": f"${spend:,.2f}", "Mean": f"{spend / count * 100:,.1f}%"}


def test_the_first_view_ends_with_the_last_complete_month_up_to_the_as_of_date(
    many: Workspace,
) -> None:
    def ends(as_of: str) -> list[str]:
        page = shown_text(many, f"{SPEND}{MONTHS}", as_of=as_of)
        selects = page.document.all("select", data_filter="month")
        assert [it.all("option")[-1].text for it in selects] == [as_of[:7]] * 2
        return [
            next(it.text for it in select.all("option") if "selected" in it.attributes)
            for select in selects
        ]

    assert ends("2025-12-30") == ["2024-11", "2025-11"]
    assert ends("2025-12-31") == ["2024-11", "2025-12"]


def test_what_is_dated_later_is_in_no_choice_and_in_no_first_view(many: Workspace) -> None:
    page = shown_text(
        many, f"{SPEND}{MONTHS}```table\ndata: spend\ntitle: A\ngroup: [month]\n```\n"
    )
    assert "2030" not in page.document.one("div", data_filters="").text
    months = [row[0] for row in page.cells("a")]
    assert months == sorted(months)
    assert months[-1] == "2025-12"
    assert {row["month"] for row in page.rows("spend")} >= {"2030-05"}


def test_a_figure_of_the_last_month_is_compared_with_the_one_before(many: Workspace) -> None:
    page = shown_text(
        many, f"{SPEND}{MONTHS}```figures\nNow:\n  value: spend.spend\n  last: month\n```\n"
    )
    (before,), (last,) = many.query_published(
        f"select sum(amount) from marts.fact_transactions where {MONTH} in ('2025-11', '2025-12') "
        f"group by {MONTH} order by {MONTH}"
    )
    assert page.figures() == {"Now": f"${last:,.2f}"}
    assert page.notes() == {"Now": f"in 2025-12, {last / before - 1:+.1%} on 2025-11"}


def test_values_stand_in_prose_and_notes_only_where_there_is_something_to_say(
    many: Workspace,
) -> None:
    late = "{n}\n```sql late\nselect count(*) as n from marts.fact_transactions where {w}\n```\n"
    for where, is_shown in (("transaction_timestamp > '2029-01-01'", True), ("false", False)):
        query = late.format(n="", w=where)
        page = shown_text(
            many,
            f"{query}There are **{{late.n}}** as of {{as_of}}.\n\n"
            "```note\nwhen: late.n\ntext: '{late.n} are dated later.'\n```\n",
            as_of="2026-01-01",
        )
        count = "8" if is_shown else "0"
        assert f"There are {count} as of 2026-01-01." in page.document.text
        (note,) = (it for it in page.document.all("p") if "are dated later" in it.text)
        assert ("hidden" in note.attributes) is not is_shown


# ----------------------------------------------------------------------------- charts and tables


def test_a_table_adds_up_its_groups_the_most_first(many: Workspace) -> None:
    page = shown_text(
        many,
        f"{SPEND}```table\ndata: spend\ntitle: Merchants\ngroup: [merchant]\n"
        "sums: [spend, share of spend]\nsize: 99\n```\n",
    )
    expected = many.query_published(
        "select coalesce(merchant, 'No merchant') as m, sum(amount) as s, "
        "s / sum(s) over () from marts.fact_transactions group by m order by s desc, m"
    )
    assert page.cells("merchants") == [
        [name, f"${spend:,.2f}", f"{share:.1%}"] for name, spend, share in expected
    ]


def test_a_table_without_groups_has_every_row_and_no_column_of_dashes_alone(
    many: Workspace,
) -> None:
    page = shown_text(
        many,
        "```sql all\nselect transaction_id, refund_of, amount from marts.fact_transactions "
        "where transaction_id like 'M%' order by transaction_id\n```\n"
        "```table\ndata: all\ntitle: All\nsize: 3\nsearch: true\n```\n",
    )
    headings = [it.text for it in page.document.all("th")]
    assert headings == ["Transaction id", "Amount"]
    assert [row[0] for row in page.cells("all")] == ["M0", "M1", "M10"]


def test_a_column_stays_that_has_values_in_other_months_alone(many: Workspace) -> None:
    page = shown_text(
        many,
        "```sql found\nselect cast(transaction_timestamp as date) as day, "
        "if(transaction_timestamp > '2029-01-01', merchant, null) as late_merchant "
        "from marts.fact_transactions\n```\n```filters\nday: Days\n```\n"
        "```table\ndata: found\ntitle: Found\n```\n",
    )
    assert [it.text for it in page.document.all("th")] == ["Day", "Late merchant"]


def test_a_row_and_a_bar_lead_to_another_page_with_its_filters_set(many: Workspace) -> None:
    link = "link: {page: merchants, with: [merchant]}"
    page = shown_text(
        many,
        f"{SPEND}```table\ndata: spend\ntitle: A\ngroup: [merchant]\n{link}\n```\n"
        f"```bar\ndata: spend\ntitle: B\nx: merchant\ny: spend\n{link}\n```\n",
    )
    links = [it.attributes["href"] for it in page.document.one("div", data_table="a").all("a")]
    assert "merchants.html#merchant=Merchant+2" in links
    assert spec_of(page, "b")["encoding"]["href"] == {"field": "_href"}


@pytest.mark.parametrize("mark", ["bar", "line", "area"])
def test_an_axis_of_time_is_of_time(many: Workspace, mark: str) -> None:
    page = shown_text(many, f"{SPEND}```{mark}\ndata: spend\ntitle: A\nx: month\ny: spend\n```\n")
    spec = spec_of(page, "a")
    assert spec["encoding"]["x"]["type"] == "temporal"
    assert spec["encoding"]["x"]["axis"]["labelAngle"] == 0


def test_names_lie_and_have_the_room_that_there_is(many: Workspace) -> None:
    page = shown_text(many, f"{SPEND}```bar\ndata: spend\ntitle: A\nx: merchant\ny: spend\n```\n")
    encoding = spec_of(page, "a")["encoding"]
    assert encoding["y"]["field"] == "merchant"
    assert "containerSize" in encoding["y"]["axis"]["labelLimit"]["expr"]


def test_only_as_many_values_as_there_are_colours_are_told_apart(many: Workspace) -> None:
    page = shown_text(
        many, f"{SPEND}```line\ndata: spend\ntitle: A\nx: month\ny: spend\nseries: merchant\n```\n"
    )
    domain = spec_of(page, "a")["encoding"]["color"]["scale"]["domain"]
    most = many.query_published(
        "select coalesce(merchant, 'No merchant') as m from marts.fact_transactions "
        "group by m order by sum(amount) desc, m limit 5"
    )
    assert domain == [*(name for (name,) in most), "other"]


def test_a_chart_without_rows_says_so(many: Workspace) -> None:
    page = shown_text(
        many,
        "```sql none\nselect merchant, 1 as n from marts.dim_merchants where false\n```\n"
        "```bar\ndata: none\ntitle: A\nx: merchant\ny: n\nempty: Nobody has spent anything.\n```\n",
    )
    assert "Nobody has spent anything." in page.document.text
    assert page.document.all("div", data_chart="a") == []


def test_a_chart_of_which_no_value_is_known_says_so(many: Workspace) -> None:
    page = shown_text(
        many,
        "```sql withheld\nselect merchant, null::int as n from marts.dim_merchants\n```\n"
        "```bar\ndata: withheld\ntitle: A\nx: merchant\ny: n\nempty: Nobody was there.\n```\n",
    )
    assert "every value is withheld or not known" in page.document.text
    assert "Nobody was there." not in page.document.text
    assert page.document.all("div", data_chart="a") == []


# ------------------------------------------------------------------------ what a page never holds


def test_a_value_is_text_whatever_it_looks_like(published_run: Workspace, tmp_path: Path) -> None:
    project = copied(published_run, tmp_path)
    hostile = "</script><b>{spend.spend}</b> [x](javascript:alert(1)) **bold** `code`"
    republish(
        project,
        "update marts.fact_transactions set merchant = $hostile, benefit_type = $hostile",
        values={"hostile": hostile},
    )
    page = shown_text(
        project,
        f"{SPEND}{MONTHS}The first is {{spend.merchant}}.\n\n"
        "```table\ndata: spend\ntitle: A\ngroup: [merchant]\n"
        "link: {page: merchants, with: [merchant]}\n```\n"
        "```bar\ndata: spend\ntitle: B\nx: merchant\ny: spend\nseries: benefit_type\n```\n",
    )
    assert f"The first is {hostile}." in page.document.text
    assert [row[0] for row in page.cells("a")] == [hostile]
    assert page.document.all("b") == []
    assert {it.attributes["href"] for it in page.document.all("a")} & {
        "javascript:alert(1)"
    } == set()
    assert page.rows("spend")[0]["merchant"] == hostile


def test_html_in_a_page_is_text_and_no_picture_comes_from_elsewhere(many: Workspace) -> None:
    page = shown_text(
        many, "<script>alert(1)</script> ![x](https://example.com/x.png) [y](javascript:alert(1))\n"
    )
    main = page.document.one("main")
    assert main.all("script") == main.all("img") == []
    assert "<script>alert(1)</script>" in main.text
    assert [it for it in main.all("a") if it.attributes["href"].startswith("javascript")] == []


@pytest.fixture
def few_rows(monkeypatch: pytest.MonkeyPatch) -> int:
    """A page holds two hundred rows at most."""
    monkeypatch.setattr(rows_of_queries, "MOST_ROWS", 200)
    return 200


def test_what_a_page_does_not_hold_it_does_not_add_up_and_says_so(
    many: Workspace, few_rows: int
) -> None:
    page = shown_text(
        many,
        f"{SPEND}```bar\ndata: spend\ntitle: A\nx: merchant\ny: spend\n```\n"
        "```table\ndata: spend\ntitle: B\n```\n",
    )
    (said,) = (
        it.text for it in page.document.all("p") if "error" in it.attributes.get("class", "")
    )
    assert "more than the" in said
    assert "fold=COLUMN by=COLUMN" in said
    ((count,),) = many.query_published(
        "select count(*) from (select distinct date_trunc('month', transaction_timestamp), "
        "benefit_type, merchant from marts.fact_transactions)"
    )
    assert len(page.rows("spend")) == few_rows
    assert f"The first 15 of {count}" in page.document.text
    assert f"This page has the first {few_rows} of {count} rows" in page.document.text


def test_the_values_with_the_least_become_one_where_that_is_asked_for(
    many: Workspace, few_rows: int
) -> None:
    folded = SPEND.replace("sql spend", "sql spend fold=merchant by=spend")
    page = shown_text(
        many, f"{folded}```table\ndata: spend\ntitle: A\ngroup: [merchant]\nsize: 99\n```\n"
    )
    rows = page.rows("spend")
    assert len(rows) <= few_rows
    real = dict(
        many.query_published(
            "select coalesce(merchant, 'No merchant') as m, sum(amount) as s "
            "from marts.fact_transactions group by m order by s desc, m"
        )
    )
    shown = {row[0]: row[1] for row in page.cells("a")}
    (name,) = (it for it in shown if it.startswith("Other ("))
    kept = [it for it in real if it in shown]
    assert kept == list(real)[: len(kept)]
    beyond = [it for it in real if it not in shown]
    assert name == f"Other ({len(beyond)})"
    total = next(row for row in page.cells("a") if row[0] == name)
    assert f"${sum(real[it] for it in beyond):,.2f}" in total


def test_rows_in_no_order_are_in_that_of_their_values(many: Workspace) -> None:
    query = "```sql found\nselect transaction_id, amount from marts.fact_transactions {}\n```\n"
    found = shown_text(many, query.format("")).rows("found")
    ids = [it["transaction_id"] for it in found]
    assert ids == sorted(ids)
    ordered = shown_text(many, query.format("order by amount desc, transaction_id")).rows("found")
    amounts = [it["amount"] for it in ordered]
    assert amounts == sorted(amounts, reverse=True) != [it["amount"] for it in found]


def test_the_same_rows_give_the_same_page(many: Workspace) -> None:
    text = f"{SPEND}{MONTHS}```bar\ndata: spend\ntitle: A\nx: merchant\ny: spend\n```\n"
    assert shown_text(many, text).html == shown_text(many, text).html


# --------------------------------------------------------------------------- where SQL goes wrong


FAILS = "```sql wrong\nselect cast(merchant as integer) as n from marts.dim_merchants\n```\n"


def test_sql_that_fails_stops_the_pages_and_quotes_no_value(many: Workspace) -> None:
    with pytest.raises(SiteError) as error:
        shown_text(many, FAILS)
    assert str(error.value).startswith("pages/tried.md:5: wrong: DuckDB stopped")
    assert "Merchant" not in str(error.value)


def test_while_a_page_is_edited_the_rest_of_it_is_shown(many: Workspace) -> None:
    page = shown_text(
        many,
        f"{FAILS}{SPEND}```figures\nSpend: spend.spend\n```\n```table\ndata: wrong\ntitle: A\n```\n"
        "```barr\n```\n",
        in_place=True,
    )
    errors = [it.text.strip() for it in page.document.all("p", role="alert")]
    assert [it.split(" ")[0] for it in errors] == ["pages/tried.md:5:", "pages/tried.md:26:"]
    assert page.figures().keys() == {"Spend"}
