"""The pages in a browser: opened, drawn, and with what it complains of."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

    from browser import Page

DRAWN = "window.benepassCharts?.drawn.then(() => true)"


def show(page: Page, path: Path, fragment: str = "") -> None:
    """Open a page of the folder, and wait for its charts."""
    # A page whose fragment alone is another one would go on as it is.
    page.open("about:blank")
    page.open(path.as_uri() + fragment)
    page.evaluate(DRAWN)


def complaints_of(page: Page) -> list[str]:
    """What the page has complained of since it was opened."""
    return [*page.complaints]
