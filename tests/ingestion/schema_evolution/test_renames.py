"""Which column is which under another name."""

from __future__ import annotations

import pytest

from benepass_tasks.ingestion.schema_evolution.file_schema import ColumnSchema
from benepass_tasks.ingestion.schema_evolution.renames import (
    NO_SAMPLE,
    Evidence,
    Sample,
    guess_renames,
)


def column(name: str, place: int = 1, kind: str = "VARCHAR") -> ColumnSchema:
    return ColumnSchema(name, kind, name, place)


def sample(**values: str) -> Sample:
    """Columns whose values are letters; a dot is an empty field."""
    rows = range(1, max(map(len, values.values()), default=0) + 1)
    return Sample(
        rows, {name: [None if it == "." else it for it in text] for name, text in values.items()}
    )


def guess(before: Sample, after: Sample, lost: str, got: str) -> dict[str, str]:
    return guess_renames(
        [column(name, place) for place, name in enumerate(lost.split(), 10)],
        [column(name, place) for place, name in enumerate(got.split(), 20)],
        Evidence(before, after),
    )


def test_records_that_stayed_in_place_tell_by_each_value() -> None:
    before = sample(id="12345", paid="yynny", sent="nnyyn")
    after = sample(id="12345", ok="nnyyn", done="yynny")
    assert guess(before, after, "paid sent", "ok done") == {"ok": "sent", "done": "paid"}


def test_yes_and_no_alone_make_no_pair_where_the_records_say_otherwise() -> None:
    before, after = sample(id="12345", paid="yynny"), sample(id="12345", vip="nnyyn")
    assert guess(before, after, "paid", "vip") == {}


def test_other_records_tell_by_the_values_that_there_are() -> None:
    before = sample(id="12345", kind="gymgm", note="abcde")
    after = sample(id="67890", sort="mmgyg", text="vwxyz")
    assert guess(before, after, "kind note", "sort text") == {"sort": "kind"}


def test_less_than_half_of_the_values_in_common_are_too_few() -> None:
    before, after = sample(id="1234", a="abcd"), sample(id="1234", b="abxy")
    assert guess(before, after, "a", "b") == {"b": "a"}
    assert guess(before, sample(id="1234", b="axyz"), "a", "b") == {}


def test_empty_fields_have_nothing_in_common() -> None:
    assert guess(sample(id="123", a="..."), sample(id="123", b="..."), "a", "b") == {}


def test_the_best_pair_comes_first_and_each_column_is_in_one_only() -> None:
    before = sample(id="1234", a="abcd")
    after = sample(id="1234", b="abxx", c="abcx")
    assert guess(before, after, "a", "b c") == {"c": "a"}


@pytest.mark.parametrize(
    ("lost", "got", "is_pair"),
    [
        (column("email", 3), column("e_mail", 3), True),
        (column("email", 3), column("e_mail", 4), False),
        (column("email", 3), column("phone", 3), False),
        (column("amount", 3, "DECIMAL"), column("amount_usd", 3, "BIGINT"), True),
        (column("amount", 3, "DECIMAL"), column("amount_on", 3, "DATE"), False),
    ],
)
def test_without_values_a_similar_name_at_the_same_place_will_do(
    lost: ColumnSchema, got: ColumnSchema, *, is_pair: bool
) -> None:
    pairs = guess_renames([lost], [got], Evidence(NO_SAMPLE, NO_SAMPLE))
    assert pairs == ({got.name: lost.name} if is_pair else {})


def test_names_of_megabytes_take_no_time() -> None:
    lost, got = column("x" * 5_000_000), column("x" * 4_999_999)
    assert guess_renames([lost], [got], Evidence()) == {got.name: lost.name}


def test_among_very_many_columns_nothing_is_guessed() -> None:
    before = [column(f"amount_{place}", place) for place in range(1, 300)]
    after = [column(f"amounts_{place}", place) for place in range(1, 300)]
    assert guess_renames(before, after, Evidence()) == {}
    assert len(guess_renames(before[:50], after[:50], Evidence())) > 0
