"""Reading a page: its blocks against its queries, its queries against what is published."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from benepass_tasks.catalog import Catalog
from benepass_tasks.catalog.wording import listed, meant, nearest
from benepass_tasks.config.errors import ProjectError
from benepass_tasks.site.authored.blocks import (
    MEASURE,
    Block,
    Chart,
    Figure,
    Figures,
    Filters,
    Front,
    Link,
    Measure,
    Note,
    Table,
    read_block,
    read_front,
)
from benepass_tasks.site.authored.markdown import (
    Fence,
    PageText,
    Prose,
    line_of,
    read_text,
    values_in,
)
from benepass_tasks.site.page import NUMBERS, Kind
from benepass_tasks.sqlmodels.queries import Query, QueryReader

SCHEMA = "pages"
"""What stands where a table has its layer, in the names of queries."""

SETTINGS = ("as_of", "min_group_size")
"""What prose may name beside values of queries."""

_NUMBER = re.compile(r"(U?(TINY|SMALL|BIG|HUGE)?INT(EGER)?|DECIMAL.*|DOUBLE|FLOAT)")
_SHOWN = re.compile(rf"({_NUMBER.pattern}|VARCHAR|ENUM.*|BOOLEAN|DATE|TIMESTAMP.*|\"NULL\")(\[\])?")
"""The types whose values a page can show."""

_NAME = re.compile(r"[a-z]\w*")


@dataclass(frozen=True, slots=True)
class PageQuery:
    """A query of a page.

    Attributes:
        name: Its name.
        line: The line of the file on which its text begins.
        query: What it reads, and its columns.
        fold: The column of which the values with the least become one, where there are too many
            rows.
        by: The column that says which values have the least.
    """

    name: str
    line: int
    query: Query
    fold: str | None = None
    by: str | None = None


@dataclass(frozen=True, slots=True)
class Broken:
    """What stands where something is wrong.

    Attributes:
        message: What is wrong, with file and line.
        is_cause: Whether it is not only that something else is.
    """

    message: str
    is_cause: bool = True


Part = Prose | Block | PageQuery | Broken


@dataclass(frozen=True, slots=True)
class PageSection:
    """What stands below a heading."""

    heading: str
    anchor: str
    parts: Sequence[Part]


@dataclass(frozen=True, slots=True)
class PageFile:
    """A page that has been read.

    Attributes:
        path: Its file, below the project's folder.
        front: Its front matter.
        sections: Its sections.
        queries: Its queries by name.
    """

    path: Path
    front: Front
    sections: Sequence[PageSection]
    queries: Mapping[str, PageQuery]

    @property
    def name(self) -> str:
        """What it is called in addresses."""
        return self.path.stem

    @property
    def file(self) -> str:
        """What it becomes, below the site's folder."""
        return f"{self.name}.html"

    @property
    def parts(self) -> Iterator[Part]:
        """What stands in all sections."""
        return (part for section in self.sections for part in section.parts)

    @property
    def filters(self) -> Mapping[str, str]:
        """The labels of its filters, by column."""
        found = (it.labels for it in self.parts if isinstance(it, Filters))
        return {name: label for labels in found for name, label in labels.items()}

    @property
    def references(self) -> frozenset[str]:
        """The tables that it reads."""
        queries = self.queries.values()
        return frozenset(name for it in queries for name in it.query.model.references)

    @property
    def problems(self) -> list[str]:
        """All that is wrong with it, each with file and line."""
        broken = (it for it in self.parts if isinstance(it, Broken) and it.is_cause)
        return [line for it in broken for line in it.message.splitlines()]


def usual_kind(column: str, type_: str) -> Kind:
    """How the values of a column are written, if nothing is declared."""
    if type_.startswith("TIMESTAMP"):
        return "instant"
    if type_ == "DATE":
        return "month" if column.rsplit("_", maxsplit=1)[-1] == "month" else "date"
    if not is_number(type_):
        return "text"
    if column.rsplit("_", maxsplit=1)[-1] in ("rate", "share"):
        return "rate"
    if type_.startswith("DECIMAL") and type_.endswith(",2)"):
        return "money"
    return "number" if type_.startswith(("DECIMAL", "DOUBLE", "FLOAT")) else "count"


def is_number(type_: str) -> bool:
    """Whether values of a DuckDB type can be added up."""
    return _NUMBER.fullmatch(type_) is not None


def can_be(type_: str, kind: Kind) -> bool:
    """Whether values of a DuckDB type can be written so."""
    if kind in NUMBERS:
        return is_number(type_)
    is_time = type_ == "DATE" or type_.startswith("TIMESTAMP")
    return is_time if kind in ("date", "month", "instant") else True


def read_page(path: Path, text: str, catalog: Catalog, reader: QueryReader) -> PageFile:
    """Read a page; what is wrong with a part of it stands in its place.

    Args:
        path: Its file, below the project's folder.
        text: What is in it.
        catalog: What is declared of the columns that it reads.
        reader: Reads its queries.
    """
    try:
        written = read_text(path, text)
        front = read_front(path, written.front)
    except ProjectError as error:
        # It has a place in the navigation all the same, where others lead to it.
        section = PageSection("", "", [Broken(str(error))])
        return PageFile(path, Front(path.stem), [section], {})
    return _Reading(written, front, catalog, reader).page()


class _ToldAlreadyError(Exception):
    """What is wrong is told of a query."""


@dataclass(slots=True)
class _Reading:
    written: PageText
    front: Front
    catalog: Catalog
    reader: QueryReader
    queries: dict[str, PageQuery] = field(default_factory=dict)
    broken: set[str] = field(default_factory=set)

    def page(self) -> PageFile:
        # Queries first: a block may stand above the one that it shows.
        fences = [p for it in self.written.sections for p in it.parts if isinstance(p, Fence)]
        made = {it.line: self._query(it) for it in fences if it.kind == "sql"}
        sections = [
            PageSection(it.heading, it.anchor, [self._part(part, made) for part in it.parts])
            for it in self.written.sections
        ]
        problems = [] if self.broken else list(self._wrong_front())
        if problems:
            sections.insert(0, PageSection("", "", [Broken("\n".join(problems))]))
        return PageFile(self.written.path, self.front, sections, self.queries)

    def _at(self, line: int, message: str) -> str:
        return f"{self.written.path}:{line}: {message}"

    def _query(self, fence: Fence) -> PageQuery | Broken:
        name = fence.words[0] if fence.words else ""
        try:
            found = self._read_query(name, fence)
        except ProjectError as error:
            self.broken.add(name)
            return Broken(str(error))
        self.queries[name] = found
        return found

    def _read_query(self, name: str, fence: Fence) -> PageQuery:
        line = fence.line - 1
        options = self._options(name, fence)
        relation = f"{SCHEMA}.{self.written.name}.{name}"
        read = self.reader.read(relation, self.written.path, fence.line, fence.text)
        refuse_personal(self.catalog, read)
        for column, type_ in read.types.items():
            if not _SHOWN.fullmatch(type_):
                raise ProjectError(
                    self._at(line, f"column {column} of {name} is {type_}: cast it to varchar")
                )
        found = PageQuery(name, fence.line, read, options.get("fold"), options.get("by"))
        for column in options.values():
            if column not in read.types:
                raise ProjectError(self._at(line, _no_column(found, column)))
        return found

    def _options(self, name: str, fence: Fence) -> dict[str, str]:
        """What else stands behind the fence of a query."""
        words = fence.words[1:]
        options = dict(word.split("=", 1) for word in words if "=" in word)
        problem = None
        if not _NAME.fullmatch(name):
            problem = "a query has a name behind its fence: ```sql spend (a-z, 0-9 and _)"
        elif name in self.queries or name in self.broken:
            problem = f"two queries are called {name}"
        elif len(options) < len(words) or options.keys() not in (set(), {"fold", "by"}):
            problem = f"behind {name} may stand fold=COLUMN by=COLUMN, and nothing else"
        if problem:
            raise ProjectError(self._at(fence.line - 1, problem))
        return options

    def _part(self, part: Prose | Fence, made: Mapping[int, PageQuery | Broken]) -> Part:
        if isinstance(part, Fence) and part.kind == "sql":
            return made[part.line]
        try:
            found, problems = self._checked(part)
        except ProjectError as error:
            return Broken(str(error))
        except _ToldAlreadyError:
            return Broken("", is_cause=False)
        return Broken("\n".join(dict.fromkeys(problems))) if problems else found

    def _checked(self, part: Prose | Fence) -> tuple[Prose | Block, list[str]]:
        """A part with what is wrong with it."""
        if isinstance(part, Prose):
            found = ((line, it) for value, line in part.values for it in self._wrong_value(value))
            return part, [self._at(*it) for it in found]
        block, line = read_block(self.written.path, part), part.line - 1
        return block, [self._at(line, it) for it in self._wrong(block)]

    def _wrong_front(self) -> Iterator[str]:
        """Columns that are named and not there, or written as what they are not."""
        known = {name for it in self.queries.values() for name in it.query.types}
        for name, named in self.front.columns.items():
            line = line_of(self.written.front, name)
            measure = MEASURE.fullmatch(name)
            made_of = filter(None, measure.groups()[1:]) if measure else ()
            if name not in known and not (measure and known.issuperset(made_of)):
                near = meant(nearest(name, known))
                yield self._at(line, f"columns: no query of the page has a column {name}{near}")
            for query in self.queries.values():
                type_ = query.query.types.get(name)
                if type_ and named.kind and not can_be(type_, named.kind):
                    what = f"{name} of {query.name} is {type_}"
                    yield self._at(line, f"columns: {what}, and cannot be written as {named.kind}")

    def _wrong_value(self, value: str) -> Iterator[str]:
        query, _, column = value.partition(".")
        if column:
            yield from self._wrong_columns(query, (column,))
        elif query not in SETTINGS:
            yield f"{{{value}}} is not a value (there are {listed([*SETTINGS, 'query.column'])})"

    def _wrong_values(self, text: str) -> Iterator[str]:
        for value in values_in(text):
            yield from self._wrong_value(value)

    def _wrong(self, block: Block) -> Iterator[str]:
        """What does not fit the queries."""
        if isinstance(block, Chart):
            yield from self._wrong_chart(block)
        elif isinstance(block, Table):
            yield from self._wrong_table(block)
        elif isinstance(block, Figures):
            for label, tile in block.tiles.items():
                yield from (f"{label}: {it}" for it in self._wrong_figure(tile))
        elif isinstance(block, Note):
            yield from self._wrong_measures(block.query, [block.when])
            yield from self._wrong_values(block.text)
        elif isinstance(block, Filters) and not self.broken:
            yield from self._wrong_filters(block)

    def _wrong_chart(self, chart: Chart) -> Iterator[str]:
        yield from self._wrong_columns(chart.data, chart.dimensions)
        yield from self._wrong_measures(chart.data, chart.measures)
        yield from _wrong_link(chart.link, chart.dimensions)

    def _wrong_table(self, table: Table) -> Iterator[str]:
        columns = [*(table.columns or ()), *(table.group or ())]
        yield from self._wrong_columns(table.data, columns)
        yield from self._wrong_measures(table.data, table.sums)
        if table.sums and not table.group:
            yield "sums are of groups: name the columns in group"
        if table.group and table.columns:
            yield "a table has columns, or group and sums"
        query = self.queries.get(table.data)
        if query is None:
            return
        types = query.query.types
        others = [it for it in types if it not in (table.group or ())]
        kinds = {self.front.kind_of(it, usual_kind(it, types[it])) for it in others}
        if table.group and not table.sums and NUMBERS.isdisjoint(kinds):
            yield f"{query.name} has no number to add up by group: name its columns in columns"
        yield from _wrong_link(table.link, table.group or tuple(types))

    def _wrong_figure(self, tile: Figure) -> Iterator[str]:
        yield from self._wrong_measures(tile.query, [tile.value])
        if tile.last:
            yield from self._wrong_columns(tile.query, [tile.last])
            query = self.queries.get(tile.query)
            type_ = query.query.types.get(tile.last, "DATE") if query else "DATE"
            if type_ != "DATE":
                yield f"last: {tile.last} is {type_}; it must be a DATE of months or days"
        yield from self._wrong_values(tile.note or "")

    def _wrong_filters(self, filters: Filters) -> Iterator[str]:
        types = {name: it for q in self.queries.values() for name, it in q.query.types.items()}
        for name in filters.labels:
            if name not in types:
                near = meant(nearest(name, types)) or f" (there are {listed(types)})"
                yield f"no query of the page has a column {name}{near}"
            elif types[name].startswith(("DECIMAL", "DOUBLE", "FLOAT")):
                yield f"{name} is {types[name]}: a filter has texts, whole numbers, months or days"

    def _wrong_columns(self, query: str, columns: Sequence[str]) -> Iterator[str]:
        if query in self.broken:
            raise _ToldAlreadyError
        found = self.queries.get(query)
        if found is None:
            near = meant(nearest(query, self.queries)) or f" (there are {listed(self.queries)})"
            yield f"no query of the page is called {query}{near}"
        else:
            missing = [it for it in columns if it not in found.query.types]
            yield from (_no_column(found, it) for it in missing)

    def _wrong_measures(self, query: str, measures: Sequence[Measure]) -> Iterator[str]:
        columns = [column for it in measures for column in it.columns]
        problems = list(self._wrong_columns(query, columns))
        yield from problems
        types = self.queries[query].query.types if not problems else {}
        for column, type_ in types.items():
            if column in columns and not is_number(type_):
                yield f"{column} of {query} is {type_}, and cannot be added up"


def _wrong_link(link: Link | None, columns: Sequence[str]) -> Iterator[str]:
    for name in link.columns if link else ():
        if name not in columns:
            yield f"link: with: {name} is not in what is clicked, which has {listed(columns)}"


def _no_column(query: PageQuery, column: str) -> str:
    types = query.query.types
    near = meant(nearest(column, types)) or f" (there are {listed(types)})"
    return f"{query.name} has no column {column}{near}"


def refuse_personal(catalog: Catalog, query: Query) -> None:
    """Refuse a query that reads what a page never shows: who somebody is, masked or not.

    Raises:
        ProjectError: it does, be it for a value, for the rows or for their order.
    """
    model = query.lineage
    for name, edges in (*model.columns.items(), ("", model.rows)):
        for edge in sorted(edges):
            table = catalog.tables.get(edge.origin.relation)
            column = table.columns[edge.origin.column] if table else None
            if column is None:
                continue
            pii = column.pii
            if pii.class_ == "identifier" or pii.treatment in ("mask", "hash"):
                what = f"column {name} derives from" if name else "its rows are decided by"
                line = model.lines.get(name) or query.model.sql.count("\n") + 1
                raise ProjectError(
                    f"{model.path}:{line}: {what} {edge.origin}, which says who somebody is "
                    f"({pii.kind}); pages show people by their id"
                )
