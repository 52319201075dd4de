"""The models around one that is built: what it reads, who reads it, how it is kept up to date."""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, TypeAlias

from benepass_tasks.catalog import Catalog
from benepass_tasks.catalog.implied import PROVENANCE
from benepass_tasks.config.digests import digest
from benepass_tasks.engine.quoting import quote_relation
from benepass_tasks.sqlmodels import Macro, Model, ModelGraph
from benepass_tasks.sqlmodels.cache import Cache
from benepass_tasks.sqlmodels.changes import Basis, ByChanges, InFull, LookUps, Maintenance, Storage
from benepass_tasks.sqlmodels.syntax import Reader

Plain: TypeAlias = dict[str, Any]
"""What is found out about a model, as JSON has it."""


@dataclass(frozen=True)
class Upkeep:
    """The models of a project.

    Attributes:
        catalog: What they are declared to be.
        graph: Their SQL.
        cache: Where what was read of it is kept; None where nothing is.
    """

    catalog: Catalog
    graph: ModelGraph
    cache: Cache | None = None
    _inputs: dict[str, frozenset[str]] = field(default_factory=dict, compare=False)

    @cached_property
    def views(self) -> frozenset[str]:
        """The models that hold no rows themselves."""
        tables = self.catalog.tables
        return frozenset(it for it in self.graph.models if tables[it].materialized == "view")

    def inputs(self, model: Model) -> frozenset[str]:
        """The tables that a model reads, itself or through views."""
        return self._reached(model) - self.views

    def states(
        self, model: Model, tables: Mapping[str, str], code: Mapping[str, str]
    ) -> dict[str, str]:
        """The state of all that a model reads: of a table its rows, of a view its SQL."""
        return {it: code[it] if it in self.views else tables[it] for it in self._reached(model)}

    def settings(self, model: Model) -> frozenset[str]:
        """The settings that a model reads, itself or through views."""
        views = self._reached(model) & self.views
        return model.variables.union(*(self.graph.models[it].variables for it in views))

    def readers(self, relation: str) -> Collection[str]:
        """The tables that read one, themselves or through views."""
        return self._readers.get(relation, ())

    def macros(self, model: Model) -> Iterator[Macro]:
        """The macros that a model and the views it reads need, each after those that it calls."""
        views = (self.graph.models[it] for it in self._reached(model) & self.views)
        found = (macro for it in (*views, model) for macro in self.graph.macros_of(it))
        return iter({macro.name: macro for macro in found}.values())

    def figures(self, model: Model) -> Mapping[str, str]:
        """The values that a model reads of all rows of a table, with their SELECTs."""
        return self._figures[model.relation]

    def needed(self, model: Model) -> Mapping[str, Collection[str]]:
        """The columns that a model reads of each table, where a rule says so."""
        return self._needed[model.relation]

    def handed_on(self, relation: str) -> frozenset[str]:
        """The columns of a table that those read which are kept up to date by its changes."""
        found = set[str]()
        for reader in self.readers(relation):
            # Of a table that no rule covers, nothing is needed.
            if needed := self.needed(self.graph.models[reader]):
                found.update(needed.get(relation, self.catalog.tables[relation].columns))
        return frozenset(found)

    def plan(
        self,
        model: Model,
        touched: Mapping[str, str],
        storage: Storage,
        basis: Basis,
    ) -> ByChanges | InFull:
        """How a table is brought up to date where rows of what it reads were touched."""
        return self._maintenance.plan(model, self._keys(model), touched, storage, basis)

    def looked_up(self, relation: str) -> Collection[str]:
        """The columns by which rows of a table are looked up once rows of others change.

        None of them where a model reads whatever columns the table has: it may have no more than
        the model's author knows of.
        """
        readers = self.readers(relation)
        whole = (self._look_ups[it].starred for it in readers)
        if any(it is None or relation in it for it in whole):
            return ()
        look_ups = (self._look_ups[it].sought for it in (relation, *readers))
        return {name for it in look_ups for name in it.get(quote_relation(relation), ())}

    def _keys(self, model: Model) -> list[tuple[str, ...]]:
        """The keys that tell the rows of a table apart, the declared one first."""
        declared: Sequence[tuple[str, ...]] = (self.catalog.tables[model.relation].key, PROVENANCE)
        return [it for it in declared if it]

    def _reached(self, model: Model) -> frozenset[str]:
        """The tables and views that a model reads, itself or through views."""
        if model.relation not in self._inputs:
            found = set(model.references)
            for it in self.views.intersection(model.references):
                found |= self._reached(self.graph.models[it])
            self._inputs[model.relation] = frozenset(found)
        return self._inputs[model.relation]

    @cached_property
    def _readers(self) -> Mapping[str, list[str]]:
        found: dict[str, list[str]] = {}
        for model in self.graph.models.values():
            if model.relation not in self.views:
                for it in self.inputs(model):
                    found.setdefault(it, []).append(model.relation)
        return found

    @cached_property
    def _figures(self) -> Mapping[str, Mapping[str, str]]:
        return self._of_each_table("figures", self._maintenance.figures)

    @cached_property
    def _needed(self) -> Mapping[str, Mapping[str, Collection[str]]]:
        def of(model: Model) -> Plain:
            return {it: sorted(columns) for it, columns in self._maintenance.needed(model).items()}

        return self._of_each_table("needed", of)

    @cached_property
    def _look_ups(self) -> Mapping[str, LookUps]:
        def of(model: Model) -> Plain:
            found = self._maintenance.look_ups(model, self._keys(model))
            sought = {it: sorted(columns) for it, columns in found.sought.items()}
            return {
                "sought": sought,
                "starred": None if found.starred is None else sorted(found.starred),
            }

        kept = self._of_each_table("look_ups", of)
        return {relation: LookUps(**it) for relation, it in kept.items()}

    def _of_each_table(self, what: str, find: Callable[[Model], Plain]) -> dict[str, Plain]:
        """What is found out about the SQL of each table: anew where it is other SQL than before."""
        known = (self.cache.last(what, _restored) if self.cache else None) or {}
        found = {}
        for relation, key in self._code.items():
            kept_under, kept = known.get(relation, (None, {}))
            is_known = kept_under == key
            found[relation] = key, kept if is_known else find(self.graph.models[relation])
        if self.cache and found != known:
            self.cache.keep("", **{what: found})
        return {relation: value for relation, (_, value) in found.items()}

    @cached_property
    def _code(self) -> Mapping[str, str]:
        """By table that is built, the digest of what its SQL means."""
        models = self.graph.models.items()
        return {relation: self._key(it) for relation, it in models if relation not in self.views}

    def _key(self, model: Model) -> str:
        """Digest of the SQL, and of the columns and keys by which it is told how it is made."""
        tables, models = self.catalog.tables, self.graph.models
        views = [models[it].sql for it in sorted(self._reached(model) & self.views)]
        columns = [f"{it}: {', '.join(tables[it].columns)}" for it in sorted(self.inputs(model))]
        macros = sorted(it.sql for it in self.macros(model))
        keys = map(str, self._keys(model))
        return digest(model.sql, *views, *columns, *macros, *keys)

    @cached_property
    def _maintenance(self) -> Maintenance:
        columns = {name: list(table.columns) for name, table in self.catalog.tables.items()}
        return Maintenance(self.graph, self.views, columns, Reader())


def _restored(kept: Mapping[str, tuple[str, Plain]]) -> dict[str, tuple[str, Plain]]:
    return {relation: (key, dict(value)) for relation, (key, value) in kept.items()}
