"""The blocks of a page: what each declares, as YAML says it, and everything wrong with its form."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal, TypeAlias, cast, get_args

from marshmallow import Schema, ValidationError, post_load
from marshmallow.fields import Field

from benepass_tasks.catalog.document import Problem, problems_in, read_document, refuse
from benepass_tasks.catalog.fields import (
    Choice,
    Count,
    Each,
    Flag,
    Names,
    Section,
    Strict,
    Text,
    Value,
)
from benepass_tasks.catalog.wording import meant, nearest, shown
from benepass_tasks.config.errors import ProjectError
from benepass_tasks.site.authored.markdown import Fence
from benepass_tasks.site.page import NUMBERS, Kind

Mark: TypeAlias = Literal["bar", "line", "area", "scatter", "heatmap"]
Told: TypeAlias = Literal["incidents", "monitors"]

MEASURE = re.compile(r"(share of )?([a-z]\w*)(?:\s*/\s*([a-z]\w*))?", re.IGNORECASE)
"""`spend`, added up; `spend / allowance`, of both sums; `share of spend`, of that of all rows."""


@dataclass(frozen=True, slots=True)
class Measure:
    """A number that is made of many rows.

    Attributes:
        column: The column that is added up.
        per: The column whose sum it is divided by, over the rows that have both.
        is_share: Whether it is divided by the sum over all rows.
    """

    column: str
    per: str | None = None
    is_share: bool = False

    @property
    def key(self) -> str:
        """What it is called in rows."""
        share, per = "share of " if self.is_share else "", f" / {self.per}" if self.per else ""
        return f"{share}{self.column}{per}"

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns that it is made of."""
        return (self.column, self.per) if self.per else (self.column,)


@dataclass(frozen=True, slots=True)
class Named:
    """How a column is shown.

    Attributes:
        label: What it is called; None for its name in words.
        kind: How its values are written; None for what follows from its type and name.
    """

    label: str | None = None
    kind: Kind | None = None


@dataclass(frozen=True, slots=True)
class Link:
    """Where a row or a bar leads.

    Attributes:
        page: The page.
        columns: The columns of the row that are its filters.
        line: The line of the file on which its block begins.
        shared: The other filters that it has as this page does, and so are set as they are here.
    """

    page: str
    columns: tuple[str, ...]
    line: int = 0
    shared: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Front:
    """The front matter.

    Attributes:
        title: The page's title.
        lead: What it is about, below the title.
        order: Its place in the navigation, from the smallest.
        fold: Whether its sections fold.
        columns: How columns are shown, by name.
    """

    title: str
    lead: str | None = None
    order: int = 100
    fold: bool = False
    columns: Mapping[str, Named] = field(default_factory=dict)

    def kind_of(self, column: str, otherwise: Kind) -> Kind:
        """How the values of a column are written: as declared, or otherwise."""
        return self.columns.get(column, Named()).kind or otherwise

    def label_of(self, column: str, otherwise: str | None = None) -> str:
        """What a column is called: as declared, or otherwise, or its name in words."""
        plain = column.replace("_", " ").strip()
        return self.columns.get(column, Named()).label or otherwise or plain[:1].upper() + plain[1:]


@dataclass(frozen=True, slots=True)
class Filters:
    """The columns that the reader chooses values of, with their labels."""

    labels: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Figure:
    """A tile.

    Attributes:
        query: The query whose rows it is made of.
        value: What it shows of them.
        kind: How that is written.
        note: A line below it.
        last: The column of time of which only the last value counts, compared with the one before.
        tone: What it is a sign of where it is not 0.
    """

    query: str
    value: Measure
    kind: Kind | None = None
    note: str | None = None
    last: str | None = None
    tone: Literal["good", "warn", "bad"] | None = None


@dataclass(frozen=True, slots=True)
class Figures:
    """Tiles by label."""

    tiles: Mapping[str, Figure]


@dataclass(frozen=True, slots=True, kw_only=True)
class Chart:
    """A chart.

    Attributes:
        mark: What is drawn.
        data: The query.
        title: What it shows.
        description: The same in a sentence for those who cannot see it.
        x: The column of which each value has a place; of a scatter plot, a point.
        side: Of a heat map, the column along the side.
        y: What is measured.
        across: Of a scatter plot, what is measured along the bottom.
        series: The column whose values have colours.
        target: What is marked beside each bar.
        sort: `value` for the most first, `none` for the order of the rows.
        limit: How many bars or rows there are at most.
        wide: Whether it has a row of its own.
        link: Where a bar leads.
        empty: What stands there where there is no row.
    """

    mark: Mark
    data: str
    title: str
    x: str
    y: Measure
    description: str | None = None
    side: str | None = None
    across: Measure | None = None
    series: str | None = None
    target: Measure | None = None
    sort: Literal["value", "none"] | None = None
    limit: int | None = None
    wide: bool = False
    link: Link | None = None
    empty: str = "Nothing to show."

    @property
    def dimensions(self) -> tuple[str, ...]:
        """The columns whose values tell the sums apart."""
        return tuple(filter(None, (self.x, self.side, self.series)))

    @property
    def measures(self) -> tuple[Measure, ...]:
        """What is added up."""
        return tuple(filter(None, (self.y, self.across, self.target)))


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """A table.

    Attributes:
        data: The query.
        title: What it shows.
        columns: Its columns; None for all.
        group: The columns by which rows are added up; None where every row stands for itself.
        sums: What is added up then.
        search: Whether there is a box to search it.
        size: Rows that are shown at once.
        link: Where a row leads; its first column is what is clicked.
        empty: What stands there where there is no row.
    """

    data: str
    title: str
    columns: tuple[str, ...] | None = None
    group: tuple[str, ...] | None = None
    sums: tuple[Measure, ...] = ()
    search: bool = False
    size: int = 15
    link: Link | None = None
    empty: str = "Nothing to show."


@dataclass(frozen=True, slots=True)
class Note:
    """A line that stands there only where a value is neither 0 nor missing.

    Attributes:
        text: The line.
        query: The query of the value.
        when: The value.
    """

    text: str
    query: str
    when: Measure


@dataclass(frozen=True, slots=True)
class Live:
    """What each run says at its end."""

    show: Told


Block: TypeAlias = Filters | Figures | Chart | Table | Note | Live


class _Measured(Text):
    """A column that is added up, or one divided by another."""

    def _checked(self, text: str) -> Any:  # noqa: ANN401 - a Measure
        return _measure(text)


class _Measures(Value[tuple[Measure, ...]]):
    """Some of them."""

    def _deserialize(self, value: object, *_args: object, **_kwargs: object) -> tuple[Measure, ...]:
        names: tuple[str, ...] = Names().deserialize(value)
        return tuple(map(_measure, names))


class _Placed(Text):
    """A value of a query, `query.column`."""

    def _checked(self, text: str) -> Any:  # noqa: ANN401 - a pair
        query, dot, rest = text.partition(".")
        if not dot:
            raise ValidationError(f"must be query.column, such as totals.spend, not {shown(text)}")
        per = rest.replace(f"{query}.", "")
        return query, _measure(per)


def _measure(text: str) -> Measure:
    found = MEASURE.fullmatch(text)
    if found is None or (found[1] and found[3]):
        raise ValidationError(
            f"must be a column (spend), one by another (spend / allowance) or a share "
            f"(share of spend), not {shown(text)}"
        )
    return Measure(found[2], found[3], is_share=bool(found[1]))


class _LinkSchema(Strict):
    shape = "a page and its filters, such as {page: merchants, with: [merchant]}"

    page = Text(required=True)
    with_ = Names(required=True, data_key="with")

    @post_load
    def build(self, data: dict[str, Any], **_kwargs: object) -> Link:
        """Make the link."""
        return Link(data["page"], data["with_"])


class _NamedSchema(Strict):
    label = Text()
    kind = Choice(get_args(Kind), data_key="as")


class _Columns(Each):
    """How columns are shown: each a label, or a mapping."""

    def _deserialize(self, value: object, *args: object, **kwargs: object) -> Mapping[str, Any]:
        if isinstance(value, Mapping):
            value = {k: {"label": it} if isinstance(it, str) else it for k, it in value.items()}
        found = super()._deserialize(value, *args, **kwargs)
        return {name: Named(**it) for name, it in found.items()}


class _FigureSchema(Strict):
    value = _Placed(required=True)
    kind = Choice(tuple(sorted(NUMBERS)), data_key="as")
    note = Text()
    last = Text()
    tone = Choice(("good", "warn", "bad"))

    @post_load
    def build(self, data: dict[str, Any], **_kwargs: object) -> Figure:
        """Make the tile."""
        query, value = data.pop("value")
        return Figure(query, value, **data)


_Keys: TypeAlias = dict[str, Field[Any]]

_NAME, _SUM = Text(required=True), _Measured(required=True)
_SHOWN: _Keys = {"data": _NAME, "title": _NAME, "link": Section(_LinkSchema()), "empty": Text()}
_DRAWN: _Keys = {
    **_SHOWN,
    "description": Text(),
    "sort": Choice(("value", "none")),
    "limit": Count(),
    "wide": Flag(),
}
_LINE: _Keys = {**_DRAWN, "x": _NAME, "y": _SUM, "series": Text()}
_SCATTER: _Keys = {**_LINE, "x": Text(required=True, data_key="each")}
_TABLE: _Keys = {
    **_SHOWN,
    "columns": Names(),
    "group": Names(),
    "sums": _Measures(),
    "search": Flag(),
    "size": Count(),
}
_FRONT: _Keys = {
    "title": _NAME,
    "lead": Text(),
    "order": Count(),
    "fold": Flag(),
    "columns": _Columns(_NamedSchema(), "columns"),
}

_BLOCKS: Mapping[str, _Keys] = {
    "bar": {**_LINE, "target": _Measured()},
    "line": _LINE,
    "area": _LINE,
    "scatter": {**_SCATTER, "across": _Measured(required=True, data_key="x")},
    "heatmap": {
        **_DRAWN,
        "x": _NAME,
        "side": Text(required=True, data_key="y"),
        "y": _Measured(required=True, data_key="value"),
    },
    "table": _TABLE,
    "note": {"when": _Placed(required=True), "text": _NAME},
    "live": {"show": Choice(get_args(Told), required=True)},
}

SCHEMAS: Mapping[str, type[Schema]] = {it: Strict.from_dict(_BLOCKS[it]) for it in _BLOCKS}

KINDS = ("sql", "filters", "figures", *SCHEMAS)
"""What may stand behind the fence of a block."""


def read_front(path: Path, text: str) -> Front:
    """Read the front matter of a page.

    Raises:
        ProjectError: what is wrong with it, with file and line.
    """
    return Front(**_loaded(Strict.from_dict(_FRONT)(), path, 2, text))


def read_block(path: Path, fence: Fence) -> Block:
    """Read a block of a page.

    Raises:
        ProjectError: what is wrong with it, with file and line.
    """
    if fence.kind not in KINDS:
        near = meant(nearest(fence.kind, KINDS)) or f" (there are {', '.join(KINDS)})"
        raise ProjectError(f"{path}:{fence.line - 1}: no block is called {fence.kind}{near}")
    if fence.words:
        raise ProjectError(
            f"{path}:{fence.line - 1}: {fence.kind} takes no {fence.words[0]} behind the fence; "
            "what it shows stands below, as `data: query`"
        )
    if fence.kind == "filters":
        return Filters(_loaded(_Texts("labels"), path, fence.line, fence.text))
    if fence.kind == "figures":
        return Figures(_loaded(_Tiles(), path, fence.line, fence.text))
    found = _loaded(SCHEMAS[fence.kind](), path, fence.line, fence.text)
    if found.get("link"):
        found["link"] = replace(found["link"], line=fence.line - 1)
    if fence.kind == "table":
        return Table(**found)
    if fence.kind == "note":
        query, when = found["when"]
        return Note(found["text"], query, when)
    if fence.kind == "live":
        return Live(found["show"])
    return Chart(mark=cast("Mark", fence.kind), **found)


class _Texts:
    """A mapping of names to texts."""

    def __init__(self, what: str) -> None:
        self._what = what

    def load(self, data: Mapping[object, object]) -> Mapping[str, str]:
        errors: dict[object, object] = {}
        found: dict[str, str] = {}
        for name, value in data.items():
            try:
                found[str(name)] = Text().deserialize(value)
            except ValidationError as error:
                errors[name] = error.messages
        if errors:
            raise ValidationError(errors)
        return found


class _Tiles:
    """A mapping of labels to tiles; a text is a value of a query."""

    def load(self, data: Mapping[object, object]) -> Mapping[str, Figure]:
        whole = {k: {"value": it} if isinstance(it, str) else it for k, it in data.items()}
        found: Mapping[str, Any] = Each(_FigureSchema(), "figures").deserialize(whole)
        return found


def _loaded(schema: Any, path: Path, line: int, text: str) -> Any:  # noqa: ANN401 - as loaded
    if not text.strip():
        raise ProjectError(f"{path}:{line - 1}: the block is empty")
    # Below as many empty lines as the file has above it, every line is that of the file.
    document = read_document("\n" * (line - 1) + text, str(path), "keys")
    problems = list(document.problems)
    try:
        found = schema.load(document.data)
    except ValidationError as error:
        problems += (Problem(*it) for it in problems_in(error.messages, ()))
    refuse(document, problems)
    return found
