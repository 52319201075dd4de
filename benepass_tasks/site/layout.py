"""Where the boxes of a graph stand: layers from left to right, with few crossings.

After Sugiyama: each box has a column; a link that spans columns passes through waypoints, which all
links of the same origin share; sweeps sort each column by its neighbours; then heights follow.
Nothing here draws, and the same graph always gives the same places.
"""

import graphlib
from bisect import bisect_right, insort
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

BOX_WIDTH = 140
BOX_HEIGHT = 58
BOX_GAP = 14
COLUMN_GAP = 36
TRACK = 10
"""What a link takes of the height where it passes a column."""

FAR = 12
"""Columns that a link spans at most with waypoints; one from further away goes straight."""

_SWEEPS = 8
_ALIGNMENTS = 6


@dataclass(frozen=True, slots=True)
class Box:
    """A table: `column` and `order` say where it stands, `x` and `y` its upper left corner."""

    name: str
    column: int
    order: int
    x: int
    y: int


@dataclass(frozen=True, slots=True)
class Link:
    """Who reads whom, and the way there.

    Attributes:
        origin: What is read.
        reader: Who reads it.
        points: Where the way leaves the origin, enters and leaves each column, and arrives.
    """

    origin: str
    reader: str
    points: tuple[tuple[int, int], ...]

    @property
    def path(self) -> str:
        """The way as the path of an SVG: curves between columns, straight across them."""
        (x, y), *_ = self.points
        parts = [f"M{x} {y}"]
        for index, (begin, end) in enumerate(pairwise(self.points)):
            if index % 2:
                parts.append(f"H{end[0]}")
            else:
                middle = (begin[0] + end[0]) // 2
                parts.append(f"C{middle} {begin[1]} {middle} {end[1]} {end[0]} {end[1]}")
        return "".join(parts)


@dataclass(frozen=True, slots=True)
class Column:
    """A column of boxes of one layer; `is_first` where the layer begins."""

    layer: str
    x: int
    is_first: bool


@dataclass(frozen=True, slots=True)
class Layout:
    """Where everything stands, in pixels from the upper left corner."""

    boxes: Mapping[str, Box]
    links: Sequence[Link]
    columns: Sequence[Column]
    width: int
    height: int


_Node = tuple[str, int]
"""A box or a waypoint: the table, and the column."""


def arrange(layers: Mapping[str, Sequence[str]], reads: Mapping[str, Sequence[str]]) -> Layout:
    """Find a place for each table.

    Args:
        layers: The tables of each layer, from left to right. Those without tables are left out.
        reads: What each table reads, without a circle; names that no layer has are ignored.
    """
    layer_of = {name: layer for layer, names in layers.items() for name in names}
    links = [
        (origin, reader)
        for reader in layer_of
        for origin in sorted({*reads.get(reader, ())} & layer_of.keys())
    ]
    columns, column_of = _columns(layers, links)
    graph = _Graph.of(column_of, links, len(columns))
    rows = graph.sorted_rows()
    heights, bottom = graph.heights(rows)
    xs = [index * (BOX_WIDTH + COLUMN_GAP) for index in range(len(columns))]
    boxes = {
        name: Box(name, column, order, xs[column], round(heights[name, column] - BOX_HEIGHT / 2))
        for column, row in enumerate(rows)
        for order, name in enumerate(it for it, _ in row if column_of[it] == column)
    }
    return Layout(
        boxes={name: boxes[name] for name in layer_of},
        links=[_link(it, boxes, heights, xs) for it in links],
        columns=[
            Column(layer, x, is_first=depth == 0)
            for (layer, depth), x in zip(columns, xs, strict=True)
        ],
        width=xs[-1] + BOX_WIDTH if xs else 0,
        height=bottom,
    )


def _columns(
    layers: Mapping[str, Sequence[str]], links: Iterable[tuple[str, str]]
) -> tuple[list[tuple[str, int]], dict[str, int]]:
    """The columns as (layer, depth), and each table's: right of what it reads of its layer."""
    layer_of = {name: layer for layer, names in layers.items() for name in names}
    inner: dict[str, list[str]] = {name: [] for name in layer_of}
    for origin, reader in links:
        if layer_of[origin] == layer_of[reader]:
            inner[reader].append(origin)
    depth: dict[str, int] = {}
    for name in graphlib.TopologicalSorter(inner).static_order():
        depth[name] = max((depth[origin] + 1 for origin in inner[name]), default=0)
    columns = [
        (layer, step)
        for layer, names in layers.items()
        for step in range(max((depth[name] + 1 for name in names), default=0))
    ]
    place = {column: index for index, column in enumerate(columns)}
    return columns, {name: place[layer_of[name], depth[name]] for name in layer_of}


@dataclass(frozen=True, slots=True)
class _Graph:
    """Boxes and waypoints by column, and what is next to each on the left and on the right."""

    column_of: Mapping[str, int]
    rows: Sequence[list[_Node]]
    left: Mapping[_Node, list[_Node]]
    right: Mapping[_Node, list[_Node]]

    @classmethod
    def of(
        cls, column_of: Mapping[str, int], links: Iterable[tuple[str, str]], count: int
    ) -> "_Graph":
        steps: set[tuple[_Node, _Node]] = set()
        for origin, reader in links:
            begin, end = column_of[origin], column_of[reader]
            if 0 < end - begin <= FAR:
                way = [*((origin, column) for column in range(begin, end)), (reader, end)]
                steps.update(pairwise(way))
        nodes = {(name, column) for name, column in column_of.items()}
        nodes.update(node for step in steps for node in step)
        rows: list[list[_Node]] = [[] for _ in range(count)]
        left: dict[_Node, list[_Node]] = {node: [] for node in nodes}
        right: dict[_Node, list[_Node]] = {node: [] for node in nodes}
        for node in sorted(nodes):
            rows[node[1]].append(node)
        for one, other in sorted(steps):
            right[one].append(other)
            left[other].append(one)
        return cls(column_of, rows, left, right)

    def sorted_rows(self) -> list[list[_Node]]:
        """The columns in the order with the fewest crossings that some sweeps have found."""
        rows = [list(row) for row in self.rows]
        best, fewest = rows, self._crossings(rows)
        for sweep in range(_SWEEPS):
            rightward = sweep % 2 == 0
            rows = self._swept(rows, rightward=rightward)
            crossings = self._crossings(rows)
            if crossings < fewest:
                best, fewest = rows, crossings
        return best

    def _swept(self, rows: Sequence[list[_Node]], *, rightward: bool) -> list[list[_Node]]:
        """Sort each column by the middle of the neighbours in the column before it."""
        beside = self.left if rightward else self.right
        swept = [list(row) for row in rows]
        place = {node: index for row in swept for index, node in enumerate(row)}
        for row in swept if rightward else reversed(swept):
            middles = {node: _mean([place[it] for it in beside[node]], place[node]) for node in row}
            row.sort(key=lambda node: (middles[node], place[node], node))
            place.update({node: index for index, node in enumerate(row)})
        return swept

    def _crossings(self, rows: Sequence[list[_Node]]) -> int:
        place = {node: index for row in rows for index, node in enumerate(row)}
        crossings = 0
        for row in rows:
            ends: list[int] = []
            for node in row:
                arriving = sorted(place[it] for it in self.right[node])
                crossings += sum(len(ends) - bisect_right(ends, end) for end in arriving)
                for end in arriving:
                    insort(ends, end)
        return crossings

    def heights(self, rows: Sequence[Sequence[_Node]]) -> tuple[dict[_Node, float], int]:
        """The middle of each box and waypoint, near its neighbours and in order, and the bottom."""
        at = {node: float(index * BOX_HEIGHT) for row in rows for index, node in enumerate(row)}
        for step in range(_ALIGNMENTS):
            for row in rows if step % 2 == 0 else reversed(rows):
                wanted = [self._middle(node, at) for node in row]
                sizes = [self._size(node) for node in row]
                at.update(zip(row, _spread(wanted, sizes), strict=True))
        top = min((at[node] - self._size(node) / 2 for node in at), default=0.0)
        bottom = max((at[node] + self._size(node) / 2 for node in at), default=0.0)
        return {node: height - top for node, height in at.items()}, round(bottom - top)

    def _middle(self, node: _Node, at: Mapping[_Node, float]) -> float:
        beside = (*self.left[node], *self.right[node])
        return _mean([at[it] for it in beside], at[node])

    def _size(self, node: _Node) -> int:
        name, column = node
        return BOX_HEIGHT + BOX_GAP if self.column_of[name] == column else TRACK


def _spread(wanted: Sequence[float], sizes: Sequence[int]) -> list[float]:
    """The heights nearest to those that are wanted at which nothing overlaps, in the same order.

    Without the sizes it is a regression on heights that may not fall: neighbours that do are pooled
    and take the mean.
    """
    offsets = [0.0]
    for one, other in pairwise(sizes):
        offsets.append(offsets[-1] + (one + other) / 2)
    pools: list[tuple[float, int]] = []
    for want, offset in zip(wanted, offsets, strict=False):
        total, count = want - offset, 1
        while pools and pools[-1][0] / pools[-1][1] > total / count:
            before, members = pools.pop()
            total, count = total + before, count + members
        pools.append((total, count))
    levels = [total / count for total, count in pools for _ in range(count)]
    return [level + offset for level, offset in zip(levels, offsets, strict=False)]


def _mean(values: Sequence[float], otherwise: float) -> float:
    return sum(values) / len(values) if values else otherwise


def _link(
    link: tuple[str, str],
    boxes: Mapping[str, Box],
    heights: Mapping[_Node, float],
    xs: Sequence[int],
) -> Link:
    origin, reader = link
    begin, end = boxes[origin], boxes[reader]
    points = [(begin.x + BOX_WIDTH, begin.y + BOX_HEIGHT // 2)]
    if 0 < end.column - begin.column <= FAR:
        for column in range(begin.column + 1, end.column):
            y = round(heights[origin, column])
            points += [(xs[column], y), (xs[column] + BOX_WIDTH, y)]
    points.append((end.x, end.y + BOX_HEIGHT // 2))
    return Link(origin, reader, tuple(points))
