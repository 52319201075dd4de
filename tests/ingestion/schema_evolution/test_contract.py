"""What a source's contract does not allow, and what the message says."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import pytest

from benepass_tasks.catalog import Column, Pii, SchemaContract, Source
from benepass_tasks.config.errors import SourceError
from benepass_tasks.ingestion.schema_evolution.changes import Earlier, Observed, compare
from benepass_tasks.ingestion.schema_evolution.contract import (
    Verdict,
    judge,
    require_all_columns,
    require_good,
)
from benepass_tasks.ingestion.schema_evolution.file_schema import ColumnSchema, FileSchema

if TYPE_CHECKING:
    from collections.abc import Sequence

REQUIRED = {"a": True, "b": False}


def source(**contract: Any) -> Source:  # noqa: ANN401 - modes as literals
    columns = {
        name: Column(name, "A column.", "VARCHAR", "people", Pii("none"), required)
        for name, required in REQUIRED.items()
    }
    return Source(
        *("people", "data/people.csv", "People.", "people"),
        MappingProxyType(columns),
        SchemaContract(**contract),
    )


FROZEN = source(tables="freeze", columns="freeze", data_type="freeze")


def schema(*columns: str) -> FileSchema:
    named = [column.partition(" ")[::2] for column in columns]
    present = [
        ColumnSchema(name, kind or "VARCHAR", name, place, is_required=REQUIRED.get(name, False))
        for place, (name, kind) in enumerate(named, 1)
    ]
    absent = [
        ColumnSchema(name, is_required=required)
        for name, required in REQUIRED.items()
        if name not in dict(named)
    ]
    return FileSchema.of([*present, *absent])


def verdict(
    of: Source, before: FileSchema | None, after: FileSchema, seen: Sequence[str] = ()
) -> Verdict:
    changes = compare(Earlier(before, seen=seen), Observed(after), of.columns)
    return judge(of, "people.csv", after, before, changes, is_new=before is None)


@pytest.mark.parametrize(
    ("before", "after", "rules"),
    [
        (None, schema("a", "b"), ["tables: freeze"]),
        (schema("a", "b"), schema("a", "b"), []),
        (schema("a", "b"), schema("b", "a"), []),
        (schema("a", "b"), schema("a"), ["columns: freeze"]),
        (schema("a"), schema("a", "b"), ["columns: freeze"]),
        (schema("a", "x"), schema("a", "y"), ["columns: freeze"]),
        (schema("a", "address"), schema("a", "addresses"), ["columns: freeze"]),
        (schema("a DECIMAL"), schema("a BIGINT"), []),
        (schema("a DECIMAL"), schema("a"), ["data_type: freeze"]),
        (schema("a BIGINT"), schema("a DECIMAL"), ["data_type: freeze"]),
        (schema("a UNKNOWN"), schema("a DATE"), []),
        (schema("a DATE", "b"), schema("a"), ["columns: freeze", "data_type: freeze"]),
    ],
)
def test_what_is_frozen_may_not_change_and_what_evolves_may(
    before: FileSchema | None, after: FileSchema, rules: list[str]
) -> None:
    assert verdict(FROZEN, before, after).rules == tuple(rules)
    assert verdict(source(), before, after).is_good


def test_a_column_that_reappears_is_refused_by_each_rule_that_it_breaks() -> None:
    before = FileSchema.of([*schema("a").present.values(), ColumnSchema("b", "DATE")])
    found = verdict(FROZEN, before, schema("a", "b"), seen=["a", "b"])
    assert found.rules == ("columns: freeze", "data_type: freeze")
    assert verdict(FROZEN, before, schema("a", "b DATE"), seen=["a", "b"]).rules == (
        "columns: freeze",
    )


def test_a_required_column_must_be_there_even_on_the_first_load() -> None:
    assert verdict(source(), None, schema("b")).missing == ("a",)
    assert verdict(source(), schema("a", "b"), schema("b")).missing == ("a",)


def test_an_absence_that_was_accepted_is_allowed_until_the_column_is_back() -> None:
    assert verdict(source(), schema("b"), schema("b")).is_good
    assert verdict(source(), schema("b"), schema("a", "b")).is_good
    assert not verdict(source(), schema("a", "b"), schema("b")).is_good


def test_an_absence_from_before_the_column_was_required_is_not_accepted() -> None:
    before = FileSchema.of([*schema("b").present.values(), ColumnSchema("a", is_required=False)])
    assert verdict(source(), before, schema("b")).missing == ("a",)


def test_an_absence_that_was_accepted_excuses_no_other_column() -> None:
    a, b = (ColumnSchema(name, "VARCHAR", name, 1, is_required=True) for name in ("a", "b"))
    without_a = FileSchema.of([ColumnSchema("a", is_required=True), b])
    without_b = FileSchema.of([a, ColumnSchema("b", is_required=True)])
    assert verdict(source(), without_a, without_a).missing == ()
    assert verdict(source(), without_a, without_b).missing == ("b",)


def test_the_message_shows_the_difference_and_both_ways_out() -> None:
    found = verdict(FROZEN, schema("a DECIMAL", "b"), schema("a", "x"))
    with pytest.raises(SourceError) as raised:
        require_good(FROZEN, found)
    assert str(raised.value) == (
        "people: people.csv has other columns than were accepted, which catalog.yaml forbids "
        "(columns: freeze); it has values that do not fit the types that were accepted, which "
        "catalog.yaml forbids (data_type: freeze).\n"
        "  a changed from DECIMAL to VARCHAR\n"
        "  x added (VARCHAR)\n"
        "  b removed (it was VARCHAR)\n"
        "Nothing was loaded, and what was built before stays as it is. Either fix the file, or "
        "accept it as it is now: benepass schema accept people"
    )


def test_a_missing_column_is_named_with_the_one_that_may_be_meant() -> None:
    with pytest.raises(SourceError) as raised:
        require_good(FROZEN, verdict(source(), schema("a", "b"), schema("aa", "b")))
    assert str(raised.value).splitlines()[:2] == [
        "people: people.csv lacks the required column a, and has aa besides the declared ones.",
        "  a: is it aa? Then add that to the aliases of a in catalog.yaml",
    ]
    assert str(raised.value).endswith(
        "with NULL for what is missing: benepass schema accept people --as-null"
    )


def test_a_missing_column_is_not_accepted_by_the_way() -> None:
    found = verdict(source(), schema("a", "b"), schema("zzz", "b"))
    with pytest.raises(SourceError) as raised:
        require_all_columns(source(), found)
    assert str(raised.value).splitlines() == [
        "people: people.csv lacks the required column a, and has zzz besides the declared ones.",
        "  a: no column of the file has a name like it",
        (
            "Nothing was accepted. A column that has another name is an alias. To load what is "
            "missing as NULL: benepass schema accept people --as-null"
        ),
    ]
    require_all_columns(source(), verdict(source(), None, schema("a")))


def test_what_is_good_passes() -> None:
    require_good(FROZEN, verdict(FROZEN, schema("a"), schema("a")))


def test_a_message_stays_short_whatever_the_header_is() -> None:
    many = verdict(FROZEN, schema("a"), schema("a", *(f"c{i}_{'x' * 1000}" for i in range(5000))))
    with pytest.raises(SourceError) as raised:
        require_good(FROZEN, many)
    assert "and 4980 more changes" in str(raised.value)
    assert len(str(raised.value)) < 5000
