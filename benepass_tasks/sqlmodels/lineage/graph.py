"""The lineage of a whole project: from each column up to the sources, and down to the marts."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from benepass_tasks.sqlmodels.lineage.edges import (
    NO_EDGES,
    ColumnRef,
    Edge,
    Edges,
    followed_by,
)


@dataclass(frozen=True, slots=True)
class ModelLineage:
    """What the columns and the rows of one table derive from, one step up.

    Attributes:
        relation: The table, `layer.table`.
        path: The SQL file that makes it; for a raw table, the catalog's.
        references: The tables or sources it reads.
        columns: For each column, in the table's order, the columns its values derive from.
        rows: The columns that decide which rows there are, how often, and in which order: joins,
            filters, groups, sorts. Always INDIRECT.
        lines: For each column, the line of the SQL file that its expression begins on; empty for a
            raw table.
        row_lines: For each of `rows`, the line of the SQL file on which it decides.
        is_positional: Whether it matters in which order the rows are that the table is made of.
        origin: The digest of all that this follows from; empty where it is found out each time.
    """

    relation: str
    path: Path
    references: tuple[str, ...]
    columns: Mapping[str, Edges]
    rows: Edges
    lines: Mapping[str, int]
    row_lines: Mapping[Edge, int] = field(default_factory=dict)
    is_positional: bool = False
    origin: str = field(default="", compare=False)


@dataclass(frozen=True, slots=True)
class Step:
    """One step of a path: `column` derives by `edge`, as the file says on the line.

    Attributes:
        column: The column that is arrived at.
        edge: Where the step comes from, and what is done.
        path: The SQL file; None where files are loaded, without any SQL.
        line: The line in it.
    """

    column: ColumnRef
    edge: Edge
    path: Path | None
    line: int | None

    def __str__(self) -> str:
        """The step for a report: `staging.s.email (sql/staging/s.sql:9, TRANSFORMATION, mask)`."""
        if self.path is None:
            return str(self.column)
        what = f"{self.edge.type} " if self.edge.type == "INDIRECT" else ""
        said = [f"{self.path}:{self.line}", f"{what}{self.edge.subtype}", self.edge.masking]
        return f"{self.column} ({', '.join(part for part in said if part)})"


@dataclass(frozen=True, slots=True)
class LineagePath:
    """A way that values take through the project.

    Attributes:
        steps: From the origin on; each begins where the one before arrived.
    """

    steps: tuple[Step, ...]

    @property
    def edge(self) -> Edge:
        """The whole path as one edge from its origin."""
        composed = self.steps[0].edge
        for step in self.steps[1:]:
            composed = composed.then(step.edge.how)
        return composed

    def __str__(self) -> str:
        """The path for a report, every column with file and line, joined by arrows."""
        return " -> ".join([str(self.steps[0].edge.origin), *map(str, self.steps)])


@dataclass(frozen=True, slots=True)
class Lineage:
    """Every table's lineage by relation, each after what it reads; raw tables included."""

    models: Mapping[str, ModelLineage]
    _origins: dict[ColumnRef, Edges] = field(
        default_factory=dict, init=False, repr=False, compare=False
    )
    _row_origins: dict[str, Edges] = field(
        default_factory=dict, init=False, repr=False, compare=False
    )
    _derived: dict[ColumnRef, list[Step]] = field(
        default_factory=dict, init=False, repr=False, compare=False
    )

    def origins(self, ref: ColumnRef) -> Edges:
        """All source columns that a column derives from, over all paths, each path composed.

        Args:
            ref: A column of a table; a source's column has no origin but itself, so none.

        Raises:
            KeyError: no table or source has the column.
        """
        if ref not in self._origins:
            self._origins[ref] = self._followed_up(self._edges(ref), ref)
        return self._origins[ref]

    def row_origins(self, relation: str) -> Edges:
        """All source columns that decide which rows a table has, directly or further up.

        Raises:
            KeyError: there is no such table.
        """
        if relation not in self._row_origins:
            model = self.models[relation]
            found = set(self._followed_up(model.rows, None))
            for reference in model.references:
                if reference in self.models:
                    found |= self.row_origins(reference)
            self._row_origins[relation] = frozenset(found)
        return self._row_origins[relation]

    def upstream(self, ref: ColumnRef) -> Iterator[LineagePath]:
        """Every path on which values or conditions come to a column.

        Args:
            ref: A column of a table.

        Yields:
            One path for each way from a column that derives from nothing further up, mostly a
            source's. Many where conditions are nested: take as many as are wanted.
        """
        for step in self._steps(ref):
            arrived = False
            for path in self.upstream(step.edge.origin):
                arrived = True
                yield LineagePath((*path.steps, step))
            if not arrived:
                yield LineagePath((step,))

    def path(self, ref: ColumnRef, edge: Edge) -> LineagePath:
        """One of the paths that make up an edge of `origins(ref)`.

        Raises:
            KeyError: it is not an edge of the column.
        """
        for step in self._steps(ref):
            if step.edge.origin.relation not in self.models:
                if step.edge == edge:
                    return LineagePath((step,))
                continue
            for above in self.origins(step.edge.origin):
                if above.then(step.edge.how) == edge:
                    return LineagePath((*self.path(step.edge.origin, above).steps, step))
        raise KeyError(f"{edge} is not an edge of {ref}")

    def downstream(self, ref: ColumnRef) -> Iterator[LineagePath]:
        """Every path on which a column's values or its decisions go on.

        Args:
            ref: A column of a table or of a source.

        Yields:
            One path for each way to a column that nothing further derives from. The columns in
            between are steps of it.
        """
        for step in self._steps_from(ref):
            arrived = False
            for path in self.downstream(step.column):
                arrived = True
                yield LineagePath((step, *path.steps))
            if not arrived:
                yield LineagePath((step,))

    def _followed_up(self, edges: Edges, ref: ColumnRef | None) -> Edges:
        found: set[Edge] = set()
        for edge in edges:
            if edge.origin.relation not in self.models:
                found.add(edge)
            elif edge.origin != ref:
                found |= followed_by(self.origins(edge.origin), edge.how)
        return frozenset(found)

    def _edges(self, ref: ColumnRef) -> Edges:
        if ref.relation in self.models:
            return self.models[ref.relation].columns[ref.column]
        if not self._steps_from(ref):
            raise KeyError(ref)
        return NO_EDGES

    def _steps(self, ref: ColumnRef) -> list[Step]:
        return [self._step(ref, edge) for edge in sorted(self._edges(ref))]

    def _step(self, column: ColumnRef, edge: Edge) -> Step:
        model = self.models[column.relation]
        line = model.lines.get(column.column)
        return Step(column, edge, None if line is None else model.path, line)

    def _steps_from(self, ref: ColumnRef) -> list[Step]:
        if not self._derived:
            for model in self.models.values():
                for name, edges in model.columns.items():
                    for edge in sorted(edges):
                        step = self._step(ColumnRef(model.relation, name), edge)
                        self._derived.setdefault(edge.origin, []).append(step)
        return self._derived.get(ref, [])
