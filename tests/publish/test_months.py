"""A large table is published as a file for each month, of which those that changed are written."""

from __future__ import annotations

import os
import stat
import tempfile
from collections import defaultdict
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Any

import duckdb
import pyarrow.parquet as pq
import pytest
from audiences import NAMED, VISITS, Publishing, visits
from examples import examples
from hypothesis import given
from hypothesis import strategies as st

from benepass_tasks.config.errors import PublicationError
from benepass_tasks.publish import parquet_files, pieces, public_files, publishing
from benepass_tasks.state.publication import published_files

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from workspace import Workspace


LARGE = 3
FILE = "parquet/marts.visits.parquet"
DECEMBER, JANUARY, FEBRUARY = "2025-12", "2026-01", "2026-02"
NO_MONTH = "no-month"


@pytest.fixture(autouse=True)
def _few_rows_are_many(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pieces, "LARGE", LARGE)


@pytest.fixture
def made(tmp_path: Path) -> Publishing:
    return project(tmp_path)


def project(root: Path) -> Publishing:
    months = {"visits": "at"}
    rows = visits(f"{DECEMBER}-31 23:59:59.999999+00", f"{JANUARY}-01 00:00:00+00", None)
    return Publishing(root, {"staff": NAMED}, columns=VISITS, rows=rows, months=months)


def folder_of(made: Publishing) -> Path:
    return made.root / "data" / "published.staff"


def table_of(made: Publishing) -> Path:
    return folder_of(made) / "parquet" / "marts.visits"


def at(made: Publishing, *instants: str | None) -> None:
    """Let the warehouse have visits at some instants, which are published next."""
    made.rows = visits(*instants)
    made.fill()


def inodes(made: Publishing) -> dict[str, int]:
    """The file of each month, which is another whenever it was written."""
    return {it.stem: it.stat().st_ino for it in sorted(table_of(made).iterdir())}


def ids(source: Path) -> list[str]:
    """What a file has, or all files of a folder, in their order."""
    files = f"{source}/*.parquet" if source.is_dir() else str(source)
    found = duckdb.execute(f"select id from read_parquet('{files}')").fetchall()
    return [it for (it,) in found]


# ----------------------------------------------------------------------------------- what it is


def test_each_month_of_a_large_table_is_a_file_and_so_are_rows_of_no_month(
    made: Publishing,
) -> None:
    made.publish()
    found = {it.name: ids(it) for it in table_of(made).iterdir()}
    assert found == {
        f"{DECEMBER}.parquet": ["V0"],
        f"{JANUARY}.parquet": ["V1"],
        f"{NO_MONTH}.parquet": ["V2"],
    }
    assert not (folder_of(made) / FILE).exists()


def test_whoever_reads_the_folder_gets_the_columns_of_the_catalog_and_no_other(
    made: Publishing,
) -> None:
    made.publish()
    assert pq.read_table(table_of(made)).column_names == ["id", "at"]
    with duckdb.connect() as db:
        read = f"read_parquet('{table_of(made)}/*.parquet')"
        found = [(name, kind) for name, kind, *_ in db.execute(f"describe from {read}").fetchall()]
    assert found == [("id", "VARCHAR"), ("at", "TIMESTAMP WITH TIME ZONE")]


def test_rows_of_a_month_are_sorted(made: Publishing) -> None:
    at(made, *[f"{JANUARY}-02 00:00:00+00"] * 3)
    made.rows["visits"].reverse()
    made.fill()
    made.publish()
    assert ids(table_of(made)) == ["V0", "V1", "V2"]


@pytest.mark.parametrize("instant", ["0044-03-15 (BC) 00:00:00+00", "infinity", "12026-01-01"])
def test_a_month_may_be_any_that_an_instant_has(made: Publishing, instant: str) -> None:
    at(made, instant, None, None)
    made.publish()
    assert len(inodes(made)) == 2
    before = inodes(made)
    made.publish()
    assert inodes(made) == before
    assert sorted(ids(table_of(made))) == ["V0", "V1", "V2"]


@pytest.mark.parametrize("table", ["it has no month", "its day is not shown", "few rows"])
def test_other_tables_are_a_file_each(made: Publishing, table: str) -> None:
    if table == "it has no month":
        made.months = {}
    elif table == "few rows":
        at(made, None, None)
    else:
        day = {"class": "quasi_identifier", "kind": "DATE"}
        made.columns = {"visits": VISITS["visits"] | {"at": ("TIMESTAMP WITH TIME ZONE", day)}}
        made.audiences = {"staff": {"treatment": {"DATE": "drop"}}}
    made.publish()
    assert len(ids(folder_of(made) / FILE)) == len(made.rows["visits"])
    assert not table_of(made).exists()


def test_the_files_are_for_whom_the_audience_is(made: Publishing) -> None:
    made.publish()
    at(made, f"{DECEMBER}-01", f"{FEBRUARY}-01", None)
    made.publish()
    modes = {it.name: stat.S_IMODE(it.stat().st_mode) for it in table_of(made).iterdir()}
    assert modes == dict.fromkeys(modes, 0o640)
    assert stat.S_IMODE(table_of(made).stat().st_mode) == 0o750
    made.audiences = {"staff": NAMED | {"mode": "0600"}}
    made.publish()
    modes = {it.name: stat.S_IMODE(it.stat().st_mode) for it in table_of(made).iterdir()}
    assert modes == dict.fromkeys(modes, 0o600)
    assert stat.S_IMODE(table_of(made).stat().st_mode) == 0o700


# ------------------------------------------------------------------------------ what is written


def test_only_months_that_changed_are_written_and_those_that_are_empty_go(
    made: Publishing,
) -> None:
    made.publish()
    before = inodes(made)
    at(made, f"{DECEMBER}-31 23:59:59.999999+00", f"{FEBRUARY}-01", None)
    made.publish()
    after = inodes(made)
    assert after.keys() == {DECEMBER, FEBRUARY, NO_MONTH}
    assert {it for it in after if after[it] == before.get(it)} == {DECEMBER, NO_MONTH}
    assert ids(table_of(made)) == ["V0", "V1", "V2"]


def test_what_is_shown_otherwise_is_written_anew(made: Publishing) -> None:
    made.publish()
    before = inodes(made)
    made.audiences = {"staff": {"mode": "0600"}}
    made.publish()
    after = inodes(made)
    assert not {it for it in after if after[it] == before[it]}


def written_by_hand(month: Path) -> None:
    """Other rows under the name of a month, which says that they are those of before."""
    said = pq.read_metadata(month).metadata or {}
    rows = pq.read_table(month, memory_map=False)
    pq.write_table(rows.slice(0, 0).replace_schema_metadata(said), month)


DAMAGE: dict[str, Callable[[Path], object]] = {
    "a month is deleted": lambda it: it.unlink(),
    "a month has other rows and says that it has not": written_by_hand,
    "a file is added": lambda it: (it.parent / "copy.parquet").write_bytes(it.read_bytes()),
    "a month is hidden from others": lambda it: it.chmod(0o600),
    "a file is there as before": lambda it: (it.parent.parent / Path(FILE).name).write_text("x"),
}


@pytest.mark.parametrize("damage", DAMAGE)
def test_what_is_not_as_it_was_left_is_written_anew(made: Publishing, damage: str) -> None:
    made.publish()
    state = published_files(folder_of(made))[FILE]
    before = {it.name: ids(it) for it in table_of(made).iterdir()}
    DAMAGE[damage](table_of(made) / f"{JANUARY}.parquet")
    assert published_files(folder_of(made))[FILE] != state
    made.publish()
    assert {it.name: ids(it) for it in table_of(made).iterdir()} == before
    assert {it.stat().st_mode & 0o777 for it in table_of(made).iterdir()} == {0o640}
    assert not (folder_of(made) / FILE).exists()


def test_a_hidden_file_is_nobodys_business(made: Publishing) -> None:
    made.publish()
    before = inodes(made)
    (table_of(made) / ".nfs0001").write_text("somebody has it open")
    made.publish()
    assert inodes(made) == before | {".nfs0001": (table_of(made) / ".nfs0001").stat().st_ino}


def test_what_becomes_of_a_month_while_others_are_written_is_seen_by_the_next_run(
    made: Publishing, monkeypatch: pytest.MonkeyPatch
) -> None:
    made.publish()
    at(made, f"{DECEMBER}-31 23:59:59.999999+00", f"{JANUARY}-05", None)
    december, swap = table_of(made) / f"{DECEMBER}.parquet", public_files.put_in_place

    def overtaken(*arguments: Any) -> None:  # noqa: ANN401 - whatever it takes
        written_by_hand(december)
        swap(*arguments)

    with monkeypatch.context() as patched:
        patched.setattr(publishing, "put_in_place", overtaken)
        made.publish()
    assert ids(december) == []
    assert published_files(folder_of(made))[FILE] != made.left["staff"][FILE]
    made.publish()
    assert ids(december) == ["V0"]


def test_where_nobody_knows_how_it_was_left_all_of_it_is_written(made: Publishing) -> None:
    made.publish()
    before = inodes(made)
    made.left = {}
    made.publish()
    assert not before.items() & inodes(made).items()


def test_a_row_of_a_month_that_is_lost_on_the_way_is_missed(
    made: Publishing, monkeypatch: pytest.MonkeyPatch
) -> None:
    made.publish()
    before = inodes(made)
    at(made, f"{DECEMBER}-31 23:59:59.999999+00", f"{JANUARY}-05", f"{JANUARY}-06")
    write = parquet_files.ParquetFiles._write  # noqa: SLF001 - where it is lost

    def lossy(*arguments: Any) -> None:  # noqa: ANN401 - whatever it takes
        files, table, name, source, *rest = arguments
        write(files, table, name, f"{source} limit 1", *rest)

    monkeypatch.setattr(parquet_files.ParquetFiles, "_write", lossy)
    with pytest.raises(PublicationError, match="visits, 2026-01: the warehouse has 2 rows, and 1"):
        made.publish()
    assert inodes(made) == before


# ------------------------------------------------------------------------- one file, and months


def test_a_table_that_grows_large_is_in_months_from_then_on(made: Publishing) -> None:
    at(made, f"{JANUARY}-01", None)
    made.publish()
    assert ids(folder_of(made) / FILE) == ["V0", "V1"]
    at(made, f"{JANUARY}-01", None, None)
    made.publish()
    assert inodes(made).keys() == {JANUARY, NO_MONTH}
    assert not (folder_of(made) / FILE).exists()
    at(made, f"{FEBRUARY}-01")
    made.publish()
    assert inodes(made).keys() == {FEBRUARY}


@pytest.mark.parametrize("change", ["it has no rows", "it has no month"])
def test_a_table_that_has_no_months_any_more_is_a_file(made: Publishing, change: str) -> None:
    made.publish()
    if change == "it has no rows":
        at(made)
    else:
        made.months = {}
    made.publish()
    assert len(ids(folder_of(made) / FILE)) == len(made.rows["visits"])
    assert not table_of(made).exists()


def test_a_folder_of_months_comes_with_all_of_them(
    made: Publishing, monkeypatch: pytest.MonkeyPatch
) -> None:
    moved, replace = [], os.replace
    monkeypatch.setattr(os, "replace", lambda old, new: moved.append(new.name) or replace(old, new))
    made.publish()
    assert {*moved} == {"benepass.duckdb", "marts.visits"}


def test_of_a_table_that_is_published_no_longer_no_month_is_left(made: Publishing) -> None:
    made.publish()
    made.columns, made.rows = {"others": VISITS["visits"]}, {"others": []}
    made.fill()
    made.publish()
    assert [it.name for it in (folder_of(made) / "parquet").iterdir()] == ["marts.others.parquet"]
    publishing.retire(folder_of(made))
    assert not folder_of(made).exists()


# ---------------------------------------------------------------------------------- in a run


@pytest.mark.usefixtures("finished")
def test_a_run_writes_the_months_that_have_changed_and_all_where_somebody_was_at_them(
    workspace: Workspace,
) -> None:
    def published() -> set[str]:
        return {it for it in workspace.run("Publish") if it.startswith("published:parquet")}

    facts = workspace.published / "parquet" / "marts.fact_transactions"
    workspace.replace("data/transactions.csv", "2025-03-02T10", "2025-04-02T10")
    published()
    before = {it.name: it.stat().st_ino for it in facts.iterdir()}
    assert len(before) == 2
    workspace.replace("data/transactions.csv", "T5,E3,A3,Plum Crate,20.00", "T5,E3,A3,Fig,21.00")
    assert "published:parquet/marts.fact_transactions.parquet" in published()
    after = {it.name: it.stat().st_ino for it in facts.iterdir()}
    assert len(after.items() - before.items()) == 1
    (facts / min(after)).unlink()
    assert published() == {"published:parquet/marts.fact_transactions.parquet"}
    again = {it.name: it.stat().st_ino for it in facts.iterdir()}
    assert again.keys() == after.keys()
    assert not again.items() & after.items()
    assert published() == set()


# ------------------------------------------------------------------------------ in any order


INSTANTS = st.sampled_from([None, f"{DECEMBER}-31 10:00:00+00", f"{JANUARY}-01", f"{FEBRUARY}-02"])
STEPS = st.tuples(
    st.lists(INSTANTS, max_size=6),
    st.none() | st.sampled_from(sorted(DAMAGE)),
    st.none() | st.integers(0, 4),
)


@examples(4)
@given(st.lists(STEPS, min_size=2, max_size=5))
def test_whatever_happens_it_ends_as_if_all_of_it_were_published_for_the_first_time(
    steps: list[tuple[list[str | None], str | None, int | None]],
) -> None:
    """Rows come and go, somebody is at the files, and runs are killed between any two of these."""
    with tempfile.TemporaryDirectory() as here, tempfile.TemporaryDirectory() as there:
        made = project(Path(here))
        for instants, damage, killed_at in steps:
            months = sorted(table_of(made).glob("*.parquet"))
            was_in_months, before = bool(months), {it.name: it.stat().st_ino for it in months}
            if damage and months:
                DAMAGE[damage](months[0])
            old = by_month(made)
            at(made, *instants)
            new = expected(made)
            with killed_before(killed_at) as was_killed:
                made.publish()
            if was_killed:
                for name, found in by_month(made).items():
                    assert found in (old.get(name), new.get(name)), name
                made.publish()
            is_in_months = len(instants) >= (1 if was_in_months else LARGE)
            assert table_of(made).exists() == is_in_months != (folder_of(made) / FILE).exists()
            if is_in_months:
                assert by_month(made) == new
            if not damage and not was_killed:
                files = table_of(made).glob("*")
                kept = {it.name for it in files if it.stat().st_ino == before.get(it.name)}
                assert kept == {it for it in new if new[it] == old.get(it)}
            made.publish()
        full = project(Path(there))
        full.rows = made.rows
        full.fill()
        full.publish()
        assert read(made) == read(full)


def by_month(made: Publishing) -> dict[str, list[str]]:
    return {it.name: ids(it) for it in table_of(made).glob("*.parquet") if it.stem != "copy"}


def expected(made: Publishing) -> dict[str, list[str]]:
    """What the file of each month should have."""
    found = defaultdict[str, list[str]](list)
    for id_, instant in made.rows["visits"]:
        found[f"{instant[:7] if instant else NO_MONTH}.parquet"].append(id_)
    return dict(found)


def read(made: Publishing) -> tuple[list[str], list[dict[str, Any]]]:
    """What readers of both forms find."""
    source = folder_of(made) / FILE
    return sorted(ids(source if source.exists() else table_of(made))), made.read("staff", "visits")


@contextmanager
def killed_before(step: int | None) -> Iterator[list[str]]:
    """Kill what runs within after it has moved or removed so many files; tells if it was."""
    steps, told = count(), list[str]()

    def counted(call: Callable[..., None]) -> Callable[..., None]:
        def killed_at_last(*args: Any, **named: Any) -> None:  # noqa: ANN401 - whatever it takes
            if next(steps) == step:
                raise KeyboardInterrupt
            call(*args, **named)

        return killed_at_last

    with pytest.MonkeyPatch.context() as patched:
        for name in ("replace", "unlink"):
            patched.setattr(os, name, counted(getattr(os, name)))
        try:
            yield told
        except KeyboardInterrupt:
            told.append("killed")
