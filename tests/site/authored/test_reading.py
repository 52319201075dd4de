"""What a page may say, and how it is told what is wrong: with file and line, all at once."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from projects import ROOT
from written_pages import page_text, problems_of, read_pages

from benepass_tasks.config.errors import ProjectError
from benepass_tasks.site.authored.reading import usual_kind

if TYPE_CHECKING:
    from workspace import Workspace

SPEND = """
```sql spend
select merchant, amount as spend, cast(transaction_timestamp as date) as day
from marts.fact_transactions
```
"""
"""A query whose text begins on line 5 of a page, and below which a block begins on line 9."""


@pytest.mark.parametrize(
    ("block", "said"),
    [
        ("```barr\ndata: spend\n```", "no block is called barr (did you mean 'bar'?)"),
        ("```bar\n```", "the block is empty"),
        ("```bar spend\nx: a\n```", "bar takes no spend behind the fence"),
        ("```bar\ndata: spend\ntitle: A\nx: merchant\n```", "y: is required"),
        ("```bar\ndata: spend\ntitle: A\nx: [a]\ny: spend\n```", "x: must be text, not a list"),
        (
            "```bar\ndata: spend\ntitle: A\nx: merchant\ny: a + b\n```",
            "y: must be a column (spend)",
        ),
        ("```bar\ndata: spend\ntitle: A\nx: a\ny: spend\ncolour: red\n```", "colour: unknown key"),
        (
            "```bar\ndata: spent\ntitle: A\nx: merchant\ny: spend\n```",
            "no query of the page is called spent (did you mean 'spend'?)",
        ),
        (
            "```bar\ndata: spend\ntitle: A\nx: merchants\ny: spend\n```",
            "spend has no column merchants (did you mean 'merchant'?)",
        ),
        (
            "```bar\ndata: spend\ntitle: A\nx: day\ny: merchant\n```",
            "merchant of spend is VARCHAR, and cannot be added up",
        ),
        (
            "```table\ndata: spend\ntitle: A\nsums: [spend]\n```",
            "sums are of groups: name the columns in group",
        ),
        (
            "```filters\nmonth: Months\n```",
            "no query of the page has a column month",
        ),
        ("```figures\nSpend: spend\n```", "Spend.value: must be query.column"),
        ("```figures\nSpend: spend.spent\n```", "Spend: spend has no column spent"),
        ("```note\nwhen: spend.spend\ntext: '{spend.x}'\n```", "spend has no column x"),
        ("```live\nshow: weather\n```", "show: must be one of incidents, monitors"),
        ("{spend.amount} were spent.", "spend has no column amount"),
        ("{today} is the day.", "{today} is not a value"),
        ("```sql\nselect 1 as a\n```", "a query has a name behind its fence: ```sql spend"),
        ("```sql spend\nselect 1 as a\n```", "two queries are called spend"),
        ("```sql more fold=a\nselect 1 as a\n```", "behind more may stand fold=COLUMN by=COLUMN"),
        ("```sql more fold=a by=b\nselect 1 as a\n```", "more has no column b"),
        (
            "```sql more\nselect interval 1 day as a\n```",
            "column a of more is INTERVAL: cast it to varchar",
        ),
        ("```sql more\nselect 1 as a\n", "the block ```sql more does not end: write ```"),
        (
            "```bar\ndata: other\ntitle: A\nx: b\ny: c\n```",
            "no query of the page is called other (there are spend)",
        ),
        (
            "```bar\ndata: spend\ntitle: A\nx: day\ny: spend\nlink: merchants\n```",
            "link: must be a page and its filters, such as {page: merchants, with: [merchant]}",
        ),
        (
            "```bar\ndata: spend\ntitle: A\nx: day\ny: spend\nlink: {page: a, with: [merch]}\n```",
            "link: with: merch is not in what is clicked, which has day",
        ),
        (
            "```sql a\nselect 'a' as n\n```\n```table\ndata: a\ntitle: A\ngroup: [n]\n```",
            "a has no number to add up by group",
        ),
        ("```filters\nspend: Spend\n```", "spend is DECIMAL(18,2): a filter has texts, whole"),
        (
            "```figures\nSpend: {value: spend.spend, last: merchant}\n```",
            "Spend: last: merchant is VARCHAR; it must be a DATE",
        ),
        ("```note\nwhen: spend.merchant\ntext: A\n```", "merchant of spend is VARCHAR, and cannot"),
        ("One line\nand {spend.amount}.", "spend has no column amount"),
    ],
)
def test_what_is_wrong_with_a_block_is_told_with_its_line(
    workspace: Workspace, block: str, said: str
) -> None:
    (problem,) = problems_of(workspace, f"{SPEND}\n{block}\n")
    assert problem.startswith("pages/tried.md:")
    line = int(problem.split(":")[1].split()[0])
    assert 9 <= line <= 9 + block.count("\n")
    assert said in problem


@pytest.mark.parametrize(
    ("sql", "line", "said"),
    [
        ("select merchent\nfrom marts.fact_transactions", 5, "merchent"),
        ("select merchant\nfrom marts.fact_transaction", 5, "reads marts.fact_transaction, which"),
        ("select *\nfrom staging.stg_transactions", 5, "staging.stg_transactions, which is not"),
        ("select 1 as a,\nfrom from", 6, "syntax error"),
        ("select merchant\nfrom fact_transactions", 6, "neither a CTE nor written as layer.table"),
        ("select\n  raw_email\nfrom quality.quarantine_employees", 6, "raw_email"),
        ("select now() as a", 5, "differs from run to run"),
        ("from read_csv('/etc/passwd')", 5, "reads from read_csv(...)"),
        ("select\n  1 as a,\n  2 as a", 7, "two columns a"),
        ("drop table marts.fact_transactions", 5, "SELECT"),
    ],
)
def test_sql_is_read_by_duckdb_and_held_against_what_is_published(
    workspace: Workspace, sql: str, line: int, said: str
) -> None:
    (problem,) = problems_of(workspace, f"```sql wrong\n{sql}\n```\n")
    assert problem.startswith(f"pages/tried.md:{line}")
    assert said in problem


@pytest.mark.parametrize(
    "sql",
    [
        "select email\nfrom marts.dim_employees",
        "select count(distinct email) as people\nfrom marts.dim_employees",
        "select employee_id\nfrom marts.dim_employees\nwhere email = 'Ana'",
        "select employee_id\nfrom marts.dim_employees\norder by email",
        "select case when email is null then 1 end as told\nfrom marts.dim_employees",
        "with p as (select * from marts.dim_employees)\nselect upper(email) as a from p",
    ],
)
def test_a_page_reads_nobodys_address_be_it_masked_or_only_decisive(
    workspace: Workspace, sql: str
) -> None:
    (problem,) = problems_of(workspace, f"```sql people\n{sql}\n```\n")
    assert "which says who somebody is" in problem
    assert "pages show people by their id" in problem


def test_a_page_finds_no_name_in_what_is_published_for_analysts(workspace: Workspace) -> None:
    sql = "select last_name from marts.dim_employees"
    (problem,) = problems_of(workspace, f"```sql people\n{sql}\n```\n")
    assert problem.endswith(":5 marts.dim_employees.last_name is not published for analyst")


def test_nor_does_a_page_for_those_who_see_names(workspace: Workspace) -> None:
    staff = "  staff: {treatment: {identifier: clear}, reason: look-up}\n"
    workspace.replace("catalog.yaml", "_audiences:\n", f"_audiences:\n{staff}")
    workspace.settings["site_audience"] = "staff"
    sql = "select last_name from marts.dim_employees"
    (problem,) = problems_of(workspace, f"```sql people\n{sql}\n```\n")
    assert "which says who somebody is" in problem


def test_people_are_shown_by_their_id(workspace: Workspace) -> None:
    sql = "select employee_id, status from marts.dim_employees"
    assert problems_of(workspace, f"```sql people\n{sql}\n```\n") == []


def test_all_that_is_wrong_is_told_at_once_and_once_each(workspace: Workspace) -> None:
    text = """
    ```sql spend
    select merchant, amont from marts.fact_transactions
    ```

    ```bar
    data: spend
    title: What hangs on the query is not told again
    x: merchant
    y: amont
    ```

    {spend.amont}

    ```line
    data: spend
    ```
    """
    problems = problems_of(workspace, text)
    assert [it.split()[0] for it in problems] == ["pages/tried.md:5", *["pages/tried.md:18"] * 3]
    assert "amont" in problems[0]
    assert ["is required" in it for it in problems] == [False, True, True, True]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("no front matter", "pages/tried.md:1: a page begins with its title"),
        ("---\nlead: A\n---\n", "pages/tried.md:2 title: is required"),
        ("---\ntitle: A\norder: first\n---\n", "pages/tried.md:3 order: must be a whole number"),
        (
            "---\ntitle: A\ncolumns:\n  a: {as: euro}\n---\n",
            "pages/tried.md:4 columns.a.as: must be",
        ),
    ],
)
def test_a_page_begins_with_its_title(workspace: Workspace, text: str, said: str) -> None:
    pages = read_pages(workspace, tried=text)
    assert said in pages["tried"].problems[0]
    others = (problem for name, it in pages.items() if name != "tried" for problem in it.problems)
    assert not [*others], "the other pages are read all the same"


@pytest.mark.parametrize(
    ("columns", "said"),
    [
        ("merchent: Shop", "no query of the page has a column merchent (did you mean 'merchant'?)"),
        ("spend / days: Mean", "no query of the page has a column spend / days"),
        ("day: {as: money}", "day of spend is DATE, and cannot be written as money"),
        ("merchant: {as: month}", "merchant of spend is VARCHAR, and cannot be written as month"),
    ],
)
def test_a_column_is_named_that_is_there_and_written_as_what_it_is(
    workspace: Workspace, columns: str, said: str
) -> None:
    front = f"title: A\norder: 4\ncolumns:\n  spend / spend: One\n  {columns}"
    (problem,) = problems_of(workspace, SPEND, front)
    assert problem == f"pages/tried.md:6: columns: {said}"


@pytest.mark.parametrize("name", ["runs", "two words", "a.b"])
def test_a_page_has_a_name_that_an_address_can_have_and_no_other_page(
    workspace: Workspace, name: str
) -> None:
    workspace.write(f"pages/{name}.md", page_text(""))
    with pytest.raises(ProjectError, match="the name of a page"):
        read_pages(workspace)


def test_a_link_leads_to_a_page_that_has_its_filters(workspace: Workspace) -> None:
    bar = (
        "```bar\ndata: spend\ntitle: A\nx: merchant\ny: spend\nlink: {page: %s, with: [%s]}\n```\n"
    )

    def problems(page: str, column: str) -> list[str]:
        tried = page_text(f"{SPEND}\n{bar % (page, column)}")
        return read_pages(workspace, tried=tried)["tried"].problems

    for page, column, said in (
        ("merchents", "merchant", "no page is called merchents (did you mean 'merchants'?)"),
        ("employees", "merchant", "pages/employees.md has no filter merchant that could be set"),
    ):
        (problem,) = problems(page, column)
        assert problem.startswith(f"pages/tried.md:9: link: {said}")
    assert problems("merchants", "merchant") == []


def test_what_a_column_is_written_like_follows_from_its_type_and_name() -> None:
    kinds = {
        ("spend", "DECIMAL(38,2)"): "money",
        ("transactions", "BIGINT"): "count",
        ("utilization_rate", "DOUBLE"): "rate",
        ("tenure_years", "DOUBLE"): "number",
        ("spend_month", "DATE"): "month",
        ("hire_date", "DATE"): "date",
        ("newest", "TIMESTAMP"): "instant",
        ("merchant", "VARCHAR"): "text",
        ("is_known", "BOOLEAN"): "text",
    }
    assert {it: usual_kind(*it) for it in kinds} == kinds


def test_the_pages_of_the_project_are_right(workspace: Workspace) -> None:
    pages = read_pages(workspace)
    assert pages.keys() == {path.stem for path in (ROOT / "pages").glob("*.md")}
    assert [problem for page in pages.values() for problem in page.problems] == []
