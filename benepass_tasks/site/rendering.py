"""Rendering: a page's values through its template, everything escaped that was not made here."""

import json
import re
from collections.abc import Iterable
from functools import lru_cache
from typing import TYPE_CHECKING, Any, get_args

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup, escape

from benepass_tasks.catalog import Catalog, Column, Layer, Source, Table
from benepass_tasks.site.addresses import anchor_of
from benepass_tasks.site.page import CONTENT_POLICY, FIXED, DataTable, Field, Kind, Page
from benepass_tasks.site.personal import badges

if TYPE_CHECKING:
    from benepass_tasks.site.authored.reading import PageFile

MISSING = "\N{EN DASH}"
"""What stands for a value that is not there."""


def render(
    page: Page,
    vega: str,
    navigation: Iterable[tuple[str, str]] = FIXED,
    environment: str = "",
) -> bytes:
    """A page as HTML.

    Args:
        page: The page.
        vega: The path of Vega's script, for the pages that have charts.
        navigation: The path and the title of the page that each section of the site begins with.
        environment: The environment whose page it is, or empty.
    """
    template = _environment().get_template(page.template)
    context = {
        "page": page,
        "navigation": list(navigation),
        "environment": environment,
        "vega": vega,
        "content_policy": CONTENT_POLICY,
        **page.values,
    }
    text: str = template.render(context)
    return f"{text.rstrip()}\n".encode()


def navigation_of(pages: Iterable["PageFile"]) -> list[tuple[str, str]]:
    """The path and the title of the page that each section begins with.

    Args:
        pages: The project's own pages, in their order.
    """
    return [*((page.file, page.front.title) for page in pages), *FIXED]


def search_index(catalog: Catalog) -> bytes:
    """What the search looks through: each dataset with its columns, what people use most first.

    A dataset is its name, its description and its columns; a column is its name, its description,
    the letters of its badges and its id on the page.
    """
    datasets: dict[str, Source | Table] = {**catalog.tables, **catalog.sources}
    entries = [
        [name, dataset.description, [_searched(column) for column in dataset.columns.values()]]
        for name, dataset in sorted(datasets.items(), key=lambda it: _nearness(it[1]))
    ]
    text = json.dumps(entries, separators=(",", ":"))
    return f"window.benepassSearch = {text};\n".encode()


def _searched(column: Column) -> list[str]:
    letters = "".join(badge.letter for badge in badges(column.pii))
    return [column.name, column.description, letters, anchor_of(column.name)]


def _nearness(dataset: Source | Table) -> tuple[bool, int]:
    """How far a dataset is from those who use it: published marts first, sources last."""
    if isinstance(dataset, Source):
        return True, 0
    return not dataset.published, -get_args(Layer).index(dataset.layer) - 1


def breakable(name: str) -> Markup:
    """A name that may be broken after its underscores, dots and slashes."""
    return Markup(re.sub(r"([_./]+)(?=.)", r"\1<wbr>", str(escape(name))))  # noqa: S704 - escaped


def written(value: Any, kind: Kind = "text") -> str:  # noqa: ANN401 - whatever a page shows
    """A value for people; `site.js` writes the same ones likewise."""
    if value is None or value == "":
        return MISSING
    text: str = _WRITERS[kind](value)
    return text


def _instant(value: str) -> str:
    return f"{value[:10]} {value[11:16]} UTC"


def _money(value: float) -> str:
    return f"{'-' if value < 0 else ''}${abs(value):,.2f}"


_WRITERS: dict[Kind, Any] = {
    "text": str,
    "code": str,
    "tag": str,
    "date": str,
    "month": lambda value: str(value)[:7],
    "count": lambda value: f"{value:,.0f}",
    "money": _money,
    "rate": lambda value: f"{value * 100:,.1f}%",
    # Six digits that say something, as a browser writes them: 1,234,570 and not 1.23457e+06.
    "number": lambda value: f"{float(f'{value:.6g}'):,.15g}",
    "tenths": lambda value: f"{value:,.1f}",
    "seconds": lambda value: f"{value:,.2f} s",
    "instant": _instant,
}


def _as_data(table: DataTable) -> dict[str, object]:
    """A table for its script: rows as lists, which say each name once."""
    links = [field.link for field in table.fields if field.link]
    keys = [*(field.key for field in table.fields), *links]
    return {
        "fields": [_field(field) for field in table.fields],
        "keys": keys,
        "rows": [[row.get(key) for key in keys] for row in table.rows],
        "total": table.total or len(table.rows),
        "size": table.page_size,
    }


def _field(field: Field) -> dict[str, object]:
    return {"key": field.key, "label": field.label, "kind": field.kind, "link": field.link}


@lru_cache(maxsize=1)
def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("benepass_tasks.site", "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["written"] = written
    environment.filters["as_data"] = _as_data
    environment.filters["breakable"] = breakable
    environment.policies["json.dumps_kwargs"] = {
        "sort_keys": False,
        "separators": (",", ":"),
        # Escaped, a letter beyond ASCII takes six bytes or twelve.
        "ensure_ascii": False,
    }
    return environment
