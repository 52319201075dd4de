"""What of personal values reaches each column: what arrives in it, and what decides about it.

What only decides passes something on, too: whoever asks enough questions of a name can spell it out
of the answers. Each column and table may say why nobody can be read off what decides about it; from
there on nothing of it goes on.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace

from benepass_tasks.sqlmodels.lineage import ColumnRef, Edge, Lineage
from benepass_tasks.sqlmodels.lineage.edges import Edges, followed_by


@dataclass(slots=True)
class Flows:
    """The flows of a project, followed table by table, each after what it reads.

    Attributes:
        lineage: One step from each column to the next.
        matters: Whether an edge from a source's column to the rows of a table has to be followed.
    """

    lineage: Lineage
    matters: Callable[[Edge], bool]
    _columns: dict[ColumnRef, Edges] = field(default_factory=dict)
    _rows: dict[str, Edges] = field(default_factory=dict)

    def of(self, column: ColumnRef) -> Edges:
        """All source columns that a column derives from, over all paths, each path composed."""
        steps = self.lineage.models[column.relation].columns[column.column]
        return self._followed_up(steps, column)

    def of_rows(self, relation: str) -> Mapping[Edge, int]:
        """The source columns that decide which rows a table has, here or further up.

        Returns:
            Each with the line on which it does; 1 where it does further up.
        """
        model = self.lineage.models[relation]
        found: dict[Edge, int] = {}
        for step in model.rows:
            for edge in filter(self.matters, self._followed_up([step], None)):
                found[edge] = min(model.row_lines.get(step, 1), found.get(edge, 2**31))
        for reference in model.references:
            for edge in self._rows.get(reference, ()):
                # The order of what is read decides only where places matter.
                asks = "anything" if model.is_positional and edge.asks == "place" else edge.asks
                found.setdefault(replace(edge, asks=asks), 1)
        return found

    def hand_on(self, column: ColumnRef, edges: Iterable[Edge]) -> None:
        """Say what of a column goes on to those that are made of it."""
        self._columns[column] = frozenset(edges)

    def hand_on_rows(self, relation: str, edges: Iterable[Edge]) -> None:
        """Say what of the rows of a table goes on to the tables that read it."""
        self._rows[relation] = frozenset(edges)

    def path(self, relation: str, edge: Edge) -> str:
        """One of the ways on which a source's column decides about the rows of a table."""
        model = self.lineage.models[relation]
        for step in sorted(model.rows):
            how = f"{model.path}:{model.row_lines.get(step, 1)}, INDIRECT {step.subtype}"
            for above in self.lineage.origins(step.origin):
                if above.then(step.how) == edge:
                    return f"{self.lineage.path(step.origin, above)} -> {relation} ({how})"
        for reference in model.references:
            for above in sorted(self._rows.get(reference, ())):
                if replace(above, asks=edge.asks) == edge:
                    return f"{self.path(reference, above)} -> {relation}"
        raise KeyError(f"{edge} does not decide about {relation}")

    def _followed_up(self, steps: Iterable[Edge], column: ColumnRef | None) -> Edges:
        found: set[Edge] = set()
        for step in steps:
            if step.origin.relation not in self.lineage.models:
                found.add(step)
            elif step.origin != column:
                found |= followed_by(self._columns[step.origin], step.how)
        return frozenset(found)
