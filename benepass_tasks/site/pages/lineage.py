"""The lineage: a graph of all tables, and what its script needs to follow each column."""

from collections.abc import Iterator, Mapping, Sequence
from typing import TypeVar

from benepass_tasks.catalog import Pii
from benepass_tasks.site import layout, personal
from benepass_tasks.site.addresses import anchor_of, page_of
from benepass_tasks.site.datasets import LAYERS, Dataset, datasets_of
from benepass_tasks.site.layout import Layout
from benepass_tasks.site.page import DataTable, Field, Page
from benepass_tasks.site.sources import Sources
from benepass_tasks.sqlmodels.lineage import ColumnRef, Edge, Lineage
from benepass_tasks.sqlmodels.lineage.edges import shown

PAGE = "lineage.html"

Key = TypeVar("Key")

LONGEST_LINE = 17
"""Letters of a name that a line of a box has room for."""

HEADING = 34
"""What the names of the layers take above the boxes, in pixels."""

DECIDING = {
    "CONDITIONAL": "condition",
    "FILTER": "filter",
    "GROUP_BY": "group by",
    "JOIN": "join",
    "SORT": "sort",
    "WINDOW": "window",
}
"""The words for the ways in which a column decides without arriving."""


def pages(sources: Sources) -> Iterator[Page]:
    """The page."""
    yield page(datasets_of(sources), sources.definitions.lineage)


def page(datasets: Sequence[Dataset], lineage: Lineage) -> Page:
    """The page of some datasets.

    Args:
        datasets: The datasets, layer by layer.
        lineage: The column lineage of all of them that are tables.
    """
    arranged = arrange(datasets)
    return Page(
        PAGE,
        "lineage.html.j2",
        "Lineage",
        PAGE,
        values={
            "boxes": [_box(dataset, arranged) for dataset in datasets],
            "layout": arranged,
            "heading": HEADING,
            "width": layout.BOX_WIDTH,
            "height": layout.BOX_HEIGHT,
            "badges": personal.BADGES.values(),
            "table": _table(datasets),
        },
        data=_data(datasets, arranged, lineage),
        scripts=("lineage.js",),
    )


def arrange(datasets: Sequence[Dataset]) -> Layout:
    """Find a place for each dataset."""
    layers = {
        layer: [dataset.name for dataset in datasets if dataset.layer == layer] for layer in LAYERS
    }
    return layout.arrange(layers, {dataset.name: dataset.reads for dataset in datasets})


def _box(dataset: Dataset, arranged: Layout) -> Mapping[str, object]:
    return {
        "name": dataset.name,
        "page": page_of(dataset.name),
        "lines": lines_of(dataset.declared.name),
        "place": arranged.boxes[dataset.name],
        "columns": len(dataset.columns),
        "badges": personal.badges_of(dataset.columns),
    }


def lines_of(name: str) -> list[str]:
    """A name in one line or two, broken after an underscore where there is one, and cut if long."""
    if len(name) <= LONGEST_LINE:
        return [name]
    breaks = [index + 1 for index, letter in enumerate(name) if letter == "_"]
    inside = [index for index in breaks if 1 < index <= LONGEST_LINE and index < len(name)]
    at = max(inside, default=LONGEST_LINE)
    rest = name[at:]
    return [name[:at], rest if len(rest) <= LONGEST_LINE else f"{rest[: LONGEST_LINE - 1]}…"]


def _table(datasets: Sequence[Dataset]) -> DataTable:
    """The graph in words."""
    return DataTable(
        "tables",
        "Which dataset is made from which",
        (
            Field("name", "Dataset", "code", link="page"),
            Field("reads", "Reads"),
            Field("readers", "Read by"),
        ),
        [
            {
                "name": dataset.name,
                "page": page_of(dataset.name),
                "reads": ", ".join(dataset.reads) or "files",
                "readers": ", ".join(dataset.readers) or None,
            }
            for dataset in datasets
        ],
        page_size=50,
        is_searchable=True,
        empty="No dataset is declared; catalog.yaml declares them.",
    )


def _data(datasets: Sequence[Dataset], arranged: Layout, lineage: Lineage) -> Mapping[str, object]:
    """What the script follows, with names in one place and numbers in all others.

    `columns` are in the order of the datasets. `edges` are triples, one after the other: a column,
    the column that derives from it, and how; `rows` likewise: a column, the dataset of which it
    decides the rows, and how.
    """
    piis: dict[Pii, int] = {}
    columns = [
        [column.name, column.type, _number(piis, column.pii), column.description]
        for dataset in datasets
        for column in dataset.columns
    ]
    hows: dict[tuple[str, str | None], int] = {}
    edges, rows = _edges(datasets, lineage, hows)
    return {
        "datasets": [_numbered(dataset, arranged) for dataset in datasets],
        "layers": [column.layer for column in arranged.columns],
        "columns": columns,
        "pii": [[_letters(pii), personal.words(pii)] for pii in piis],
        "edges": edges,
        "rows": rows,
        "hows": [[what, masking] for what, masking in hows],
        "deciding": list(DECIDING.values()),
        "anchors": {
            column.name: anchor
            for dataset in datasets
            for column in dataset.columns
            if (anchor := anchor_of(column.name)) != column.name
        },
    }


def _numbered(dataset: Dataset, arranged: Layout) -> list[str | int]:
    box = arranged.boxes[dataset.name]
    description = dataset.declared.description
    return [dataset.name, description, len(dataset.columns), box.column, box.order]


def _letters(pii: Pii) -> str:
    return "".join(badge.letter for badge in personal.badges(pii))


def _edges(
    datasets: Sequence[Dataset], lineage: Lineage, hows: dict[tuple[str, str | None], int]
) -> tuple[list[int], list[int]]:
    """The edges between columns, and those from columns to the rows of datasets."""
    number_of: dict[ColumnRef, int] = {}
    for dataset in datasets:
        for column in dataset.columns:
            _number(number_of, ColumnRef(dataset.name, column.name.lower()))
    edges: list[int] = []
    rows: list[int] = []
    for place, dataset in enumerate(datasets):
        model = lineage.models.get(dataset.name)
        if model is None:
            continue
        for name, found in model.columns.items():
            target = number_of[ColumnRef(dataset.name, name)]
            for edge in shown(found):
                edges += [number_of[edge.origin], target, _number(hows, _how(edge))]
        for edge in shown(model.rows):
            rows += [number_of[edge.origin], place, _number(hows, _how(edge))]
    return edges, rows


def _how(edge: Edge) -> tuple[str, str | None]:
    what = DECIDING[edge.subtype] if edge.type == "INDIRECT" else edge.subtype.lower()
    return what, edge.masking


def _number(numbers: dict[Key, int], key: Key) -> int:
    """The number of something; the next one if it is new."""
    return numbers.setdefault(key, len(numbers))
