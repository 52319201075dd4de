"""The catalog's datasets as the commands show them."""

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, get_args

from benepass_tasks.catalog import Catalog, Column, Pii, PiiClass, Source, Table, wording
from benepass_tasks.config.errors import ProjectError
from benepass_tasks.sqlmodels import ModelGraph

if TYPE_CHECKING:
    from benepass_tasks.sqlmodels.privacy.processing import Processing

FILES = "files"
"""What stands where a table has its layer: sources come before all of them."""

PERSONAL = tuple(reversed(get_args(PiiClass)[1:]))
"""The classes of what is personal, the closest to a person first."""


@dataclass(frozen=True, slots=True)
class Dataset:
    """A source or a table, whichever it is.

    Attributes:
        name: Its name in the catalog.
        layer: The schema of a table.
        kind: Whether it is a source, a table or a view.
        declared: All that the catalog says.
    """

    name: str
    layer: str
    kind: str
    declared: Source | Table

    @property
    def domains(self) -> list[str]:
        """Its domain; those of its columns where it has none of its own."""
        if self.declared.domain:
            return [self.declared.domain]
        return sorted({column.domain for column in self.columns})

    @property
    def columns(self) -> list[Column]:
        """Its columns, in the catalog's order."""
        return list(self.declared.columns.values())

    @property
    def pii(self) -> dict[str, int]:
        """How many columns there are of each class of personal data, and sensitive ones."""
        counts = {
            class_: sum(column.pii.class_ == class_ for column in self.columns)
            for class_ in PERSONAL
        }
        counts["sensitive"] = sum(column.pii.sensitive for column in self.columns)
        return {class_: count for class_, count in counts.items() if count}


@dataclass(frozen=True, slots=True)
class Neighbours:
    """What a dataset is made of, and who reads it.

    Attributes:
        made_by: Where it comes from: files, or the file of its SQL.
        reads: The datasets that it is made from.
        read_by: The tables that are made from it.
        processing: What it is kept for, for whom, and how long.
    """

    made_by: str
    reads: list[str]
    read_by: list[str]
    processing: "Processing"


def datasets(catalog: Catalog) -> Iterator[Dataset]:
    """Every dataset, in the order of the catalog."""
    for source in catalog.sources.values():
        yield Dataset(source.name, FILES, "source", source)
    for table in catalog.tables.values():
        yield Dataset(table.relation, table.layer, table.materialized, table)


def find(name: str, catalog: Catalog) -> Dataset:
    """The dataset of a name.

    Raises:
        ProjectError: there is none; the message has the name that is most like it.
    """
    known = {dataset.name: dataset for dataset in datasets(catalog)}
    if name in known:
        return known[name]
    near = wording.meant(wording.nearest(name, known))
    raise ProjectError(
        f"{catalog.path.name} declares no dataset {wording.shown(name)}"
        + (near or "; `benepass catalog list` names them all")
    )


def neighbours(dataset: Dataset, catalog: Catalog, graph: ModelGraph) -> Neighbours:
    """What a dataset is made of and who reads it, as the SQL says."""
    from benepass_tasks.sqlmodels.privacy.processing import processing  # noqa: PLC0415 - DuckDB

    reads = {table: _reads(table, catalog, graph) for table in catalog.tables}
    return Neighbours(
        made_by=_made_by(dataset, graph),
        reads=reads.get(dataset.name, []),
        read_by=[table for table, read in reads.items() if dataset.name in read],
        processing=next(it for it in processing(catalog, graph) if it.dataset == dataset.name),
    )


def _reads(relation: str, catalog: Catalog, graph: ModelGraph) -> list[str]:
    if relation in graph.models:
        return list(graph.models[relation].references)
    source = catalog.tables[relation].source
    # The one raw table without a source has what no other could take, whatever its source.
    return [source] if source else list(catalog.sources)


def _made_by(dataset: Dataset, graph: ModelGraph) -> str:
    if isinstance(dataset.declared, Source):
        return dataset.declared.origin
    model = graph.models.get(dataset.name)
    return model.path.as_posix() if model else "ingestion"


def summary_json(dataset: Dataset) -> dict[str, object]:
    """A dataset in a list, for JSON."""
    return {
        "name": dataset.name,
        "layer": dataset.layer,
        "kind": dataset.kind,
        "domains": dataset.domains,
        "column_count": len(dataset.columns),
        "pii": dataset.pii,
        "description": dataset.declared.description,
    }


def dataset_json(dataset: Dataset, neighbours: Neighbours) -> dict[str, object]:
    """All that is known of a dataset, for JSON."""
    grain = dataset.declared.grain if isinstance(dataset.declared, Table) else None
    layout = asdict(dataset.declared.layout) if isinstance(dataset.declared, Source) else None
    return {
        "name": dataset.name,
        "layer": dataset.layer,
        "kind": dataset.kind,
        "domains": dataset.domains,
        "description": dataset.declared.description,
        "grain": grain,
        "layout": layout,
        "purpose": neighbours.processing.purpose,
        "audience": neighbours.processing.audience,
        "retention": dict(neighbours.processing.retention),
        "made_by": neighbours.made_by,
        "reads": neighbours.reads,
        "read_by": neighbours.read_by,
        "columns": [_column_json(column) for column in dataset.columns],
    }


def _column_json(column: Column) -> dict[str, object]:
    return {
        "name": column.name,
        "type": column.type,
        "domain": column.domain,
        "description": column.description,
        "required": column.required,
        "aliases": list(column.aliases),
        "pii": _pii_json(column.pii),
        "comes_from": dict(column.basis),
    }


def _pii_json(pii: Pii) -> dict[str, object]:
    return {
        "class": pii.class_,
        "sensitive": pii.sensitive,
        "kind": pii.kind,
        "treatment": pii.treatment,
        "reason": pii.reason,
    }
