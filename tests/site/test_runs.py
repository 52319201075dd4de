"""The page Runs has places for what each run tells at its end, and knows no run itself."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from endings import NOON, Told, made_in
from reading import chart_of, elements_of, table_of

from benepass_tasks.site import code_version
from benepass_tasks.site.authored import live
from benepass_tasks.site.pages import runs
from benepass_tasks.site.rendering import render

if TYPE_CHECKING:
    from pathlib import Path

ASSETS = code_version.PACKAGE / "assets"


@pytest.fixture(scope="module")
def html() -> str:
    nothing: Any = None
    (page,) = runs.pages(nothing)
    return render(page, "assets/vega.js").decode()


@pytest.fixture
def told(tmp_path: Path) -> dict[str, Any]:
    """What is told of a run, by the lists of runs.js."""
    made: Told = made_in(tmp_path)
    made.vouch()
    made.run("r1")
    made.node("r1", "marts.dim_employees")
    made.execute(
        "insert into meta.monitor_results values ('r1', 'volume', 'employees', null, 'ok', null, "
        "null, null, 'the catalog', 'found', now(), null)"
    )
    made.execute(
        "insert into meta.incidents values ('1','k','t','d','warn',?,'r1',null,null)", NOON
    )
    return made.tell()


def keys_of(table: dict[str, Any]) -> set[str]:
    return set(table["keys"])


def test_the_tables_have_no_row_of_their_own(html: str) -> None:
    for name in ("runs", "nodes", "compared"):
        assert table_of(html, name)["rows"] == []


def test_the_chart_draws_what_a_script_gives_it(html: str) -> None:
    chart = chart_of(html, "gantt")
    assert chart["data"] == {"name": "rows"}
    encoding = chart["encoding"]
    assert [encoding[name]["field"] for name in ("x", "x2", "y")] == ["start", "end", "label"]


def test_the_bars_are_in_the_order_in_which_they_begin(html: str) -> None:
    sort = chart_of(html, "gantt")["encoding"]["y"]["sort"]
    assert (sort["field"], sort["op"], sort.get("order", "ascending")) == (
        "start",
        "min",
        "ascending",
    )


def test_each_field_is_told_by_a_run_or_made_of_that_by_the_script(
    html: str, told: dict[str, Any]
) -> None:
    assert keys_of(table_of(html, "runs")) <= {*told["runs"][0], "href"}
    assert keys_of(table_of(html, "nodes")) <= {*told["nodes"]["r1"][0], "start"}
    assert {field.key for field in live.MONITORS.fields} <= set(told["monitors"][0])
    assert {field.key for field in live.INCIDENTS.fields} <= set(told["incidents"][0])
    script = (ASSETS / "runs-page.js").read_text(encoding="utf-8")
    for key in keys_of(table_of(html, "compared")) - {"node"}:
        assert f"{key}:" in script


def test_where_nothing_is_told_the_page_says_what_to_do(html: str) -> None:
    assert "The next run writes it, and <code>benepass runs</code>" in html
    assert "<noscript>" in html


def test_each_control_has_a_label(html: str) -> None:
    for name in ("data-run", "data-run-a", "data-run-b"):
        before = html.split(f"<select {name}>", maxsplit=1)[0]
        assert before.rindex("<label>") > before.rindex("<form")


def test_every_id_is_there_once(html: str) -> None:
    ids = [attributes["id"] for _, attributes in elements_of(html) if "id" in attributes]
    assert len(ids) == len(set(ids))


def test_the_scripts_of_the_page_are_there(html: str) -> None:
    named = [it["src"] for name, it in elements_of(html) if name == "script" and "src" in it]
    own = [name for name in named if name and name.startswith("assets/") and "vega" not in name]
    assert "assets/runs-page.js" in own
    assert all((ASSETS.parent / name).is_file() for name in own)


def test_the_scripts_set_text_only() -> None:
    for name in ("runs-page.js", "authored.js", "address.js"):
        script = (ASSETS / name).read_text(encoding="utf-8")
        for forbidden in (
            "innerHTML",
            "outerHTML",
            "insertAdjacentHTML",
            "document.write",
            "eval(",
        ):
            assert forbidden not in script
