"""The pages in a real browser, from the file system, as a reader has them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pathlib import Path

    from browser import Page

pytestmark = [pytest.mark.browser, pytest.mark.slow]

WIDTHS = (360, 768, 1280, 1920)

DRAWN = "window.benepassCharts?.drawn.then(() => true)"
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


def show(page: Page, path: Path, fragment: str = "") -> None:
    """Open a page of the folder, and wait for its charts."""
    page.open(path.as_uri() + fragment)
    page.evaluate(DRAWN)


def test_every_page_opens_from_a_folder_and_nothing_is_complained_of(
    page: Page, site: Path
) -> None:
    said = {}
    for path in pages_of(site):
        show(page, path)
        page.settle()
        said[path.name] = list(page.complaints)
        assert page.evaluate("document.querySelectorAll('h1').length") == 1, path
    assert {name: complaints for name, complaints in said.items() if complaints} == {}


def test_nothing_but_files_of_the_folder_is_asked_for(page: Page, site: Path) -> None:
    asked: set[str] = set()
    for path in pages_of(site):
        show(page, path)
        asked.update(page.requests)
    beyond = {url for url in asked if not url.startswith((f"{site.as_uri()}/", "data:"))}
    assert beyond == set()
    assert asked >= {(site / name).as_uri() for name in ("runs.js", "search.js", "assets/site.css")}


def test_no_page_is_wider_than_its_window(page: Page, site: Path) -> None:
    wider = {}
    for path in pages_of(site):
        show(page, path)
        for width in WIDTHS:
            page.resize(width)
            page.settle()
            found = page.evaluate(WIDER)
            if found:
                wider[f"{path.name} at {width}"] = found
    assert wider == {}
