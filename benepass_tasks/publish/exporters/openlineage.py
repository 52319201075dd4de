"""The lineage as OpenLineage events of version 2-0-2: one COMPLETE event for each table.

An event says what a run of the table's job read and wrote, with the columns of each dataset, what
every column of the output derives from, and the SQL.
"""

import uuid
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from importlib.metadata import version
from itertools import groupby

from benepass_tasks.catalog import Catalog, Column
from benepass_tasks.sqlmodels import ModelGraph
from benepass_tasks.sqlmodels.lineage import ColumnRef, Edge, Lineage, ModelLineage
from benepass_tasks.sqlmodels.lineage.edges import shown

SPEC = "https://openlineage.io/spec"
RUN_EVENT = f"{SPEC}/2-0-2/OpenLineage.json#/$defs/RunEvent"
FACETS = {
    "columnLineage": "1-2-0/ColumnLineageDatasetFacet.json#/$defs/ColumnLineageDatasetFacet",
    "schema": "1-2-0/SchemaDatasetFacet.json#/$defs/SchemaDatasetFacet",
    "sql": "1-1-0/SQLJobFacet.json#/$defs/SQLJobFacet",
}
JOBS = "benepass-tasks"
"""The namespace of the jobs; a job is named like the table it makes."""
FILES = "file"
"""The namespace of the sources; each is named like its files in the catalog."""


@dataclass(frozen=True, slots=True)
class Happening:
    """What the lineage itself does not say.

    Attributes:
        at: The time of the events, with its zone.
        warehouse: The DuckDB file, which is the namespace of the tables.
    """

    at: datetime
    warehouse: str


def events(
    catalog: Catalog, graph: ModelGraph, lineage: Lineage, happening: Happening
) -> Iterator[dict[str, object]]:
    """An event for each table, each after those of the tables that it reads.

    Args:
        catalog: Knows the columns of every dataset.
        graph: Knows the SQL of every model.
        lineage: Knows what every column derives from.
        happening: When and where.

    Yields:
        Run events as plain data, ready for JSON.
    """
    datasets = _Datasets(catalog, happening.warehouse)
    for model in lineage.models.values():
        sql = graph.models[model.relation].sql if model.relation in graph.models else None
        yield {
            "eventType": "COMPLETE",
            "eventTime": happening.at.isoformat(),
            "run": {"runId": _run_id(model.relation, happening)},
            "job": {
                "namespace": JOBS,
                "name": model.relation,
                "facets": {} if sql is None else _facet("sql", query=sql, dialect="duckdb"),
            },
            "inputs": [datasets.described(name) for name in model.references],
            "outputs": [datasets.described(model.relation, **_column_lineage(model, datasets))],
            "producer": _producer(),
            "schemaURL": RUN_EVENT,
        }


class _Datasets:
    """The datasets of a catalog in OpenLineage's terms."""

    def __init__(self, catalog: Catalog, warehouse: str) -> None:
        self._catalog = catalog
        self._warehouse = f"duckdb://{warehouse}"

    def named(self, name: str) -> dict[str, str]:
        """The namespace and name of a source or a table."""
        if name in self._catalog.sources:
            return {"namespace": FILES, "name": self._catalog.sources[name].origin}
        return {"namespace": self._warehouse, "name": name}

    def described(self, name: str, **facets: object) -> dict[str, object]:
        """A source or a table with its columns and further facets."""
        declared = self._catalog.sources.get(name) or self._catalog.tables[name]
        fields = [_field(column) for column in declared.columns.values()]
        return {**self.named(name), "facets": {**_facet("schema", fields=fields), **facets}}

    def field(self, ref: ColumnRef) -> dict[str, str]:
        """A column of a source or a table."""
        return {**self.named(ref.relation), "field": ref.column}


def _field(column: Column) -> dict[str, str]:
    return {"name": column.name, "type": column.type, "description": column.description}


def _column_lineage(model: ModelLineage, datasets: _Datasets) -> Mapping[str, object]:
    fields = {
        name: {"inputFields": _input_fields(edges, datasets)}
        for name, edges in model.columns.items()
    }
    # What decides on rows concerns all columns alike.
    rows = _input_fields(model.rows, datasets)
    return _facet("columnLineage", fields=fields, dataset=rows)


def _input_fields(edges: Iterable[Edge], datasets: _Datasets) -> list[dict[str, object]]:
    by_origin = groupby(shown(edges), key=lambda edge: edge.origin)
    return [
        {**datasets.field(origin), "transformations": [_transformation(edge) for edge in found]}
        for origin, found in by_origin
    ]


def _transformation(edge: Edge) -> dict[str, object]:
    how: dict[str, object] = {
        "type": edge.type,
        "subtype": edge.subtype,
        "masking": edge.masking is not None,
    }
    return {**how, "description": edge.masking} if edge.masking else how


def _facet(name: str, **content: object) -> dict[str, object]:
    schema = f"{SPEC}/facets/{FACETS[name]}"
    return {name: {"_producer": _producer(), "_schemaURL": schema, **content}}


def _run_id(job: str, happening: Happening) -> str:
    """The same for the same job, warehouse and time."""
    name = f"{JOBS}/{job}/{happening.warehouse}/{happening.at.isoformat()}"
    return str(uuid.uuid5(uuid.NAMESPACE_URL, name))


def _producer() -> str:
    return f"urn:benepass-tasks:{version('benepass-tasks')}"
