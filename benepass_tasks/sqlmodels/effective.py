"""The effective catalog: what `catalog.yaml` declares, and what follows from the SQL beside it.

A column that only passes on another one's value (IDENTITY, and nothing else) takes over that one's
description, domain and class, unless it declares its own. Whatever else is done to a value makes a
new column, which declares itself. Types, and the columns of the layers that no analyst relies on,
are those that DuckDB finds when it binds the SQL.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields
from functools import cached_property
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, get_args

import duckdb

from benepass_tasks.catalog import (
    CONTRACTED,
    Catalog,
    Column,
    Declarations,
    Domain,
    Pii,
    Source,
    Table,
    load_catalog,
    records,
    wording,
)
from benepass_tasks.catalog.datasets import DeclaredColumn, DeclaredSource, DeclaredTable
from benepass_tasks.catalog.document import Problem
from benepass_tasks.catalog.header_names import ADDED
from benepass_tasks.catalog.implied import PROVENANCE, ingested_column
from benepass_tasks.catalog.rules import check_catalog
from benepass_tasks.config.digests import digest
from benepass_tasks.config.project import Project
from benepass_tasks.sqlmodels.base_views import base_queries
from benepass_tasks.sqlmodels.cache import Cache, files_key
from benepass_tasks.sqlmodels.graph import ModelGraph, read_graph
from benepass_tasks.sqlmodels.privacy.masks import approved_masks
from benepass_tasks.sqlmodels.syntax import Reader, reading

if TYPE_CHECKING:
    from benepass_tasks.sqlmodels.lineage import Lineage, ModelLineage
    from benepass_tasks.sqlmodels.lineage.edges import Edges
    from benepass_tasks.sqlmodels.privacy.verdicts import Proof

IMPLIED = "implied by the load"
"""Where the parts of a column come from that ingestion adds."""

_MISSING = {
    "description": "is required where the SQL does more than pass on a value that has one",
    "type": "is required: a DuckDB type such as VARCHAR or DECIMAL(18,2)",
}


@dataclass(frozen=True, slots=True)
class Derived:
    """What the SQL says of a column.

    Attributes:
        type: Its DuckDB type.
        passed_on: The columns, as relation and name, whose values it passes on; empty where
            anything else is done to any of them.
        is_read: Whether a column or the rows of another model derive from it.
    """

    type: str
    passed_on: tuple[tuple[str, str], ...] = ()
    is_read: bool = False


DerivedColumns = Mapping[str, Mapping[str, Derived]]
"""By relation and name."""


@dataclass(frozen=True)
class Definitions:
    """What is to be built.

    Attributes:
        project: Where the files are.
        catalog: The effective catalog.
        graph: The models, in an order in which each comes after what it reads.
        cache: What was found out of them before.
        traced: The lineage, where it was needed to complete the catalog.
    """

    project: Project
    catalog: Catalog
    graph: ModelGraph
    cache: Cache
    traced: "Lineage | None" = None

    @cached_property
    def lineage(self) -> "Lineage":
        """What every column derives from; the masks are those that the catalog's policy approves.

        Raises:
            ModelError: a column's origin cannot be told from its SQL.
        """
        from benepass_tasks.sqlmodels.lineage import trace  # noqa: PLC0415 - as above

        masks = approved_masks(self.catalog, self.graph)
        known = _followed(self.cache)
        return self.traced or trace(self.graph, self.catalog, masks, known=known)

    @cached_property
    def proof(self) -> "Proof":
        """What every column carries, held against what the catalog declares.

        Raises:
            ModelError: a column's origin cannot be told from its SQL.
        """
        from benepass_tasks.sqlmodels.privacy import prove  # noqa: PLC0415 - as above

        return prove(self.catalog, self.graph, self.lineage)

    @cached_property
    def proof_key(self) -> str:
        """Digest of all that the proof follows from."""
        from benepass_tasks.sqlmodels.privacy import proof_key  # noqa: PLC0415 - as above

        return proof_key(self.catalog, self.graph)


def read_definitions(project: Project, cache: Cache) -> Definitions:
    """Read the catalog and the SQL of a project.

    Args:
        project: Where they are.
        cache: What was read from the SQL before, so that unchanged files are not parsed again.

    Raises:
        CatalogError: the catalog is wrong, leaves out what does not follow from the SQL, or
            declares of a source what its models do not read.
        ModelError: the SQL is wrong, or does not fit the catalog.
    """
    declared = load_catalog(project.catalog)
    with reading() as reader:
        graph = read_graph(project, declared, cache, reader)
        key = digest(files_key(project, base_queries(declared)), *_facts(declared))
        derived, traced = cache.recall("columns", key, _restored), None
        if derived is None:
            derived, traced, of_models = derive(declared, graph, reader, cache)
            cache.keep(key, columns=_plain(derived), **of_models)
    catalog = complete(declared, derived)
    if declared.entries is not None:
        declared.entries.refuse(records.check_read(declared, _read_columns(derived)))
    return Definitions(project, catalog, graph, cache, traced)


def _read_columns(derived: DerivedColumns) -> frozenset[tuple[str, str]]:
    """The columns of models that other models read."""
    return frozenset(
        (relation, name)
        for relation, columns in derived.items()
        for name, it in columns.items()
        if it.is_read
    )


def _facts(declared: Declarations) -> Iterator[str]:
    """What of the declarations decides what is derived."""
    yield duckdb.__version__
    yield from (repr(mask) for mask in declared.masks.values())
    for source in declared.sources.values():
        yield f"{source.name} {' '.join(source.columns)}"
    for table in declared.tables.values():
        columns = [f"{it.name} {it.type}" for it in table.columns.values()]
        yield f"{table.relation} {table.source} {columns}"


def derive(
    declared: Declarations, graph: ModelGraph, reader: Reader, cache: Cache
) -> tuple[DerivedColumns, "Lineage", Mapping[str, object]]:
    """Find out what the SQL says of each column.

    Args:
        declared: The columns of the files, and the types of the raw tables.
        graph: The SQL.
        reader: Reads it.
        cache: What was found out of each model before.

    Returns:
        That, the lineage that it was told from, and what to keep of each model.

    Raises:
        ModelError: a column's origin cannot be told from its SQL, or DuckDB refuses the SQL.
    """
    from benepass_tasks.sqlmodels.binding import bind  # noqa: PLC0415 - only where SQL has changed
    from benepass_tasks.sqlmodels.lineage import kept, trace  # noqa: PLC0415 - as above

    bound = bind(declared, graph, cache.last("types", dict) or {})
    masks = approved_masks(declared, graph)
    lineage = trace(graph, declared, masks, reader, _followed(cache))
    read = {
        (edge.origin.relation, edge.origin.column)
        for relation, model in lineage.models.items()
        if relation in graph.models
        for edges in (*model.columns.values(), model.rows)
        for edge in edges
    }
    derived = {
        relation: {
            name: Derived(bound.types[relation][name], _passed_on(edges), (relation, name) in read)
            for name, edges in model.columns.items()
        }
        for relation, model in lineage.models.items()
        if relation in graph.models
    }
    return derived, lineage, {"types": bound.by_origin, "lineage": kept.plain(lineage)}


def _followed(cache: Cache) -> Mapping[str, "ModelLineage"]:
    """The lineage of each model that was followed before."""
    from benepass_tasks.sqlmodels.lineage import kept  # noqa: PLC0415 - as above

    return cache.last("lineage", kept.restored) or {}


def _passed_on(edges: "Edges") -> tuple[tuple[str, str], ...]:
    if any(not edge.is_identity for edge in edges):
        return ()
    return tuple((it.origin.relation, it.origin.column) for it in sorted(edges))


def complete(declared: Declarations, derived: DerivedColumns) -> Catalog:
    """Add what follows from the SQL to what is declared.

    Args:
        declared: The declarations; whatever they say stands.
        derived: What the SQL says.

    Raises:
        CatalogError: something is neither declared nor follows from anything, or what follows
            breaks a rule of the catalog.
    """
    completion = _Completion(declared, derived)
    catalog = Catalog(
        declared.path,
        MappingProxyType({it.name: completion.source(it) for it in declared.sources.values()}),
        MappingProxyType(
            {
                it.relation: completion.table(it)
                for it in declared.tables.values()
                # A base view that no model reads is not made.
                if it.layer != "base" or it.relation in derived
            }
        ),
        declared.masks,
        declared.purposes,
        audiences=declared.audiences,
        entries=declared.entries,
    )
    entries = declared.entries
    if entries is not None:
        entries.refuse(completion.problems or check_catalog(catalog))
    return catalog


@dataclass(slots=True)
class _Completion:
    declared: Declarations
    derived: DerivedColumns
    problems: list[Problem] = field(default_factory=list)
    _columns: dict[tuple[str, str], Column] = field(default_factory=dict)

    def source(self, source: DeclaredSource) -> Source:
        return Source(**_but_columns(source), columns=self._complete(source.name, source))

    def table(self, table: DeclaredTable) -> Table:
        said = _but_columns(table)
        columns = self._complete(table.relation, table)
        return Table(**said | {"key": table.key or _usual_key(columns)}, columns=columns)

    def _complete(
        self, dataset: str, declared: DeclaredSource | DeclaredTable
    ) -> Mapping[str, Column]:
        columns = {name: self.column(dataset, name) for name in self._names(dataset, declared)}
        without = [it.name for it in columns.values() if it.domain is None]
        is_said_of_source = isinstance(declared, DeclaredTable) and declared.is_implied
        if without and not is_said_of_source:
            message = f"is required for the columns without their own: {wording.listed(without)}"
            choices = ", ".join(get_args(Domain))
            self.problems.append(Problem((dataset, "domain"), f"{message} (one of {choices})"))
        return MappingProxyType(columns)

    def _names(self, dataset: str, declared: DeclaredSource | DeclaredTable) -> Sequence[str]:
        if isinstance(declared, DeclaredTable) and declared.layer in CONTRACTED:
            return list(declared.columns)
        return list(dict.fromkeys([*self.derived.get(dataset, ()), *declared.columns]))

    def column(self, dataset: str, name: str) -> Column:
        if (dataset, name) not in self._columns:
            self._columns[dataset, name] = self._made(dataset, name)
        return self._columns[dataset, name]

    def _made(self, dataset: str, name: str) -> Column:
        declared = self._dataset(dataset)
        said = declared.columns.get(name) or DeclaredColumn(name, None, None, None, None)
        parts = {
            "description": self._inherited(dataset, name, "description"),
            "type": self._type(dataset, name),
            "domain": self._inherited(dataset, name, "domain")
            or (declared.domain, f"that of {dataset}"),
            "pii": self._inherited(dataset, name, "pii") or (Pii("none"), "default"),
        }
        is_implied = isinstance(declared, DeclaredTable) and declared.is_implied
        declares = IMPLIED if is_implied else "declared"
        values: dict[str, Any] = {}
        basis: dict[str, str] = {}
        for part, found in parts.items():
            own = getattr(said, part)
            values[part], basis[part] = (own, declares) if own is not None else found or ("", "")
        # What a column lacks whose value is passed on is told there.
        is_cause = all(self.column(*it).description for it in self._above(dataset, name))
        for part in ("description", "type"):
            if not values[part] and (is_cause or part == "type"):
                self.problems.append(Problem((dataset, "columns", name, part), _MISSING[part]))
        rest = {it.name: getattr(said, it.name) for it in fields(said) if it.name not in parts}
        return Column(**rest, **values, basis=MappingProxyType(basis))

    def _dataset(self, name: str) -> DeclaredSource | DeclaredTable:
        return self.declared.sources.get(name) or self.declared.tables[name]

    def _type(self, dataset: str, name: str) -> tuple[str, str] | None:
        if dataset in self.declared.sources:
            return "VARCHAR", "default"
        if self._is_raw(dataset):
            return ADDED.get(name, "VARCHAR"), IMPLIED
        if self.declared.tables[dataset].layer in CONTRACTED:
            return None
        derived = self.derived.get(dataset, {}).get(name)
        return (derived.type, "derived from the SQL") if derived else None

    def _inherited(self, dataset: str, name: str, part: str) -> tuple[Any, str] | None:
        """A part that all columns whose values are passed on agree on, and where it is declared."""
        if self._is_raw(dataset) and name in ADDED:
            return getattr(ingested_column(name), part), IMPLIED
        above = [self.column(*it) for it in self._above(dataset, name)]
        values = {getattr(column, part) for column in above}
        if len(values) != 1 or not all(values):
            return None
        [value] = values
        basis = above[0].basis[part]
        of = ".".join(self._above(dataset, name)[0])
        return value, basis if basis != "declared" else f"inherited from {of}"

    def _is_raw(self, dataset: str) -> bool:
        table = self.declared.tables.get(dataset)
        return table is not None and table.source is not None

    def _above(self, dataset: str, name: str) -> Sequence[tuple[str, str]]:
        if self._is_raw(dataset):
            source = self.declared.sources[self.declared.tables[dataset].source or ""]
            return [(source.name, name)] if name in source.columns else []
        derived = self.derived.get(dataset, {}).get(name)
        return derived.passed_on if derived else ()


def _but_columns(dataset: DeclaredSource | DeclaredTable) -> dict[str, Any]:
    names = (it.name for it in fields(dataset) if it.name != "columns")
    return {name: getattr(dataset, name) for name in names}


def _usual_key(columns: Mapping[str, Column]) -> tuple[str, ...]:
    """Where a row came from, if the table says so and nothing personal is in it."""
    found = [columns[name] for name in PROVENANCE if name in columns]
    is_usable = all(column.pii.class_ != "identifier" for column in found)
    return PROVENANCE if is_usable and len(found) == len(PROVENANCE) else ()


def _plain(derived: DerivedColumns) -> object:
    """What was derived, as JSON has it."""
    return {
        relation: {name: (it.type, it.passed_on, it.is_read) for name, it in columns.items()}
        for relation, columns in derived.items()
    }


def _restored(kept: Mapping[str, Any]) -> DerivedColumns:
    """What was derived, from JSON."""
    return {
        relation: {
            name: Derived(type_, tuple((above, column) for above, column in passed_on), is_read)
            for name, (type_, passed_on, is_read) in columns.items()
        }
        for relation, columns in kept.items()
    }
