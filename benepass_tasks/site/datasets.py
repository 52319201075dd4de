"""The datasets as the pages show them: what is declared, who reads whom, and what was measured."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import get_args

from benepass_tasks.catalog import Column, DataTest, Layer, Source, Table
from benepass_tasks.engine.measure import ColumnProfile
from benepass_tasks.quality.data_tests.results import Result, read_latest
from benepass_tasks.site.sources import Sources
from benepass_tasks.sqlmodels import Model
from benepass_tasks.state.history.read import newest_profiles
from benepass_tasks.state.markers import Load, Snapshot, snapshot_of
from benepass_tasks.state.publication import PublishedTable, publication_of_site

FILES = "sources"
"""What stands where a table has its layer: sources come before all of them."""

LAYERS: Mapping[str, str] = {
    FILES: "The files that come in.",
    "raw": "Their records as they are written, all as text, and what could not be parsed.",
    "base": "The same records, each value in the one form that the SQL reads.",
    "staging": "Trimmed and typed, one record for one record; personal data is masked here.",
    "intermediate": "Joined, and one record chosen for each id.",
    "quality": "What is wrong with which record, and the records that are kept out.",
    "marts": "What analysts query: facts, dimensions and sums.",
}
"""The layers from the files to the marts, and what each is for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Dataset:
    """A source or a table, and all that is known of it.

    Attributes:
        name: Its name in the catalog.
        declared: What the catalog says.
        reads: The datasets it is made from.
        readers: The tables that are made from it.
        pages: The pages that show it, as path and title.
        model: Its SQL; None where files are loaded.
        published: What of it is published; None where nothing is.
        files: Where that is, below the published folder.
        rows: How many rows it has, of a source its records; None where that is not counted.
        built_at: When it was built or loaded last; None where it never was.
        loads: Of a source, the loads of its files by name.
        results: What its tests found last, by column, test and arguments.
        profiles: What its columns hold.
    """

    name: str
    declared: Source | Table
    reads: tuple[str, ...]
    readers: tuple[str, ...]
    pages: tuple[tuple[str, str], ...]
    model: Model | None
    published: PublishedTable | None
    files: tuple[str, ...]
    rows: int | None
    built_at: datetime | None
    loads: tuple[Load, ...]
    results: Mapping[tuple[str | None, str, str], Result]
    profiles: Mapping[str, ColumnProfile]

    @property
    def layer(self) -> str:
        """The layer; sources have one of their own."""
        return self.declared.layer if isinstance(self.declared, Table) else FILES

    @property
    def columns(self) -> list[Column]:
        """The columns, in the order of the catalog."""
        return list(self.declared.columns.values())

    @property
    def tests(self) -> list[tuple[str | None, DataTest]]:
        """The tests, each with its column."""
        return list(self.declared.promises) if isinstance(self.declared, Table) else []

    def result_of(self, column: str | None, test: DataTest) -> Result | None:
        """What a test found last; None where it was never run."""
        return self.results.get((column, test.kind, test.arguments))

    def shows(self, column: str) -> bool:
        """Whether a column is published for whom the pages are, as the warehouse has it or not."""
        return self.published is not None and column in self.published.comments

    def is_public(self, column: str) -> bool:
        """Whether all values of a column are published."""
        if self.published is None:
            return False
        suppression = self.published.table.suppression
        withheld = suppression.withheld if suppression else ()
        return self.shows(column) and column not in withheld


def datasets_of(sources: Sources) -> list[Dataset]:
    """All datasets, layer by layer in the order of the catalog."""
    catalog, lineage = sources.definitions.catalog, sources.definitions.lineage
    state = snapshot_of(sources.connection)
    publication = publication_of_site(sources.settings, catalog)
    published = publication.tables
    profiles = newest_profiles(sources.connection)
    results: dict[str, dict[tuple[str | None, str, str], Result]] = {}
    for result in read_latest(sources.connection):
        key = (result.column_name, result.test, result.arguments)
        results.setdefault(result.relation, {})[key] = result
    models = lineage.models
    readers: dict[str, list[str]] = {}
    for relation in catalog.tables:
        for name in models[relation].references:
            readers.setdefault(name, []).append(relation)
    declared: dict[str, Source | Table] = {**catalog.sources, **catalog.tables}
    found = [
        Dataset(
            name=name,
            declared=one,
            reads=models[name].references if name in models else (),
            readers=tuple(readers.get(name, ())),
            pages=tuple((it.file, it.front.title) for it in sources.pages if name in it.references),
            model=sources.definitions.graph.models.get(name),
            published=published.get(name),
            files=publication.paths_of(name) if name in published else (),
            rows=_rows(one, state),
            built_at=_built_at(one, state),
            loads=_loads(one, state),
            results=results.get(name, {}),
            profiles=profiles.get(name, {}),
        )
        for name, one in declared.items()
    ]
    order = (FILES, *get_args(Layer))
    return sorted(found, key=lambda it: order.index(it.layer))


def _loads(declared: Source | Table, state: Snapshot) -> tuple[Load, ...]:
    if isinstance(declared, Table):
        return ()
    return tuple(load for _, load in sorted(state.loads_of(declared.name).items()))


def _rows(declared: Source | Table, state: Snapshot) -> int | None:
    if isinstance(declared, Source):
        loads = _loads(declared, state)
        return sum(load.records for load in loads) if loads else None
    if declared.layer == "raw" and declared.source is None:
        # No record vouches for what could not be parsed: the loads count it.
        return sum(load.rejected for load in state.loads.values()) if state.loads else None
    record = state.materializations.get(declared.relation)
    return record.row_count if record else None


def _built_at(declared: Source | Table, state: Snapshot) -> datetime | None:
    if isinstance(declared, Source):
        return max((load.loaded_at for load in _loads(declared, state)), default=None)
    record = state.materializations.get(declared.relation)
    return record.built_at if record else None
