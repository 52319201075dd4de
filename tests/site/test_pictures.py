"""What is seen first of the pages, in a window and on a phone; the pictures in docs/ are of it."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from examples import at_night
from showing import DRAWN

if TYPE_CHECKING:
    from browser import Page

pytestmark = [pytest.mark.browser, pytest.mark.slow]

FOLDER = "SITE_PICTURES"
"""Names the folder of the pictures: `make pictures` makes those in docs/ so."""


@dataclass(frozen=True)
class View:
    page: str
    must_show: str
    """The elements that have to be whole in the window."""

    how_many: int
    """Of them, at least: how much fits depends on the fonts that there are."""

    width: int = 1280
    height: int = 1120
    dark: bool = False
    pixels: float = 1
    """Of the picture, for one of the page."""


VIEWS = {
    "site-light": View("index.html", ".figures > *, .filters, figure svg", 9),
    "site-dark": View("index.html", ".figures > *, .filters, figure svg", 9, dark=True),
    "site-phone": View("index.html", ".figures > *", 6, width=390, height=844, pixels=1.5),
    "site-quality": View("quality.html", ".figures > *, figure svg", 6),
    "site-lineage": View(
        "lineage.html#raw.employees.email",
        "[data-graph] svg, [data-panel] h2",
        2,
        width=1400,
        height=840,
    ),
}

WHOLE = """(selector) => [...document.querySelectorAll(selector)].filter((it) => {
    const {left, top, right, bottom, width} = it.getBoundingClientRect();
    return width > 0 && left >= 0 && top >= 0
        && right <= innerWidth && bottom <= innerHeight;
}).length"""


@pytest.mark.parametrize("name", ["site-light", *at_night(*list(VIEWS)[1:])])
def test_what_matters_most_is_seen_before_anything_is_scrolled(
    page: Page, site: Path, name: str
) -> None:
    view = VIEWS[name]
    page.emulate(dark=view.dark)
    path, _, fragment = view.page.partition("#")
    page.hide_scrollbars(hidden=True)
    page.open(f"{(site / path).as_uri()}#{fragment}", view.width, view.height)
    page.resize(view.width, view.height, view.pixels)
    page.evaluate(DRAWN)
    page.settle()
    seen = page.evaluate(f"({WHOLE})({view.must_show!r})")
    folder = os.environ.get(FOLDER)
    if folder:
        (Path(folder) / f"{name}.png").write_bytes(page.take_picture())
    assert seen >= view.how_many
