"""The pages in a real browser, from the file system, as a reader has them."""

from __future__ import annotations

import json
import shutil
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest
from examples import at_night
from showing import complaints_of, show

if TYPE_CHECKING:
    from pathlib import Path

    from browser import Page

pytestmark = [pytest.mark.browser, pytest.mark.slow]

WIDTHS = (320, 768, 1280, 1920)

WIDER = """(() => {
    const wide = document.documentElement.scrollWidth - document.documentElement.clientWidth;
    if (wide <= 0) return "";
    const beyond = [...document.querySelectorAll("body *")].filter((it) =>
        it.getBoundingClientRect().right > document.documentElement.clientWidth + 1);
    return `${wide} px wider than the window: ${beyond.at(-1)?.outerHTML.slice(0, 120)}`;
})()"""


def pages_of(site: Path) -> list[Path]:
    found = sorted(site.rglob("*.html"))
    assert len(found) >= 6
    return found


@dataclass
class Look:
    """What was seen of a page, by how it was looked at."""

    complaints: list[str]
    requests: list[str]
    wider: dict[str, str]
    on_paper: dict[str, list[str]]
    asking: list[str]
    """What asks for a click on paper."""


ASKING = """[...document.querySelectorAll("button, select, input")]
    .filter((it) => it.checkVisibility() && !it.closest("th"))
    .map((it) => it.outerHTML.slice(0, 99))
"""
COLOURS = """(() => {
    const {backgroundColor, color} = getComputedStyle(document.body);
    return [backgroundColor, color];
})()"""


@pytest.fixture(scope="module")
def looks(chromium: Page, site: Path) -> dict[str, Look]:
    """Each page at each width, and on paper; opened once."""
    chromium.emulate()
    return {path.relative_to(site).as_posix(): look_at(chromium, path) for path in pages_of(site)}


def look_at(page: Page, path: Path) -> Look:
    page.emulate()
    show(page, path)
    wider, on_paper = {}, {}
    for width in WIDTHS:
        page.resize(width)
        page.settle()
        wider[f"{width} px"] = page.evaluate(WIDER)
    page.resize(720)
    for scheme in ("light", "dark"):
        page.emulate(printed=True, dark=scheme == "dark")
        on_paper[scheme] = page.evaluate(COLOURS)
    wider["paper"] = page.evaluate(WIDER)
    asking = page.evaluate(ASKING)
    return Look(complaints_of(page), [*page.requests], wider, on_paper, asking)


def test_every_page_opens_from_a_folder_and_nothing_is_complained_of(
    looks: dict[str, Look],
) -> None:
    said = [f"{name}: {it}" for name, look in looks.items() for it in look.complaints]
    assert not said, "\n".join(said)


def test_nothing_but_files_of_the_folder_is_asked_for(looks: dict[str, Look], site: Path) -> None:
    asked = {url for look in looks.values() for url in look.requests}
    assert {url for url in asked if not url.startswith((f"{site.as_uri()}/", "data:"))} == set()
    assert asked >= {(site / name).as_uri() for name in ("runs.js", "search.js", "assets/site.css")}


def test_no_page_is_wider_than_its_window_or_its_paper(looks: dict[str, Look]) -> None:
    wider = [
        f"{name}, {how}: {what}"
        for name, look in looks.items()
        for how, what in look.wider.items()
        if what
    ]
    assert not wider, "\n".join(wider)


def test_on_paper_the_text_is_dark_on_white_and_nothing_asks_for_a_click(
    looks: dict[str, Look],
) -> None:
    for name, look in looks.items():
        dark_on_white = ["rgb(255, 255, 255)", "rgb(23, 36, 42)"]
        assert look.on_paper == {"light": dark_on_white, "dark": dark_on_white}, name
        assert look.asking == [], name


# ------------------------------------------------------------------------------------- the frame


def focused(page: Page) -> str:
    return str(page.evaluate("document.activeElement.innerText || document.activeElement.id"))


def test_the_first_key_offers_to_skip_to_the_content(page: Page, site: Path) -> None:
    show(page, site / "index.html")
    page.press("Tab")
    assert focused(page) == "Skip to the content"
    box = "document.activeElement.getBoundingClientRect()"
    assert page.evaluate(f"{box}.left >= 0 && {box}.top >= 0")
    page.press("Enter")
    assert page.evaluate("document.activeElement.id") == "main"


def test_the_navigation_says_which_page_this_is_and_leads_to_each(page: Page, site: Path) -> None:
    show(page, site / "index.html")
    links = page.evaluate("[...document.querySelectorAll('.site-header nav a')].map(it => it.href)")
    assert len(links) == len([*site.glob("*.html")]) == 8
    for link in links:
        page.open(link)
        here = page.evaluate("document.querySelector('[aria-current=page]').href")
        assert here == link


def searching(page: Page, text: str) -> list[str]:
    """What is found, in its order, when a text is typed into the search."""
    page.press("/")
    page.wait_for("document.querySelector('[data-search]').open")
    page.type(text)
    return list(
        page.evaluate(
            "[...document.querySelectorAll('#search-found code')].map(it => it.innerText)"
        )
    )


def test_a_slash_opens_the_search_and_escape_closes_it(page: Page, site: Path) -> None:
    show(page, site / "index.html")
    page.press("Tab", "/")
    assert page.evaluate("document.activeElement.id") == "search-text"
    assert page.evaluate("document.activeElement.value") == ""
    page.press("Escape")
    assert not page.evaluate("document.querySelector('[data-search]').open")
    assert focused(page) == "Skip to the content"


def test_the_button_opens_the_search(page: Page, site: Path) -> None:
    show(page, site / "index.html")
    page.click("[data-opens-search]")
    assert page.evaluate("document.querySelector('[data-search]').open")


def test_the_search_finds_names_before_descriptions_and_says_how_many(
    page: Page, site: Path
) -> None:
    show(page, site / "index.html")
    found = searching(page, "merchant")
    names = [it for it in found if "merchant" in it]
    assert names
    assert found[: len(names)] == names
    said = page.text("[data-search-count]")
    assert said.startswith(f"{len(found)} found") or "the first 30 are shown" in said


@pytest.mark.parametrize("folder", ["catalog/", *at_night("")])
def test_an_arrow_and_enter_go_to_what_was_found(page: Page, site: Path, folder: str) -> None:
    show(page, site / (f"{folder}marts.dim_merchants.html" if folder else "catalog.html"))
    found = searching(page, "email")
    assert len(found) > 2
    selected = "document.querySelector('#search-found [aria-selected=true] code').innerText"
    assert page.evaluate(selected) == found[0]
    page.press("ArrowDown", "ArrowDown", "ArrowUp")
    assert page.evaluate(selected) == found[1]
    page.press("Enter")
    page.wait_for_load()
    dataset, _, column = found[1].rpartition(".")
    assert (
        page.evaluate("location.href") == f"{(site / 'catalog').as_uri()}/{dataset}.html#{column}"
    )
    assert page.complaints == []


def test_a_search_finds_nothing_and_says_so(page: Page, site: Path) -> None:
    show(page, site / "index.html")
    assert searching(page, "no such thing at all") == []
    assert page.text("[data-search-count]") == "0 found"
    page.press("Enter")
    assert page.evaluate("location.href") == (site / "index.html").as_uri()


# --------------------------------------------------------------------- how the last run has ended


RUN = {
    "id": "a" * 32,
    "started_at": "2026-01-01T06:00:00Z",
    "ended_at": "2026-01-01T06:01:05Z",
    "seconds": 65.0,
    "status": "succeeded",
    "as_of": "2026-01-01",
    "commit": None,
    "built": 3,
    "skipped": 27,
    "failed": 0,
}
INCIDENT = {
    "title": "transactions are old",
    "detail": "3 days",
    "severity": "warn",
    "opened_at": "2026-01-01T06:01:05Z",
}


@pytest.fixture(scope="module")
def retold(site: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The pages in a folder of their own, whose last run is the test's business."""
    copy = tmp_path_factory.mktemp("retold") / "site"
    shutil.copytree(site, copy)
    return copy


def tell(folder: Path, *incidents: dict[str, str], kept_out: int = 0, **run: object) -> None:
    totals = {"monitors": 0, "incidents": len(incidents), "records": 4, "kept_out": kept_out}
    told = {
        "runs": [RUN | run],
        "nodes": {},
        "monitors": [],
        "incidents": incidents,
        "totals": totals,
    }
    (folder / "runs.js").write_text(f"window.benepassRuns = {json.dumps(told)};\n")


ENDINGS: list[tuple[list[dict[str, str]], dict[str, object], str, str]] = [
    ([], {}, "", "The last run succeeded, 2026-01-01 06:01 UTC. No incident is open."),
    ([], {"kept_out": 1}, "is-plain", "No incident is open, and 1 of 4 records are kept out."),
    ([INCIDENT], {}, "is-warn", "1 open incident: transactions are old."),
    ([INCIDENT | {"severity": "fail"}], {}, "is-bad", "1 open incident"),
    ([INCIDENT] * 3, {}, "is-warn", "3 open incidents: transactions are old; "),
    ([], {"status": "failed"}, "is-bad", "The last run failed, 2026-01-01 06:01 UTC."),
    (
        [],
        {"status": "interrupted", "ended_at": None},
        "is-bad",
        "interrupted, 2026-01-01 06:00 UTC",
    ),
]
"""What is open, what is told of the run, and how a page says it."""


@pytest.mark.parametrize("ending", [ENDINGS[-1], *at_night(*((it,) for it in ENDINGS[:-1]))])
def test_every_page_says_how_the_last_run_ended(page: Page, retold: Path, ending: Any) -> None:  # noqa: ANN401
    incidents, run, tone, said = ending
    tell(retold, *incidents, **run)
    show(page, retold / "catalog.html")
    assert said in page.text("[data-health]")
    classes = page.evaluate("document.querySelector('[data-health]').className")
    assert classes == f"health {tone}".strip()


def test_what_a_run_says_is_text_and_no_markup(page: Page, retold: Path) -> None:
    hostile = "<img src=x onerror=alert(1)>"
    tell(retold, INCIDENT | {"title": hostile})
    show(page, retold / "catalog.html")
    assert hostile in page.text("[data-health]")
    assert page.complaints == []


def test_what_a_run_says_is_broken_where_a_narrow_window_ends(page: Page, retold: Path) -> None:
    tell(retold, INCIDENT | {"title": "marts.fact_transactions.transaction_timestamp: range"})
    page.open((retold / "catalog.html").as_uri(), 320)
    assert page.evaluate(WIDER) == ""


def test_what_is_wrong_with_a_page_is_seen(page: Page, retold: Path) -> None:
    tell(retold)
    good = (retold / "catalog.html").read_text(encoding="utf-8")
    wrong = (
        "<script>document.title = 'ran';</script>"
        '<img src="https://example.org/a.png"><img src="assets/none.svg">'
        '<p style="min-width: 3000px">wide</p>'
    )
    (retold / "wrong.html").write_text(good.replace("</main>", f"{wrong}</main>"))
    show(page, retold / "wrong.html")
    page.evaluate("console.error('of a script'); setTimeout(() => { throw Error('late') }); 1")
    page.settle()
    said = "\n".join(page.complaints)
    for expected in ("script-src", "img-src", "ERR_FILE_NOT_FOUND", "of a script", "Error: late"):
        assert expected in said
    assert page.evaluate(WIDER)
    assert page.evaluate("document.title") != "ran"
    (retold / "wrong.html").unlink()


@pytest.mark.parametrize(
    "told", [None, *at_night("", "window.benepassRuns = {};", "window.benepassRuns = {")]
)
def test_the_pages_work_where_no_run_has_told_them_anything(
    page: Page, retold: Path, told: str | None
) -> None:
    """Neither none at all nor one of another version, nor somebody else's file."""
    (retold / "runs.js").unlink(missing_ok=True)
    if told is not None:
        (retold / "runs.js").write_text(told)
    for path in retold.glob("*.html"):
        show(page, path)
        known = ("runs.js", "SyntaxError: Unexpected end of input")
        others = [it for it in complaints_of(page) if not any(text in it for text in known)]
        assert others == [], path.name
        assert page.evaluate("document.querySelector('[data-health]').hidden")
    assert len(searching(page, "email")) > 2


def test_the_sample_says_how_its_run_ended(page: Page, site: Path) -> None:
    show(page, site / "index.html")
    assert page.text("[data-health]").startswith("The last run succeeded, ")


# ---------------------------------------------------------------------------- without scripts


def test_without_scripts_the_pages_can_be_read(page: Page, site: Path) -> None:
    page.run_scripts(allowed=False)
    for path in site.glob("*.html"):
        page.open(path.as_uri())
        assert page.complaints == []
        assert len(page.text("main")) > 100
