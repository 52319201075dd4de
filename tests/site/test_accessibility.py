"""The pages can be used by everybody: axe-core finds nothing, whatever the window and its state."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from examples import at_night
from showing import show

if TYPE_CHECKING:
    from browser import Page

pytestmark = [pytest.mark.browser, pytest.mark.slow]

AXE = Path(__file__).resolve().parents[1] / "browser" / "node_modules" / "axe-core" / "axe.min.js"

TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]

WIDTHS = (360, 1280)

KINDS = (
    "index.html",
    "employees.html",
    "quality.html",
    "catalog.html",
    "lineage.html",
    "runs.html",
    "catalog/employees.html",
    "catalog/marts.fact_transactions.html",
)
"""The kinds of pages, each of its own form; the first and the last have most of what there is."""


@pytest.fixture(scope="module")
def axe() -> str:
    if not AXE.exists():
        pytest.skip("no axe-core: `npm ci --prefix tests/browser` installs it")
    return AXE.read_text(encoding="utf-8")


def violations(page: Page, axe: str) -> list[str]:
    """What axe finds on the page as it is now: the rule, where, and what to do."""
    if not page.evaluate("typeof window.axe === 'object'"):
        page.evaluate(f"{axe}; true")
    options = {"runOnly": {"type": "tag", "values": TAGS}, "resultTypes": ["violations"]}
    found = page.evaluate(f"axe.run(document, {json.dumps(options)}).then(it => it.violations)")
    return [
        f"{rule['id']}: {' '.join(map(str, node['target']))}: {node['failureSummary']}"
        for rule in found
        for node in rule["nodes"]
    ]


@pytest.mark.parametrize("kind", [KINDS[0], *at_night(*KINDS[1:-1]), KINDS[-1]])
def test_axe_finds_nothing(page: Page, axe: str, site: Path, kind: str) -> None:
    show(page, site / kind)
    found = []
    for width in WIDTHS:
        for dark in (False, True):
            page.resize(width)
            page.emulate(dark=dark, reduced_motion=True)
            page.settle()
            how = f"{width}, {'dark' if dark else 'light'}"
            found += [f"{how}: {it}" for it in violations(page, axe)]
    assert not found, "\n".join(found)


def test_axe_finds_nothing_while_something_is_searched(page: Page, axe: str, site: Path) -> None:
    page.emulate(reduced_motion=True)
    show(page, site / "index.html")
    page.press("/")
    page.type("email")
    page.wait_for("document.querySelectorAll('#search-found li').length")
    for dark in (False, True):
        page.emulate(dark=dark, reduced_motion=True)
        found = violations(page, axe)
        assert not found, "\n".join(found)


def test_axe_sees_what_is_wrong(page: Page, axe: str, site: Path) -> None:
    show(page, site / "index.html")
    page.evaluate(
        "document.querySelector('main').insertAdjacentHTML('beforeend',"
        ' \'<img src="assets/icon.svg"><p style="color: #aaa; background: #fff">pale</p>\')'
    )
    rules = {it.partition(":")[0] for it in violations(page, axe)}
    assert rules >= {"image-alt", "color-contrast"}
