"""What a page is made of: values for its template, tables, charts, and files to download."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Literal, TypeAlias

Kind: TypeAlias = Literal[
    "text",
    "code",
    "count",
    "money",
    "rate",
    "number",
    "tenths",
    "seconds",
    "date",
    "month",
    "instant",
    "tag",
]
"""How the values of a field are written: `count` 1,234; `money` $1,234.50; `rate` 12.3 %, of a
fraction; `tenths` 1,234.5; `date` and `month` and `instant` from ISO text, an instant in UTC; `tag`
as a label."""

NUMBERS: frozenset[Kind] = frozenset({"count", "money", "rate", "number", "tenths", "seconds"})
"""The kinds of numbers."""

Row: TypeAlias = Mapping[str, object]


@dataclass(frozen=True, slots=True)
class Field:
    """A column of a table on a page.

    Attributes:
        key: Its name in the rows.
        label: Its heading.
        kind: How its values are written.
        link: The name in the rows of the address that the value links to; never one from a file.
    """

    key: str
    label: str
    kind: Kind = "text"
    link: str | None = None

    @property
    def is_number(self) -> bool:
        """Whether values stand on the right, and sort from the greatest."""
        return self.kind in NUMBERS


@dataclass(frozen=True, slots=True)
class DataTable:
    """A table that can be sorted, searched and paged.

    Attributes:
        name: Its id on the page.
        caption: What it shows.
        fields: Its columns.
        rows: Its rows, in the order in which they are first shown; at most `page.MOST_ROWS`.
        total: All rows there are, where these are not all.
        page_size: Rows that are shown at once.
        is_searchable: Whether there is a box to search it.
        is_saved: Whether what it shows can be saved as CSV.
        empty: What to say, and what to do, where there is no row.
        is_live: Whether a script gives it its rows, which the page does not know.
    """

    name: str
    caption: str
    fields: Sequence[Field]
    rows: Sequence[Row]
    total: int | None = None
    page_size: int = 25
    is_searchable: bool = False
    is_saved: bool = False
    empty: str = "Nothing to show."
    is_live: bool = False


@dataclass(frozen=True, slots=True)
class Chart:
    """A chart, and the table of what it shows.

    Attributes:
        name: Its id on the page.
        title: What it shows.
        description: The same in a sentence or two for those who cannot see it, or empty.
        spec: Vega-Lite, reading the data set `rows`, which a script gives it.
        table: The same data as a table beside it.
        empty: What to say, and what to do, where there is no data.
        has_data: Whether there is any.
    """

    name: str
    title: str
    description: str
    spec: Mapping[str, object]
    table: DataTable
    empty: str = "Nothing to show."
    has_data: bool = True


@dataclass(frozen=True, slots=True)
class Page:
    """A page of the site.

    Attributes:
        path: Where it lies below the site's folder.
        template: The name of its template.
        title: Its title.
        section: The page of the navigation that it belongs to.
        values: What its template shows.
        data: What its scripts read, as JSON.
        scripts: The scripts in `assets/` that it needs beside those of all pages.
        has_charts: Whether it needs Vega.
    """

    path: str
    template: str
    title: str
    section: str
    values: Mapping[str, object] = field(default_factory=dict)
    data: Mapping[str, object] = field(default_factory=dict)
    scripts: Sequence[str] = ()
    has_charts: bool = False

    @property
    def root(self) -> str:
        """The way from the page to the site's folder."""
        return "../" * self.path.count("/")


FIXED = (("catalog.html", "Catalog"), ("lineage.html", "Lineage"), ("runs.html", "Runs"))
"""What the navigation ends with: path and title of the pages that are no files of the project."""

CONTENT_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; "
    "img-src 'self' data:; form-action 'none'; base-uri 'none'"
)
"""The Content-Security-Policy of every page, which loads its own files alone. Styles may
stand in it, since charts have some."""

MOST_ROWS = 5_000
"""Rows of a table that a page holds at most; what is beyond is added up or left to the files."""

LONGEST_TEXT = 200
"""Letters of a value from a file that a page shows."""


def cut(text: str) -> str:
    """A value as far as a page shows it."""
    return text if len(text) <= LONGEST_TEXT else f"{text[: LONGEST_TEXT - 1]}…"


def instant(value: datetime) -> str:
    """An instant in UTC, as ISO text to the second; one without a zone is in UTC already."""
    aware = value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)
    # Not strftime, which leaves out the zeros before a year.
    return f"{aware.replace(tzinfo=None).isoformat(timespec='seconds')}Z"
