"""Making a page of its file: what its queries give, drawn as its blocks say."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any
from urllib.parse import urlencode

from markupsafe import Markup, escape
from sqlalchemy import Connection

from benepass_tasks.config.errors import SiteError
from benepass_tasks.config.settings import Settings
from benepass_tasks.site.authored.blocks import (
    Chart,
    Figure,
    Figures,
    Filters,
    Link,
    Live,
    Measure,
    Note,
    Table,
)
from benepass_tasks.site.authored.drawing import drawn
from benepass_tasks.site.authored.live import LIVE
from benepass_tasks.site.authored.markdown import Prose, rendered, rendered_line, values_in
from benepass_tasks.site.authored.reading import Broken, PageFile, PageQuery, Part
from benepass_tasks.site.authored.rows import QueryRows, read_rows
from benepass_tasks.site.authored.sums import (
    MOST_SERIES,
    OTHER,
    default_range,
    grouped,
    in_order,
    is_time,
    offered_values,
    total,
    within,
)
from benepass_tasks.site.highlighting import highlighted
from benepass_tasks.site.page import NUMBERS, DataTable, Field, Kind, Page, Row
from benepass_tasks.site.page import Chart as DrawnChart
from benepass_tasks.site.rendering import MISSING, written

LINK = "_href"
"""The key of where a row leads."""

UNKNOWN = "There is nothing to draw: every value is withheld or not known."

FEW = 12
"""Rows of a chart's own table that are shown at once."""


def make_page(
    connection: Connection, page: PageFile, settings: Settings, *, in_place: bool = False
) -> Page:
    """Run the queries of a page and put it together.

    Args:
        connection: Its tables are those of what is published.
        page: The page; nothing is wrong with it, unless that is to be shown in place.
        settings: Those of the run.
        in_place: Whether what goes wrong is shown where it would stand.

    Raises:
        SiteError: a query fails, and that is not to be shown in place.
    """
    found: dict[str, QueryRows] = {}
    failures: dict[str, str] = {}
    for name, query in page.queries.items():
        try:
            found[name] = read_rows(connection, page, query)
        except SiteError as error:
            if not in_place:
                raise
            connection.rollback()
            failures[name] = str(error)
    return _Making(page, settings, found, failures).page()


@dataclass(slots=True)
class _Making:
    file: PageFile
    settings: Settings
    found: Mapping[str, QueryRows]
    failures: Mapping[str, str]
    blocks: list[dict[str, Any]] = field(default_factory=list)
    ranges: dict[str, tuple[str, str] | None] = field(default_factory=dict)
    filters: list[dict[str, Any]] = field(default_factory=list)
    ids: set[str] = field(default_factory=set)

    def page(self) -> Page:
        self.filters = [self._filter(*it) for it in self.file.filters.items()]
        self.ranges = {it["column"]: it["default"] for it in self.filters}
        sections = [
            {
                "heading": Markup(rendered_line(it.heading, {})),  # noqa: S704 - markdown-it escapes
                "anchor": it.anchor,
                "parts": [made for part in it.parts for made in self._part(part)],
            }
            for it in self.file.sections
        ]
        front = self.file.front
        return Page(
            f"{self.file.name}.html",
            "authored.html.j2",
            front.title,
            f"{self.file.name}.html",
            values={
                "lead": front.lead,
                "fold": front.fold,
                "sections": [it for it in sections if it["parts"] or it["heading"]],
                "filters": self.filters,
                "queries": [
                    {"name": it.name, "sql": highlighted(it.query.model.sql.strip(), it.name)}
                    for it in self.file.queries.values()
                ],
            },
            data={
                "filters": self.filters,
                "queries": {name: _columnar(it) for name, it in self.found.items()},
                "blocks": self.blocks,
            },
            scripts=("address.js", "authored.js"),
            has_charts=any(isinstance(it, Chart) for it in self.file.parts),
        )

    def _filter(self, column: str, label: str) -> dict[str, Any]:
        having = [it for it in self.found.values() if column in it.kinds]
        kind: Kind = having[0].kinds[column] if having else "text"
        values = [row[column] for it in having for row in it.rows]
        as_of = self.settings.as_of
        offered = offered_values(values, kind, as_of)
        default = default_range(offered, as_of) if is_time(kind) else None
        return {
            "column": column,
            "label": label,
            "kind": kind,
            "isRange": is_time(kind),
            "offered": offered,
            "default": default,
        }

    def _part(self, part: Part) -> Iterator[dict[str, Any]]:
        if isinstance(part, Broken | PageQuery):
            yield from self._broken(part)
        elif isinstance(part, Prose):
            yield {"kind": "prose", "html": self._prose(part)}
        elif isinstance(part, Filters):
            yield {"kind": "filters", "columns": list(part.labels)}
        elif isinstance(part, Figures):
            yield {"kind": "figures", "figures": [*self._figures(part)]}
        elif isinstance(part, Live):
            yield {"kind": "live", "show": part.show, "table": LIVE[part.show]}
        elif isinstance(part, Note):
            yield from self._note(part)
        elif part.data in self.found:
            yield self._shown(part)

    def _broken(self, part: Broken | PageQuery) -> Iterator[dict[str, Any]]:
        """What is said where a part is wrong or a query failed; else nothing."""
        message = self.failures.get(part.name) if isinstance(part, PageQuery) else part.message
        if message:
            yield {"kind": "broken", "message": message}

    def _figures(self, figures: Figures) -> Iterator[dict[str, Any]]:
        for label, tile in figures.tiles.items():
            if tile.query in self.found:
                yield self._figure(label, tile)

    def _shown(self, part: Chart | Table) -> dict[str, Any]:
        found = self.found[part.data]
        is_summed = isinstance(part, Chart) or part.group is not None
        if is_summed and not found.is_whole:
            return {
                "kind": "broken",
                "message": f"{part.title}: {part.data} has {found.count:,} rows, more than the "
                f"{len(found.rows):,} that a page adds up: group them by fewer columns, or let the "
                "smallest become one with fold=COLUMN by=COLUMN",
            }
        return self._chart(part) if isinstance(part, Chart) else self._table(part)

    # ------------------------------------------------------------------------------------ values

    def _rows(self, query: str) -> Sequence[Row]:
        """The rows of a query that the filters leave at first."""
        return within(self.found[query].rows, self.ranges)

    def _kind(self, query: str, measure: Measure) -> Kind:
        if measure.per or measure.is_share:
            return self.file.front.kind_of(measure.key, "rate")
        return self.found[query].kinds[measure.column]

    def _prose(self, prose: Prose) -> Markup:
        values = {name: self._value(name) for name, _ in prose.values}
        return Markup(rendered(prose, values))  # noqa: S704 - markdown-it escapes

    def _line(self, text: str) -> Markup:
        values = {name: self._value(name) for name in values_in(text)}
        return Markup(rendered_line(text, values))  # noqa: S704 - markdown-it escapes

    def _value(self, name: str) -> str:
        """A value of prose as HTML, which the filters change."""
        query, _, column = name.partition(".")
        if not column:
            return str(escape(getattr(self.settings, name)))
        found = self.found.get(query)
        if found is None or not found.is_whole:
            return MISSING
        kind, rows = found.kinds[column], self._rows(query)
        is_sum = kind in NUMBERS
        value = total(rows, Measure(column), kind) if is_sum else rows[0][column] if rows else None
        made = Markup('<span data-value="{}" data-kind="{}">{}</span>')
        return str(made.format(name, kind, written(value, kind)))

    def _figure(self, label: str, tile: Figure) -> dict[str, Any]:
        found, kind = self.found[tile.query], tile.kind or self._kind(tile.query, tile.value)
        made = {"id": self._id(label), "label": label, "kind": kind}
        if not found.is_whole:
            told = f"not added up: this page has {len(found.rows):,} of {found.count:,} rows"
            return made | {"value": None, "change": None, "note": told, "tone": ""}
        value, change = self._valued(tile, kind)
        measure = _measured(tile.value, kind)
        block = {"id": made["id"], "type": "figure", "query": tile.query, "measure": measure}
        self.blocks.append(block | {"last": tile.last, "tone": tile.tone})
        note = self._line(tile.note) if tile.note else ""
        tone = tile.tone if value and tile.tone else ""
        return made | {"value": value, "change": change, "note": note, "tone": tone}

    def _valued(self, tile: Figure, kind: Kind) -> tuple[Any, str | None]:
        """The value of a tile, and how it compares with the one before where that is asked for."""
        shown = self._rows(tile.query)
        if tile.last:
            return self._last(tile, shown, kind)
        whole = total(self.found[tile.query].rows, Measure(tile.value.column), "number")
        return total(shown, tile.value, kind, whole), None

    def _last(self, tile: Figure, rows: Sequence[Row], kind: Kind) -> tuple[Any, str]:
        """The value of the last month or day, and how it compares with the one before."""
        column = str(tile.last)
        sums = in_order(
            [
                it
                for it in grouped(rows, [column], [tile.value], {tile.value.key: kind})
                if it[column]
            ],
            column,
            None,
        )
        if not sums:
            return None, ""
        before, last = [{column: None, tile.value.key: None}, *sums][-2:]
        return last[tile.value.key], compared(last, before, column, tile.value.key)

    def _note(self, note: Note) -> Iterator[dict[str, Any]]:
        if note.query not in self.found or not self.found[note.query].is_whole:
            return
        value = total(self._rows(note.query), note.when, "number")
        name, measure = self._id("note"), _measured(note.when, "number")
        self.blocks.append({"id": name, "type": "note", "query": note.query, "measure": measure})
        yield {"kind": "note", "id": name, "html": self._line(note.text), "is_shown": bool(value)}

    # ----------------------------------------------------------------------------- charts, tables

    def _chart(self, chart: Chart) -> dict[str, Any]:
        found, name, title = self.found[chart.data], self._id(chart.title), chart.title
        series = self._series(chart)
        block = self._summing(name, chart, chart.dimensions, chart.measures) | {
            "type": "chart",
            "sort": _sort(chart, found.kinds[chart.x]),
            "limit": chart.limit,
            "series": {"column": chart.series, "domain": series} if chart.series else None,
            "folded": found.folded,
            "time": chart.x if found.kinds[chart.x] in ("month", "date", "instant") else None,
        }
        self.blocks.append(block)
        fields = self._fields(found, chart.dimensions, chart.measures, chart.link)
        left = _coloured(self._rows(chart.data), chart.series, series)
        rows = self._summed(left, chart, chart.dimensions, chart.measures, block["sort"])
        table = DataTable(name, title, fields, rows[:FEW], len(rows), FEW, is_live=True)
        table = replace(table, is_saved=True, is_searchable=len(rows) > FEW)
        measures = {it.key: self._kind(chart.data, it) for it in chart.measures}
        spec = drawn(chart, fields, measures, series, found.kinds)
        told = self._description(chart, found)
        has_data = any(row[chart.y.column] is not None for row in found.rows)
        empty = UNKNOWN if found.rows else chart.empty
        made = DrawnChart(name, title, told, spec, table, empty, has_data=has_data)
        return {"kind": "chart", "wide": chart.wide, "chart": made}

    def _description(self, chart: Chart, found: QueryRows) -> str:
        """What is said of a chart to those who cannot see it, and of what it leaves out."""
        parts = [chart.description or ""]
        if chart.target:
            parts.append(f"A stroke marks the {self._label(chart.target).lower()}.")
        if chart.limit and len({it[chart.x] for it in found.rows}) > chart.limit:
            parts.append(f"The {chart.limit} with the most are drawn.")
        if found.folded and found.query.fold in chart.dimensions:
            parts.append(
                f"“{found.folded}” are those with the least, added up; with a filter, one of them "
                "may belong among the first."
            )
        return " ".join(filter(None, parts))

    def _summing(
        self,
        name: str,
        part: Chart | Table,
        dimensions: Sequence[str],
        measures: Sequence[Measure],
    ) -> dict[str, Any]:
        """What the script is told of a chart or table of sums."""
        return {
            "id": name,
            "query": part.data,
            "link": _link(part.link),
            "dimensions": list(dimensions),
            "measures": [_measured(it, self._kind(part.data, it)) for it in measures],
        }

    def _series(self, chart: Chart) -> list[str]:
        """The values that have a colour, the one with the most first."""
        if chart.series is None:
            return []
        found = self.found[chart.data]
        sums = grouped(found.rows, [chart.series], [chart.y], {chart.y.key: "number"})
        names = [str(it[chart.series]) for it in in_order(sums, chart.series, chart.y.key)]
        # One that would be alone among the others is shown itself.
        return names if len(names) <= MOST_SERIES + 1 else [*names[:MOST_SERIES], OTHER]

    def _table(self, table: Table) -> dict[str, Any]:
        found, name = self.found[table.data], self._id(table.title)
        dimensions = table.group or table.columns or tuple(found.kinds)
        sums, left = table.sums, self._rows(table.data)
        if table.group is not None:
            sums = sums or tuple(
                Measure(it)
                for it, kind in found.kinds.items()
                if it not in dimensions and kind in NUMBERS
            )
            sort = "self" if is_time(found.kinds[dimensions[0]]) else sums[0].key
            block = self._summing(name, table, dimensions, sums) | {"sort": sort}
            rows = self._summed(left, table, dimensions, sums, sort)
        else:
            block = {"id": name, "query": table.data, "link": _link(table.link)}
            rows = [_linked(row, table.link) for row in left]
        self.blocks.append(block | {"type": "table", "total": found.count})
        known = {it for it in found.kinds if any(row[it] is not None for row in found.rows)}
        made_of = {it.key: it.columns for it in sums}
        fields = [
            it
            for it in self._fields(found, dimensions, sums, table.link)
            if not found.rows or known.issuperset(made_of.get(it.key, (it.key,)))
        ]
        made = DataTable(
            name,
            table.title if found.is_whole else f"{table.title} {_beyond(found)}",
            fields,
            # The others are made by the script, of the rows of the query.
            rows[: table.size],
            len(rows) if found.is_whole else found.count,
            table.size,
            is_searchable=table.search,
            is_saved=True,
            empty=table.empty,
            is_live=bool(found.rows),
        )
        return {"kind": "table", "table": made}

    def _fields(
        self,
        found: QueryRows,
        dimensions: Sequence[str],
        measures: Sequence[Measure],
        link: Link | None,
    ) -> list[Field]:
        clicked = next((it for it in link.columns if it in dimensions), None) if link else None
        columns = [
            Field(
                it, self.file.front.label_of(it), found.kinds[it], LINK if it == clicked else None
            )
            for it in dimensions
        ]
        kinds = {it.key: self._kind(found.query.name, it) for it in measures}
        return [*columns, *(Field(it.key, self._label(it), kinds[it.key]) for it in measures)]

    def _label(self, measure: Measure) -> str:
        front = self.file.front
        label = front.label_of(measure.column)
        if measure.per:
            label = f"{label} by {front.label_of(measure.per).lower()}"
        return front.label_of(
            measure.key, f"Share of {label.lower()}" if measure.is_share else label
        )

    def _summed(
        self,
        left: Sequence[Row],
        part: Chart | Table,
        dimensions: Sequence[str],
        measures: Sequence[Measure],
        by: str | None,
    ) -> list[Row]:
        kinds = {it.key: self._kind(part.data, it) for it in measures}
        rows = grouped(left, dimensions, measures, kinds)
        if by is not None:
            rows = in_order(rows, dimensions[0], None if by == "self" else by)
        return [_linked(row, part.link) for row in rows]

    def _id(self, title: str) -> str:
        plain = "-".join("".join(c if c.isalnum() else " " for c in title.lower()).split())
        name, number = plain, 1
        while name in self.ids:
            number += 1
            name = f"{plain}-{number}"
        self.ids.add(name)
        return name


def _coloured(rows: Sequence[Row], series: str | None, domain: Sequence[str]) -> Sequence[Row]:
    """Rows in which the values without a colour are one."""
    if series is None:
        return rows
    return [it if str(it[series]) in domain else {**it, series: OTHER} for it in rows]


def _beyond(found: QueryRows) -> str:
    """What is said where a page does not have all rows."""
    return (
        f"This page has the first {len(found.rows):,} of {found.count:,} rows: what is chosen or "
        "searched is looked for among these."
    )


def compared(last: Row, before: Row, when: str, key: str) -> str:
    """How a value compares with the one before; `authored.js` says the same."""
    value, was = last[key], before[key]
    if not isinstance(value, int | float) or not isinstance(was, int | float) or was <= 0:
        return f"in {last[when]}"
    return f"in {last[when]}, {value / was - 1:+.1%} on {before[when]}"


def _sort(chart: Chart, kind: Kind) -> str | None:
    """By what the rows of a chart are ordered: a measure, `self` for the column, or not at all."""
    if chart.sort == "none":
        return None
    if chart.sort == "value":
        return chart.y.key
    is_measured = chart.mark in ("bar", "scatter") and not (
        is_time(kind) or kind in ("instant", "count", "number")
    )
    return chart.y.key if is_measured else "self"


def _measured(measure: Measure, kind: Kind) -> dict[str, Any]:
    return {
        "key": measure.key,
        "column": measure.column,
        "per": measure.per,
        "isShare": measure.is_share,
        "kind": kind,
    }


def _link(link: Link | None) -> dict[str, Any] | None:
    if link is None:
        return None
    return {"page": link.page, "columns": list(link.columns), "shared": list(link.shared)}


def _linked(row: Row, link: Link | None) -> Row:
    """A row with where it leads; one without a value for a filter leads nowhere."""
    if link is None:
        return row
    values = {it: row.get(it) for it in link.columns}
    known = {name: str(it) for name, it in values.items() if it is not None}
    return {**row, LINK: f"{link.page}.html#{urlencode(known)}" if known else None}


def _columnar(found: QueryRows) -> dict[str, Any]:
    """Rows as columns; a column of text has each of its values once."""
    columns: dict[str, object] = {}
    for name in found.kinds:
        values = [row[name] for row in found.rows]
        texts = list(dict.fromkeys(it for it in values if isinstance(it, str)))
        places = {it: place for place, it in enumerate(texts)}
        columns[name] = (
            {
                "values": texts,
                "at": [places.get(it, -1) if isinstance(it, str) else -1 for it in values],
            }
            if texts
            else values
        )
    return {"columns": columns, "count": len(found.rows), "kinds": dict(found.kinds)}
