"""What has changed between two schemas of a file."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benepass_tasks.ingestion.schema_evolution.changes import (
    Change,
    Earlier,
    Observed,
    Violations,
    compare,
)
from benepass_tasks.ingestion.schema_evolution.file_schema import ColumnSchema, FileSchema
from benepass_tasks.ingestion.schema_evolution.renames import Sample

DECLARED = frozenset("abcdefgh")


def schema(*columns: str, absent: str = "") -> FileSchema:
    """A schema of columns written as `name TYPE`, text where there is no type."""
    present = (
        ColumnSchema(name, kind or "VARCHAR", name, place)
        for place, (name, _, kind) in enumerate((it.partition(" ") for it in columns), 1)
    )
    return FileSchema.of([*present, *(ColumnSchema(name, "DECIMAL") for name in absent)])


def changes(
    before: FileSchema | None, after: FileSchema, seen: str = ""
) -> list[tuple[object, ...]]:
    """Each change without what it is silent about."""
    found = compare(Earlier(before, seen=frozenset(seen)), Observed(after), DECLARED)
    return [(it.column, it.kind, it.before, it.after, it.severity) for it in found]


def test_a_first_load_adds_every_column() -> None:
    assert changes(None, schema("a BIGINT", "x")) == [
        ("a", "added", None, "BIGINT", "info"),
        ("x", "added", None, "VARCHAR", "info"),
    ]


def test_a_column_that_a_first_file_lacks_is_not_a_change() -> None:
    assert changes(None, schema("a", absent="b")) == [("a", "added", None, "VARCHAR", "info")]


def test_the_same_shape_is_not_a_change() -> None:
    assert changes(schema("a BIGINT", "b", absent="c"), schema("a BIGINT", "b", absent="c")) == []


def test_a_declared_column_that_is_added_is_as_expected_and_another_is_not() -> None:
    assert changes(schema("a"), schema("x", "a", "b BIGINT")) == [
        ("x", "added", None, "VARCHAR", "warning"),
        ("b", "added", None, "BIGINT", "info"),
    ]


def test_a_column_that_is_removed_is_a_warning_whether_declared_or_not() -> None:
    assert changes(schema("a", "b DATE", "x"), schema("a", absent="b")) == [
        ("b", "removed", "DATE", None, "warning"),
        ("x", "removed", "VARCHAR", None, "warning"),
    ]


def test_a_column_that_was_there_before_reappears() -> None:
    before = schema("a", absent="b")
    assert changes(before, schema("a", "b DECIMAL"), seen="ab") == [
        ("b", "reappeared", "DECIMAL", "DECIMAL", "info")
    ]
    assert changes(before, schema("a", "b"), seen="ab") == [
        ("b", "reappeared", "DECIMAL", "VARCHAR", "warning")
    ]
    assert changes(before, schema("a", "x"), seen="ax") == [
        ("x", "reappeared", None, "VARCHAR", "warning")
    ]


@pytest.mark.parametrize(
    ("before", "after", "severity"),
    [
        ("BIGINT", "DECIMAL", "info"),
        ("DECIMAL", "BIGINT", "info"),
        ("DATE", "TIMESTAMP", "info"),
        ("TIMESTAMP", "DATE", "info"),
        ("VARCHAR", "DECIMAL", "info"),
        ("UNKNOWN", "VARCHAR", "info"),
        ("DECIMAL", "VARCHAR", "warning"),
        ("BIGINT", "VARCHAR", "warning"),
        ("DECIMAL", "DATE", "warning"),
        ("BOOLEAN", "BIGINT", "warning"),
        ("TIMESTAMP", "TIMESTAMP WITH TIME ZONE", "warning"),
        ("TIMESTAMP WITH TIME ZONE", "TIMESTAMP", "warning"),
    ],
)
def test_a_type_that_does_not_hold_the_old_values_or_the_new_ones_is_a_warning(
    before: str, after: str, severity: str
) -> None:
    assert changes(schema(f"a {before}"), schema(f"a {after}")) == [
        ("a", "type_changed", before, after, severity)
    ]


def test_a_changed_type_comes_with_the_values_that_do_not_fit() -> None:
    violations = Violations(1234, (3, 4, 7, 8, 9))
    observed = Observed(
        schema("a"), {("a", "DECIMAL"): violations, ("a", "DATE"): Violations(1, (1,))}
    )
    (change,) = compare(Earlier(schema("a DECIMAL")), observed, DECLARED)
    assert change.violations == violations
    assert str(change) == (
        "a changed from DECIMAL to VARCHAR: 1,234 values do not fit, "
        "the first in rows 3, 4, 7, 8, 9"
    )


def test_another_spelling_in_the_header_is_told_and_harmless() -> None:
    before = FileSchema.of([ColumnSchema("cost_centre", "BIGINT", "Cost Centre", 1)])
    after = FileSchema.of([ColumnSchema("cost_centre", "BIGINT", "costCentre", 1)])
    assert changes(before, after) == [
        ("cost_centre", "respelled", "Cost Centre", "costCentre", "info")
    ]


@pytest.mark.parametrize(
    ("before", "after", "moved"),
    [
        ("abcd", "abcd", ""),
        ("abcd", "bcda", "a"),
        ("abcd", "dabc", "d"),
        ("abcd", "xabcd", ""),
        ("xabcd", "abcd", ""),
        ("abcd", "axcyd", ""),
        ("abcdefg", "gbcdefa", "ag"),
        ("abcd", "xdabc", "d"),
    ],
)
def test_the_fewest_columns_that_can_have_moved_have_moved(
    before: str, after: str, moved: str
) -> None:
    found = compare(Earlier(schema(*before)), Observed(schema(*after)), DECLARED)
    reordered = {it.column: (it.before, it.after) for it in found if it.kind == "reordered"}
    assert reordered == {
        name: (str(before.index(name) + 1), str(after.index(name) + 1)) for name in moved
    }


@given(st.permutations("abcdefgh"), st.sets(st.sampled_from("abcdefgh")))
def test_without_those_that_moved_the_order_is_the_same(after: list[str], left: set[str]) -> None:
    now = [name for name in after if name not in left]
    found = compare(Earlier(schema(*"abcdefgh")), Observed(schema(*now)), DECLARED)
    moved = {it.column for it in found if it.kind == "reordered"}
    assert [it for it in now if it not in moved] == sorted(set(now) - moved)
    assert len(moved) < max(len(now), 1)


def test_a_renamed_column_is_one_entry_and_a_guess() -> None:
    before, after = schema("a", "b DECIMAL"), schema("a", "x")
    samples = (
        Sample((1, 2, 3), {"a": ("p", "q", "r"), "b": ("1", "2", "3")}),
        Sample((1, 2, 3), {"a": ("p", "q", "r"), "x": ("1", "2", "?")}),
    )
    observed = Observed(after, {("x", "DECIMAL"): Violations(1, (3,))}, samples[1])
    assert compare(Earlier(before, samples[0]), observed, DECLARED) == [
        Change("x", "renamed", "b", "x", "warning", is_guess=True, header="x"),
        Change(
            "x",
            "type_changed",
            "DECIMAL",
            "VARCHAR",
            "warning",
            violations=Violations(1, (3,)),
            header="x",
        ),
    ]


def test_each_change_says_what_the_header_calls_the_column_or_called_it() -> None:
    before = FileSchema.of(
        [ColumnSchema("at", "DATE", "timestamp", 1), ColumnSchema("b", "DATE", "B", 2)]
    )
    after = FileSchema.of(
        [ColumnSchema("at", "DATE", "Time", 1), ColumnSchema("c", "BIGINT", "C", 2)]
    )
    found = compare(Earlier(before), Observed(after), DECLARED)
    assert [(it.column, it.kind, it.header) for it in found] == [
        ("at", "respelled", "Time"),
        ("c", "added", "C"),
        ("b", "removed", "B"),
    ]


def test_a_there_and_back_is_three_entries() -> None:
    a, b = schema("a DECIMAL"), schema("a")
    loads = [None, a, b, a, a]
    history = [
        change for before, after in pairwise(loads) for change in changes(before, after or a)
    ]
    assert history == [
        ("a", "added", None, "DECIMAL", "info"),
        ("a", "type_changed", "DECIMAL", "VARCHAR", "warning"),
        ("a", "type_changed", "VARCHAR", "DECIMAL", "info"),
    ]


def test_names_of_a_hostile_header_are_cut_and_steer_nothing() -> None:
    long = Change("x" * 5_000_000, "renamed", "y" * 5_000_000, "", "warning", is_guess=True)
    assert len(str(long)) < 250
    steering = Change("a", "respelled", "\x1b[31mred", "a\u202eb")
    assert str(steering).isprintable()


def test_hints_and_back_are_the_same_schema() -> None:
    original = FileSchema.of(
        [
            ColumnSchema("b", "DATE", "B", 2, is_required=True),
            ColumnSchema("a", "BIGINT", "A", 1),
            ColumnSchema("c", is_required=True),
            ColumnSchema("d"),
        ]
    )
    assert FileSchema.from_hints({**original.as_hints(), "_row_number": {}}) == original
    assert list(original.columns) == ["a", "b", "c", "d"]
    assert original.missing == ("c",)
