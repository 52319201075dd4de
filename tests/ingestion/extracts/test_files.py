"""Extracts are written aside, and moved in as wholes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from benepass_tasks.ingestion.extracts import aside_of, settle, written_aside
from benepass_tasks.ingestion.extracts.files import Known, cursor_of, writing

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def aside(tmp_path: Path) -> Path:
    return aside_of(tmp_path, "HR")


def write(path: Path, *rows: tuple[str | None, ...], cursor: str | None = None) -> None:
    path.parent.mkdir(exist_ok=True)
    with writing(path, ["id", "name"], cursor) as writer:
        writer.write(rows, [row[0] for row in rows] if cursor else [])


def test_what_a_reading_left_that_was_killed_is_never_taken_over(
    tmp_path: Path, aside: Path
) -> None:
    write(aside / "accounts.parquet", ("1", "half"))
    with written_aside(aside):
        write(aside / "people" / "2026.parquet", ("1", "Ann"))
        settle(tmp_path, aside)
    assert sorted(str(it.relative_to(tmp_path)) for it in tmp_path.rglob("*.parquet")) == [
        "people/2026.parquet"
    ]
    assert not aside.exists()


def test_a_file_that_is_the_same_is_left_where_it_is(tmp_path: Path, aside: Path) -> None:
    states = []
    for name in ("Ann", "Ann", "Bo"):
        with written_aside(aside):
            write(aside / "people.parquet", ("1", name))
            settle(tmp_path, aside)
        states.append((tmp_path / "people.parquet").stat().st_ino)
    assert states[0] == states[1] != states[2]


def test_an_extract_says_how_far_its_cursor_has_come(tmp_path: Path) -> None:
    write(tmp_path / "a.parquet", ("9", "Ann"), ("10", "Bo"), (None, "Cy"), cursor="7")
    write(tmp_path / "b.parquet", cursor="7")
    write(tmp_path / "c.parquet", ("1", "Ann"))
    assert [cursor_of(tmp_path / f"{it}.parquet") for it in "abc"] == ["10", "7", None]


@pytest.mark.parametrize(
    ("places", "row", "is_new"),
    [
        ([0], ("1", "Ann"), True),
        ([0], ("1", "Anna"), False),
        ([0], ("2", "Anna"), True),
        ([], ("1", "Ann"), False),
        ([], ("1", "Bo"), True),
    ],
)
def test_a_row_is_known_as_it_was_last(
    places: list[int], row: tuple[str, str], *, is_new: bool
) -> None:
    assert Known(places, [("1", "Ann"), ("1", "Anna")]).lacks(row) == is_new
