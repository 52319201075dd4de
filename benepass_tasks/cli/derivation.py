"""What derives from what, as a graph that can be walked in both directions and shown as a tree."""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from benepass_tasks.catalog import Catalog, wording
from benepass_tasks.config.errors import ProjectError
from benepass_tasks.sqlmodels.lineage import ColumnRef, Edge, Lineage
from benepass_tasks.sqlmodels.lineage.edges import shown


@dataclass(frozen=True, slots=True)
class Link:
    """One dataset or column that derives from another, directly.

    Attributes:
        from_: Where it comes from.
        to: What derives from it.
        how: The kind of the edge; empty between datasets.
        masking: What masks the value, if anything does.
        place: The file and line, or what else makes it so.
    """

    from_: str
    to: str
    how: str = ""
    masking: str | None = None
    place: str = ""

    @property
    def label(self) -> str:
        """How it comes about, in a line."""
        masked = f"masked by {self.masking}" if self.masking else ""
        return "  ".join(part for part in (self.how, masked, self.place) if part)

    def json(self) -> dict[str, object]:
        """The link for JSON."""
        type_, _, subtype = self.how.partition(" ")
        return {
            "from": self.from_,
            "to": self.to,
            "type": type_ or None,
            "subtype": subtype or None,
            "masking": self.masking,
            "place": self.place,
        }


@dataclass(frozen=True, slots=True)
class Branch:
    """A link that was followed, and the links that follow it.

    Attributes:
        link: The link.
        name: Where it leads.
        branches: Where it goes from there.
        is_repeated: Whether what follows stands elsewhere in the tree, and is left out here.
    """

    link: Link
    name: str
    branches: Sequence["Branch"]
    is_repeated: bool


@dataclass(frozen=True, slots=True)
class Derivation:
    """All links of one kind, to be followed in one direction."""

    links: Mapping[str, Sequence[Link]]
    is_downstream: bool

    @classmethod
    def of(cls, links: Iterable[Link], *, is_downstream: bool) -> "Derivation":
        """Arrange links by where they begin in a direction."""
        found: dict[str, list[Link]] = {}
        for link in links:
            found.setdefault(link.from_ if is_downstream else link.to, []).append(link)
        return cls(found, is_downstream)

    def tree(self, name: str, shown: set[str] | None = None) -> list[Branch]:
        """What follows a name; each further name is followed once, where it comes first."""
        shown = {name} if shown is None else shown
        branches = []
        for link in self.links.get(name, ()):
            end = link.to if self.is_downstream else link.from_
            is_repeated = end in shown and end in self.links
            shown.add(end)
            further = [] if is_repeated else self.tree(end, shown)
            branches.append(Branch(link, end, further, is_repeated))
        return branches


@dataclass(frozen=True, slots=True)
class Answer:
    """What a dataset or column derives from, or what derives from it.

    Attributes:
        name: The dataset or column.
        branches: What was found.
        rows_of: The table of a column; None for a dataset, and downstream.
        rows: What decides which rows that table has.
    """

    name: str
    branches: Sequence[Branch]
    rows_of: str | None = None
    rows: Sequence[Branch] = ()


def derive(
    name: str, catalog: Catalog, lineage: Lineage, *, is_downstream: bool, with_rows: bool
) -> Answer:
    """Follow a dataset or column up or down.

    Args:
        name: What the user calls it.
        catalog: Knows what there is.
        lineage: Knows what derives from what.
        is_downstream: Whether to follow it down.
        with_rows: Whether, further down, tables count of which a column only decides the rows.

    Raises:
        ProjectError: there is no such dataset or column.
    """
    dataset, column = find(name, catalog, lineage)
    if column is None:
        links = [*between_datasets(lineage)]
        return Answer(dataset, Derivation.of(links, is_downstream=is_downstream).tree(dataset))
    wanted = str(ColumnRef(dataset, column))
    links = [*between_columns(lineage)]
    if with_rows or not is_downstream:
        links += deciding_rows(lineage)
    derived = Derivation.of(links, is_downstream=is_downstream)
    if is_downstream:
        return Answer(wanted, derived.tree(wanted))
    return Answer(wanted, derived.tree(wanted), dataset, derived.tree(dataset))


def links_of(branches: Iterable[Branch]) -> Iterator[Link]:
    """Every link of a tree, each once."""
    for branch in branches:
        yield branch.link
        yield from links_of(branch.branches)


def between_datasets(lineage: Lineage) -> Iterator[Link]:
    """Which dataset is read to make which, and by what file."""
    for model in lineage.models.values():
        place = model.path.as_posix() if model.lines else "loaded from files"
        for reference in model.references:
            yield Link(reference, model.relation, place=place)


def between_columns(lineage: Lineage) -> Iterator[Link]:
    """Which column's values come from, or are decided by, which column."""
    for model in lineage.models.values():
        for name, edges in model.columns.items():
            line = model.lines.get(name)
            place = f"{model.path.as_posix()}:{line}" if line else "loaded from files"
            for edge in shown(edges):
                yield _link(edge, str(ColumnRef(model.relation, name)), place)


def deciding_rows(lineage: Lineage) -> Iterator[Link]:
    """Which column decides which rows of which table there are."""
    for model in lineage.models.values():
        for edge in shown(model.rows):
            yield _link(edge, model.relation, model.path.as_posix())


def _link(edge: Edge, to: str, place: str) -> Link:
    return Link(str(edge.origin), to, f"{edge.type} {edge.subtype}", edge.masking, place)


def find(name: str, catalog: Catalog, lineage: Lineage) -> tuple[str, str | None]:
    """What a name means: a dataset, or a dataset and a column.

    Raises:
        ProjectError: it means nothing; the message has the name that is most like it.
    """
    columns: dict[str, Collection[str]] = {it: of.columns for it, of in lineage.models.items()}
    columns |= {it.name: it.columns for it in catalog.sources.values()}
    columns |= {it.relation: it.columns for it in catalog.tables.values()}
    wanted = name.lower()
    dataset, _, column = wanted.rpartition(".")
    if wanted in columns:
        return wanted, None
    if dataset not in columns:
        known = [*columns, *(f"{it}.{of}" for it in columns for of in columns[it])]
        near = wording.meant(wording.nearest(wanted, known))
        raise ProjectError(
            f"no dataset or column is called {wording.shown(name)}"
            + (near or "; write marts.fact_transactions or marts.fact_transactions.amount")
        )
    names = {it.lower(): it for it in columns[dataset]}
    if column not in names:
        near = wording.meant(wording.nearest(column, names))
        raise ProjectError(
            f"{dataset} has no column {wording.shown(column)}"
            + (near or f" (columns: {wording.listed(list(names))})")
        )
    return dataset, column
