"""The lineage: a graph of all tables, and what its script needs to follow each column."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

from benepass_tasks.catalog import Pii
from benepass_tasks.lineage import ColumnRef, Edge
from benepass_tasks.site import layout, personal
from benepass_tasks.site.addresses import page_of
from benepass_tasks.site.datasets import LAYERS, Dataset, datasets_of
from benepass_tasks.site.layout import Layout
from benepass_tasks.site.page import DataTable, Field, Page
from benepass_tasks.site.sources import Sources

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
    datasets = datasets_of(sources)
    arranged = arrange(datasets)
    yield Page(
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
        data=_data(datasets, arranged, sources),
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
        "lines": _lines(dataset.declared.name),
        "place": arranged.boxes[dataset.name],
        "columns": len(dataset.columns),
        "badges": personal.badges_of(dataset.columns),
    }


def _lines(name: str) -> list[str]:
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


@dataclass(frozen=True, slots=True)
class _Numbers:
    """The numbers that the script knows datasets and columns by."""

    datasets: Mapping[str, int]
    columns: Mapping[ColumnRef, int]

    @classmethod
    def of(cls, datasets: Sequence[Dataset]) -> "_Numbers":
        # The lineage has the names in lower case.
        names = [
            ColumnRef(dataset.name, column.name.lower())
            for dataset in datasets
            for column in dataset.columns
        ]
        return cls(
            {dataset.name: number for number, dataset in enumerate(datasets)},
            {name: number for number, name in enumerate(names)},
        )


def _data(datasets: Sequence[Dataset], arranged: Layout, sources: Sources) -> Mapping[str, object]:
    """All that is known, names once and numbers elsewhere.

    `columns` are in the order of the datasets, `edges` flat triples of a column, the column that
    derives from it and how; `rows` likewise of a column, the dataset whose rows it decides, and how.
    """
    numbers = _Numbers.of(datasets)
    models = sources.lineage.models
    hows: dict[tuple[str, str | None], int] = {}
    piis: dict[Pii, int] = {}
    edges: list[int] = []
    rows: list[int] = []
    for dataset in datasets:
        model = models.get(dataset.name)
        if model is None:
            continue
        for name, found in model.columns.items():
            target = numbers.columns[ColumnRef(dataset.name, name)]
            for edge in sorted(found):
                edges += [numbers.columns[edge.origin], target, _number(hows, _how(edge))]
        for edge in sorted(model.rows):
            target = numbers.datasets[dataset.name]
            rows += [numbers.columns[edge.origin], target, _number(hows, _how(edge))]
    columns = [
        [column.name, column.type, _number(piis, column.pii), column.description]
        for dataset in datasets
        for column in dataset.columns
    ]
    return {
        "datasets": [
            [
                dataset.name,
                dataset.declared.description,
                len(dataset.columns),
                arranged.boxes[dataset.name].column,
                arranged.boxes[dataset.name].order,
            ]
            for dataset in datasets
        ],
        "layers": [column.layer for column in arranged.columns],
        "columns": columns,
        "pii": [
            ["".join(it.letter for it in personal.badges(pii)), personal.words(pii)] for pii in piis
        ],
        "badges": {it.letter: it.name for it in personal.BADGES.values()},
        "edges": edges,
        "rows": rows,
        "hows": [[what, masking] for what, masking in hows],
        "deciding": list(DECIDING.values()),
    }


def _how(edge: Edge) -> tuple[str, str | None]:
    what = DECIDING[edge.subtype] if edge.type == "INDIRECT" else edge.subtype.lower()
    return what, edge.masking


def _number(numbers: dict[Key, int], key: Key) -> int:
    """The number of something; the next one if it is new."""
    return numbers.setdefault(key, len(numbers))
