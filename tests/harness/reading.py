"""What the tests read of a page: its tables, its data, and the elements that it has."""

from __future__ import annotations

import json
import re
from html.parser import HTMLParser
from typing import Any


def table_of(html: str, name: str) -> dict[str, Any]:
    """What a table of a page has for its script, with its rows by the names of the fields."""
    found = re.search(rf'data-table="{name}".*?data-table-rows>(.*?)</script>', html, re.DOTALL)
    assert found, f"no table {name}"
    data: dict[str, Any] = json.loads(found[1])
    data["rows"] = [dict(zip(data["keys"], row, strict=True)) for row in data["rows"]]
    return data


def chart_of(html: str, name: str) -> dict[str, Any]:
    """The Vega-Lite of a chart of a page."""
    found = re.search(rf'data-chart="{name}".*?data-chart-spec>(.*?)</script>', html, re.DOTALL)
    assert found, f"no chart {name}"
    data: dict[str, Any] = json.loads(found[1])
    return data


def data_of(html: str) -> dict[str, Any]:
    """What a page has for its own script."""
    found = re.search(r'id="page-data">(.*?)</script>', html, re.DOTALL)
    assert found, "no data"
    data: dict[str, Any] = json.loads(found[1])
    return data


class _Elements(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))


def elements_of(html: str) -> list[tuple[str, dict[str, str | None]]]:
    """The elements of a page with their attributes, in their order."""
    parser = _Elements()
    parser.feed(html)
    return parser.found


def told_in(text: str) -> dict[str, Any]:
    """What runs.js says."""
    claim, script = text.split("\n", 1)
    assert claim.startswith("// ")
    assert script.startswith("window.benepassRuns = ")
    told: dict[str, Any] = json.loads(script.removeprefix("window.benepassRuns = ").rstrip(";\n"))
    return told
