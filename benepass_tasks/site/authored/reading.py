"""Reading a page: its blocks against its queries, its queries against what is published."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from benepass_tasks.catalog import Catalog
from benepass_tasks.catalog.wording import listed, meant, nearest
from benepass_tasks.config.errors import ProjectError
from benepass_tasks.site.authored.blocks import (
    Block,
    Chart,
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
    read_text,
    values_in,
)
from benepass_tasks.site.page import Kind
from benepass_tasks.sqlmodels.queries import Query, QueryReader

SCHEMA = "pages"
"""What stands where a table has its layer, in the names of queries."""

SETTINGS = ("as_of", "min_group_size")
"""What prose may name beside values of queries."""

_NUMBER = re.compile(r"(U?(TINY|SMALL|BIG|HUGE)?INT(EGER)?|DECIMAL.*|DOUBLE|FLOAT)")
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

    def kind_of(self, column: str, type_: str) -> Kind:
        """How the values of a column are written: as declared, or after its name and type."""
        named = self.front.columns.get(column)
        return (named.kind if named else None) or usual_kind(column, type_)

    def label_of(self, column: str) -> str:
        """What a column is called: as declared, or its name in words."""
        named = self.front.columns.get(column)
        plain = column.replace("_", " ").strip()
        return (named.label if named else None) or plain[:1].upper() + plain[1:]


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


def read_page(path: Path, text: str, catalog: Catalog, reader: QueryReader) -> PageFile:
    """Read a page; what is wrong with a part of it stands in its place.

    Args:
        path: Its file, below the project's folder.
        text: What is in it.
        catalog: What is declared of the columns that it reads.
        reader: Reads its queries.

    Raises:
        ProjectError: it has no title.
    """
    written = read_text(path, text)
    front = read_front(path, written.front)
    return _Reading(written, front, catalog, reader).page()


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
        return PageFile(self.written.path, self.front, sections, self.queries)

    def _at(self, line: int, message: str) -> Broken:
        return Broken(f"{self.written.path}:{line}: {message}")

    def _query(self, fence: Fence) -> PageQuery | Broken:
        name, options = self._head(fence)
        try:
            if isinstance(options, Broken):
                self.broken.add(name)
                return options
            relation = f"{SCHEMA}.{self.written.name}.{name}"
            read = self.reader.read(relation, self.written.path, fence.line, fence.text)
            refuse_personal(self.catalog, read)
        except ProjectError as error:
            self.broken.add(name)
            return Broken(str(error))
        found = PageQuery(name, fence.line, read, options.get("fold"), options.get("by"))
        for column in options.values():
            if column not in read.types:
                self.broken.add(name)
                return self._at(fence.line - 1, self._no_column(found, column))
        self.queries[name] = found
        return found

    def _head(self, fence: Fence) -> tuple[str, dict[str, str] | Broken]:
        """The name of a query, and what else stands behind its fence."""
        line = fence.line - 1
        name, *words = fence.words or ("",)
        options = dict(word.split("=", 1) for word in words if "=" in word)
        if not _NAME.fullmatch(name):
            return name, self._at(line, "a query has a name behind its fence: ```sql spend")
        if name in self.queries or name in self.broken:
            return name, self._at(line, f"two queries are called {name}")
        if len(options) < len(words) or options.keys() not in (set(), {"fold", "by"}):
            return name, self._at(
                line, f"behind {name} may stand fold=COLUMN by=COLUMN, and nothing else"
            )
        return name, options

    def _part(self, part: Prose | Fence, made: Mapping[int, PageQuery | Broken]) -> Part:
        if isinstance(part, Prose):
            for value, line in part.values:
                problem = self._wrong_value(value)
                if problem is not None:
                    return self._at(line, problem) if problem else Broken("", is_cause=False)
            return part
        if part.kind == "sql":
            return made[part.line]
        try:
            block = read_block(self.written.path, part)
        except ProjectError as error:
            return Broken(str(error))
        problems = list(self._wrong(block))
        if "" in problems:
            return Broken("", is_cause=False)
        return self._at(part.line - 1, "; ".join(problems)) if problems else block

    def _wrong_value(self, value: str) -> str | None:
        query, _, column = value.partition(".")
        if not column:
            known = listed([*SETTINGS, "query.column"])
            return None if query in SETTINGS else f"{{{value}}} is no value (there are {known})"
        return next(self._wrong_columns(query, (column,)), None)

    def _wrong(self, block: Block) -> Iterator[str]:
        """What does not fit the queries; an empty text where that is told of a query already."""
        if isinstance(block, Chart):
            yield from self._wrong_chart(block)
        elif isinstance(block, Table):
            yield from self._wrong_table(block)
        elif isinstance(block, Figures):
            for label, tile in block.tiles.items():
                measures = self._wrong_measures(tile.query, [tile.value])
                columns = self._wrong_columns(tile.query, [tile.last] if tile.last else [])
                notes = (self._wrong_value(it) for it in values_in(tile.note or ""))
                for problem in (*measures, *columns, *filter(None, notes)):
                    yield problem and f"{label}: {problem}"
        elif isinstance(block, Note):
            yield from self._wrong_columns(block.query, block.when.columns)
            yield from filter(None, map(self._wrong_value, values_in(block.text)))
        elif isinstance(block, Filters):
            known = {name for it in self.queries.values() for name in it.query.types}
            for name in block.labels.keys() - known if not self.broken else ():
                yield f"no query of the page has a column {name}{meant(nearest(name, known))}"

    def _wrong_chart(self, chart: Chart) -> Iterator[str]:
        yield from self._wrong_columns(chart.data, [*chart.dimensions, *_columns_of(chart.link)])
        yield from self._wrong_measures(chart.data, chart.measures)

    def _wrong_table(self, table: Table) -> Iterator[str]:
        columns = [*(table.columns or ()), *(table.group or ()), *_columns_of(table.link)]
        yield from self._wrong_columns(table.data, columns)
        yield from self._wrong_measures(table.data, table.sums)
        if table.sums and not table.group:
            yield "sums are of groups: name the columns in group"
        if table.group and table.columns:
            yield "a table has columns, or group and sums"

    def _wrong_columns(self, query: str, columns: Sequence[str]) -> Iterator[str]:
        found = self.queries.get(query)
        if query in self.broken:
            yield ""
        elif found is None:
            near = meant(nearest(query, self.queries))
            yield f"no query of the page is called {query}{near}"
        else:
            missing = [it for it in columns if it not in found.query.types]
            yield from (self._no_column(found, it) for it in missing)

    def _wrong_measures(self, query: str, measures: Sequence[Measure]) -> Iterator[str]:
        columns = [column for it in measures for column in it.columns]
        problems = list(self._wrong_columns(query, columns))
        yield from problems
        types = self.queries[query].query.types if not problems else {}
        for column, type_ in types.items():
            if column in columns and not is_number(type_):
                yield f"{column} of {query} is {type_}, and cannot be added up"

    @staticmethod
    def _no_column(query: PageQuery, column: str) -> str:
        types = query.query.types
        near = meant(nearest(column, types)) or f" (there are {', '.join(types)})"
        return f"{query.name} has no column {column}{near}"


def _columns_of(link: Link | None) -> tuple[str, ...]:
    return link.columns if link else ()


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
