"""The lineage of models as JSON has it: what has not changed need not be followed again."""

from collections.abc import Mapping
from dataclasses import fields
from pathlib import Path
from types import MappingProxyType
from typing import Any

from benepass_tasks.sqlmodels.lineage.edges import ColumnRef, Edge
from benepass_tasks.sqlmodels.lineage.graph import Lineage, ModelLineage

HOW = tuple(it.name for it in fields(Edge) if it.name != "origin")


def plain(lineage: Lineage) -> dict[str, Any]:
    """The models that can be known again, by the digest of what their lineage follows from."""
    return {it.origin: _plain(it) for it in lineage.models.values() if it.origin}


def restored(kept: Mapping[str, Any]) -> dict[str, ModelLineage]:
    """The same from JSON."""
    return {origin: _restored(origin, it) for origin, it in kept.items()}


def _plain(model: ModelLineage) -> dict[str, Any]:
    found = set(model.rows).union(*model.columns.values())
    # Sorted, since sets have another order in each process and the file would differ each time.
    numbers = {edge: at for at, edge in enumerate(sorted(found, key=repr))}
    return {
        "relation": model.relation,
        "path": str(model.path),
        "references": model.references,
        "edges": [
            (it.origin.relation, it.origin.column, *(getattr(it, name) for name in HOW))
            for it in numbers
        ],
        "columns": {
            name: sorted(numbers[it] for it in edges) for name, edges in model.columns.items()
        },
        "rows": sorted((numbers[it], model.row_lines[it]) for it in model.rows),
        "lines": dict(model.lines),
        "is_positional": model.is_positional,
    }


def _restored(origin: str, kept: Mapping[str, Any]) -> ModelLineage:
    edges = [Edge(ColumnRef(relation, name), *how) for relation, name, *how in kept["edges"]]
    columns = {name: frozenset(edges[it] for it in own) for name, own in kept["columns"].items()}
    rows = {edges[it]: line for it, line in kept["rows"]}
    return ModelLineage(
        kept["relation"],
        Path(kept["path"]),
        tuple(kept["references"]),
        MappingProxyType(columns),
        frozenset(rows),
        MappingProxyType(kept["lines"]),
        MappingProxyType(rows),
        kept["is_positional"],
        origin,
    )
