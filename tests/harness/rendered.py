"""A page of the site as its reader gets it, made of what a project has published."""

from __future__ import annotations

import json
import shutil
from dataclasses import dataclass, field, replace
from html.parser import HTMLParser
from typing import TYPE_CHECKING, Any

import duckdb

from benepass_tasks.config.settings import current_settings
from benepass_tasks.site.rendering import MISSING, render
from benepass_tasks.site.sources import Sources, opened
from benepass_tasks.state.run import Run

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

    from workspace import Workspace

    from benepass_tasks.site.page import Page

__all__ = ["MISSING", "Shown", "copied", "republish", "rows_of", "shown", "written_rows"]

VOID = {"meta", "link", "input", "br", "img", "hr", "wbr"}


@dataclass
class Element:
    """An element of a page."""

    tag: str
    attributes: dict[str, str]
    content: list[Element | str] = field(default_factory=list)

    @property
    def text(self) -> str:
        return "".join(it if isinstance(it, str) else it.text for it in self.content)

    def all(self, tag: str | None = None, **attributes: str) -> list[Element]:
        """The elements within it of a tag, with attributes (`data_x` for `data-x`)."""
        wanted = {name.replace("_", "-"): value for name, value in attributes.items()}
        found = []
        for it in self.content:
            if isinstance(it, Element):
                if tag in (None, it.tag) and wanted.items() <= it.attributes.items():
                    found.append(it)
                found += it.all(tag, **attributes)
        return found

    def one(self, tag: str | None = None, **attributes: str) -> Element:
        (found,) = self.all(tag, **attributes)
        return found


class _Parser(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.open = [Element("document", {})]

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        made = Element(tag, {name: value or "" for name, value in attrs})
        self.open[-1].content.append(made)
        if tag not in VOID:
            self.open.append(made)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop().tag == tag

    def handle_data(self, data: str) -> None:
        self.open[-1].content.append(data)


@dataclass
class Shown:
    """What a page shows."""

    project: Workspace
    page: Page
    html: bytes
    document: Element

    def figures(self) -> dict[str, str]:
        """The figures by label."""
        return {
            it.one("dt").text: next(
                part.text for part in it.all("span") if "value" in part.attributes["class"]
            )
            for it in self.document.all("div")
            if "figure" in it.attributes.get("class", "").split()
        }

    def notes(self) -> dict[str, str]:
        """The notes of the figures by label."""
        return {
            it.one("dt").text: next((part.text for part in it.all("span", **{"class": "note"})), "")
            for it in self.document.all("div")
            if "figure" in it.attributes.get("class", "").split()
        }

    def table(self, name: str) -> list[dict[str, Any]]:
        """All rows of a table, as its script reads them."""
        block = self.document.one("div", data_table=name)
        data = json.loads(block.one("script").text)
        return [dict(zip(data["keys"], row, strict=True)) for row in data["rows"]]

    def cells(self, name: str) -> list[list[str]]:
        """The rows of a table that are there without a script."""
        body = self.document.one("div", data_table=name).one("tbody")
        return [[cell.text for cell in row.all("td")] for row in body.all("tr")]

    def chart(self, name: str) -> list[dict[str, Any]]:
        """The rows of a chart."""
        (figure,) = (it for it in self.document.all("figure") if it.all("div", data_chart=name))
        rows: list[dict[str, Any]] = json.loads(figure.one("script").text)["rows"]
        return rows

    @property
    def data(self) -> Any:  # noqa: ANN401 - JSON
        return json.loads(self.document.one("script", id="page-data").text)

    def rows(self, query: str) -> list[dict[str, Any]]:
        """The rows of a query of the page, as its script gets them."""
        return rows_of(self.data["queries"][query])


def shown(
    workspace: Workspace, pages: Callable[[Sources], Iterator[Page]], **settings: str
) -> Shown:
    """The page that a module makes of what the project has published."""
    with workspace.configured(**settings):
        run = Run(current_settings(), lambda *_: ())
    with opened(run) as sources:
        (page,) = pages(sources)
    html = render(page, "assets/vega.js")
    return Shown(workspace, page, html, _document(html))


def written_rows(page: Path, query: str) -> list[dict[str, Any]]:
    """The rows of a query of a page that a run has written."""
    data = json.loads(_document(page.read_bytes()).one("script", id="page-data").text)
    return rows_of(data["queries"][query])


def _document(html: bytes) -> Element:
    parser = _Parser()
    parser.feed(html.decode())
    parser.close()
    return parser.open[0]


def rows_of(found: dict[str, Any]) -> list[dict[str, Any]]:
    """The rows of a query, of which a page has the columns."""
    columns = {
        name: [None if at < 0 else it["values"][at] for at in it["at"]]
        if isinstance(it, dict)
        else it
        for name, it in found["columns"].items()
    }
    return [
        {name: values[place] for name, values in columns.items()} for place in range(found["count"])
    ]


def copied(project: Workspace, folder: Path) -> Workspace:
    """A copy of a project that has been published, for changing what it has published."""
    shutil.copytree(project.root, folder / "project")
    return replace(project, root=folder / "project")


def republish(
    workspace: Workspace, *statements: str, values: Mapping[str, Any] | None = None
) -> None:
    """Change what the project has published, behind its back."""
    with duckdb.connect(str(workspace.published / "benepass.duckdb")) as connection:
        for statement in statements:
            connection.execute(statement, values or None)
