"""Where the boxes of a graph stand."""

from __future__ import annotations

import random
import time
from itertools import combinations, pairwise

from examples import examples
from hypothesis import given
from hypothesis import strategies as st

from benepass_tasks.site.layout import BOX_HEIGHT, BOX_WIDTH, COLUMN_GAP, Layout, arrange

LAYERS = ("sources", "raw", "staging", "marts")


@st.composite
def graphs(draw: st.DrawFn) -> tuple[dict[str, list[str]], dict[str, list[str]]]:
    """Tables in layers, each of which reads some that come before it."""
    count = draw(st.integers(0, 14))
    at = sorted(draw(st.lists(st.integers(0, 3), min_size=count, max_size=count)))
    names = [f"{LAYERS[layer]}.t{number}" for number, layer in enumerate(at)]
    layers = {layer: [name for name in names if name.startswith(f"{layer}.")] for layer in LAYERS}
    reads = {
        name: draw(st.lists(st.sampled_from(names[:place]), unique=True, max_size=4))
        for place, name in enumerate(names)
        if place
    }
    return layers, reads


@given(graph=graphs())
@examples(30)
def test_each_table_has_a_place_of_its_own_right_of_what_it_reads(
    graph: tuple[dict[str, list[str]], dict[str, list[str]]],
) -> None:
    layers, reads = graph

    found = arrange(layers, reads)

    assert list(found.boxes) == [name for names in layers.values() for name in names]
    for reader, origins in reads.items():
        for origin in origins:
            assert found.boxes[origin].x + BOX_WIDTH < found.boxes[reader].x
    for one, other in combinations(found.boxes.values(), 2):
        apart = abs(one.y - other.y) >= BOX_HEIGHT or abs(one.x - other.x) >= BOX_WIDTH
        assert apart, f"{one} and {other} overlap"
    for box in found.boxes.values():
        assert box.x + BOX_WIDTH <= found.width
        assert box.y >= 0
        assert box.y + BOX_HEIGHT <= found.height


@given(graph=graphs())
@examples(15)
def test_links_lead_from_who_is_read_to_who_reads_past_all_other_boxes(
    graph: tuple[dict[str, list[str]], dict[str, list[str]]],
) -> None:
    layers, reads = graph

    found = arrange(layers, reads)

    known = {(origin, reader) for reader, origins in reads.items() for origin in origins}
    assert {(link.origin, link.reader) for link in found.links} == known
    for link in found.links:
        begin, end = found.boxes[link.origin], found.boxes[link.reader]
        assert link.points[0] == (begin.x + BOX_WIDTH, begin.y + BOX_HEIGHT // 2)
        assert link.points[-1] == (end.x, end.y + BOX_HEIGHT // 2)
        for (x, y), (right, other_y) in list(pairwise(link.points))[1::2]:
            assert (right, other_y) == (x + BOX_WIDTH, y), "a way crosses a column on one height"
            beside = [box for box in found.boxes.values() if box.x == x]
            assert all(not box.y < y < box.y + BOX_HEIGHT for box in beside)
            assert 0 <= y <= found.height


def test_the_same_graph_always_has_the_same_places() -> None:
    layers, reads = project(60)
    shuffled = {name: list(reversed(origins)) for name, origins in reversed(reads.items())}

    assert arrange(layers, reads) == arrange(layers, shuffled)


def test_a_table_that_reads_its_own_layer_stands_in_a_column_to_its_right() -> None:
    found = arrange({"marts": ["fact", "dim", "sums"]}, {"sums": ["fact"], "dim": []})

    step = BOX_WIDTH + COLUMN_GAP
    assert {name: box.x for name, box in found.boxes.items()} == {"fact": 0, "dim": 0, "sums": step}
    assert [(it.layer, it.x, it.is_first) for it in found.columns] == [
        ("marts", 0, True),
        ("marts", step, False),
    ]


def test_tables_are_ordered_so_that_links_do_not_cross() -> None:
    layers = {
        "raw": ["raw.a", "raw.b", "raw.c"],
        "staging": ["staging.x", "staging.y", "staging.z"],
    }
    reads = {"staging.x": ["raw.c"], "staging.y": ["raw.b"], "staging.z": ["raw.a"]}

    found = arrange(layers, reads)

    assert crossings(found) == 0


def test_a_table_that_reads_a_later_layer_is_drawn_all_the_same() -> None:
    found = arrange({"raw": ["late"], "marts": ["early"]}, {"late": ["early"]})

    assert [(link.origin, link.reader) for link in found.links] == [("early", "late")]
    assert found.links[0].path.startswith("M")


def test_nothing_has_no_size() -> None:
    assert arrange({}, {}) == Layout({}, [], [], 0, 0)


def test_two_hundred_models_are_arranged_in_half_a_second() -> None:
    layers, reads = project(200)

    started = time.process_time()
    found = arrange(layers, reads)

    assert time.process_time() - started < 0.5
    assert len(found.boxes) == 200


def test_a_chain_of_two_hundred_tables_that_all_read_one_is_arranged_in_half_a_second() -> None:
    names = [f"marts.m{number:03}" for number in range(200)]
    reads = {name: ["source", *names[place - 1 : place]] for place, name in enumerate(names)}

    started = time.process_time()
    found = arrange({"sources": ["source"], "marts": names}, reads)

    assert time.process_time() - started < 0.5
    assert len(found.columns) == 201
    assert sum(len(link.path) for link in found.links) < 100_000


def project(count: int) -> tuple[dict[str, list[str]], dict[str, list[str]]]:
    """Tables over all layers, each reading up to three of the sixty before it."""
    draw = random.Random(1)  # noqa: S311 - the same each time
    names = [f"{LAYERS[place * 4 // count]}.model_{place:03}" for place in range(count)]
    layers = {layer: [it for it in names if it.startswith(layer)] for layer in LAYERS}
    reads = {
        name: draw.sample(names[max(0, place - 60) : place], min(place, draw.choice((1, 1, 2, 3))))
        for place, name in enumerate(names)
        if not name.startswith("sources")
    }
    return layers, reads


def crossings(found: Layout) -> int:
    """How many links cross between two columns."""
    ways = [(found.boxes[link.origin].y, found.boxes[link.reader].y) for link in found.links]
    return sum(
        (one[0] - other[0]) * (one[1] - other[1]) < 0 for one, other in combinations(ways, 2)
    )
