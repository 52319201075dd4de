"""`pages check`: whether the pages fit the catalog, without any data."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from workspace import Workspace

    from tests.cli.conftest import Said

    Say = Callable[..., Said]


def test_pages_that_are_right_are_counted(say: Say, workspace: Workspace) -> None:
    count = len(list((workspace.root / "pages").glob("*.md")))
    said = say("pages", "check")
    assert said.code == 0
    assert said.out.startswith(f"{count} pages with ")
    assert said.out.endswith(" queries: nothing is wrong.\n")


def test_all_that_is_wrong_is_told_with_file_and_line(say: Say, workspace: Workspace) -> None:
    workspace.replace("pages/merchants.md", "x: month\n", "x: moth\n")
    workspace.write("pages/short.md", "---\ntitle: Short\n---\n{a.b}\n")
    said = say("pages", "check")
    assert said.code == 1
    lines = said.err.splitlines()
    assert {"pages/merchants.md:" in it for it in lines[:-1]} == {True}
    assert "pages/short.md:4: " in lines[-1]
    assert "spend has no column moth (did you mean 'month'?)" in said.err
    assert say("catalog", "validate").err == said.err


def test_pages_are_at_the_end_of_the_lineage(say: Say) -> None:
    said = say("lineage", "marts.fact_transactions.amount", "--downstream")
    assert said.code == 0
    (line,) = (it for it in said.lines if "pages.merchants.spend.spend" in it)
    assert "pages/merchants.md:" in line
    assert "DIRECT AGGREGATION" in line


def test_the_lineage_of_a_page_leads_to_the_files(say: Say) -> None:
    said = say("lineage", "pages.merchants.spend.spend")
    assert said.code == 0
    assert "transactions.amount" in said.out


def test_the_proof_of_privacy_holds_of_pages_too(say: Say, workspace: Workspace) -> None:
    said = say("privacy")
    assert said.code == 0
    assert said.lines[-1].endswith(" pages read nobody's name or address.")
    workspace.write(
        "pages/people.md",
        "---\ntitle: People\n---\n```sql people\nselect last_name\nfrom marts.dim_employees\n```\n",
    )
    said = say("privacy")
    assert said.code == 1
    place = "pages/people.md:5 marts.dim_employees.last_name"
    assert said.lines[-1].startswith(f"{place} is not published for analyst")
