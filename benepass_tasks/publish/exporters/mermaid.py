"""The graph of all tasks that make tables, as a Mermaid diagram in a Markdown page."""

from collections.abc import Iterable, Iterator

from benepass_tasks.catalog import Catalog
from benepass_tasks.config.project import SCHEMAS
from benepass_tasks.sqlmodels import ModelGraph

TITLE = """\
# The task graph

Each box is a file or a Luigi task; each arrow is read from the SQL. `make docs` writes this page.

"""


def task_graph(catalog: Catalog, graph: ModelGraph) -> str:
    """Draw every source with its files, every table by layer, and what reads what.

    Returns:
        A Markdown page.
    """
    lines = ["```mermaid", "flowchart LR", *_boxes(catalog), *_arrows(catalog, graph), "```"]
    return TITLE + "\n".join(lines) + "\n"


def _boxes(catalog: Catalog) -> Iterator[str]:
    files = (f'{source.name}[/"{source.origin}"/]' for source in catalog.sources.values())
    yield from _group("files", "CSV files", files)
    for layer in SCHEMAS:
        tables = [table for table in catalog.tables.values() if table.layer == layer]
        boxes = (
            f"{_id(table.relation)}[{table.relation.partition('.')[2]}]"
            for table in tables
            if layer != "raw" or table.source
        )
        yield from _group(layer, layer, boxes)


def _group(name: str, title: str, boxes: Iterable[str]) -> Iterator[str]:
    yield f"  subgraph {name} [{title}]"
    yield from (f"    {box}" for box in boxes)
    yield "  end"


def _arrows(catalog: Catalog, graph: ModelGraph) -> Iterator[str]:
    for table in catalog.tables.values():
        if table.source:
            yield f"  {table.source} --> {_id(table.relation)}"
    for model in graph.models.values():
        for reference in model.references:
            yield f"  {_id(reference)} --> {_id(model.relation)}"


def _id(relation: str) -> str:
    return relation.replace(".", "_")
