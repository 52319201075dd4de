"""In a catalog of Iceberg, each version of a table is a snapshot, which is ours or written anew."""

from __future__ import annotations

import threading
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import UUID

import pyarrow as pa
import pytest
from audiences import NAMED, VISITS, Columns, Publishing, Rows, visits
from examples import at_night
from lakes import Lake, configure, in_folder

from benepass_tasks.config.errors import PublicationError
from benepass_tasks.ingestion.people.traces import Traces
from benepass_tasks.pipeline.erasure.proof import search
from benepass_tasks.publish import iceberg, pieces
from benepass_tasks.publish.targets import targets_of

if TYPE_CHECKING:
    from collections.abc import Iterator

PLACE = {"catalog": "lake", "namespace": "for_staff"}
STAFF = {"staff": NAMED | {"iceberg": PLACE}}
PEOPLE, SPEND = "for_staff.people", "for_staff.spend"


@pytest.fixture
def lake(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Lake]:
    yield from in_folder(tmp_path / "lake", monkeypatch)


@pytest.fixture
def made(tmp_path: Path, lake: Lake) -> Publishing:  # noqa: ARG001 - it is configured
    return Publishing(tmp_path, STAFF)


def files_of(lake: Lake, table: str) -> list[Path]:
    place = lake.table(table).location().removeprefix("file://")
    return sorted(it for it in Path(place).rglob("*") if it.is_file())


def test_an_audience_reads_its_tables_with_what_is_said_of_them(
    made: Publishing, lake: Lake
) -> None:
    made.publish()
    assert lake.rows(PEOPLE)[1] == {
        "id": "E2",
        "name": "Zoë\n\\.",
        "email": "zoe@example.com",
        "hired": None,
        "days": -3,
        "tags": [],
    }
    fields = lake.table(SPEND).schema().fields
    assert [(it.name, str(it.field_type), it.doc) for it in fields] == [
        ("id", "string", "It."),
        ("amount", "decimal(18, 2)", "It."),
        ("shop", "string", "It."),
    ]
    assert lake.rows(SPEND)[0]["amount"] == Decimal("10.50")
    head = lake.table(PEOPLE).current_snapshot()
    assert head
    assert head.summary
    assert (head.summary[iceberg.RUN], head.summary[iceberg.RELATION]) == ("run", "marts.people")


def test_each_type_arrives_as_it_is(tmp_path: Path, lake: Lake) -> None:
    types = {
        "big": ("BIGINT", -(2**63)),
        "small": ("INTEGER", 2**31 - 1),
        "real": ("DOUBLE", 0.1),
        "is_it": ("BOOLEAN", False),
        "money": ("DECIMAL(38,10)", Decimal("1234567890123456789012345678.0123456789")),
        "day": ("DATE", date(1, 1, 1)),
        "local": ("TIMESTAMP", datetime(1969, 12, 31, 23, 59, 59, 999999)),  # noqa: DTZ001
        "at": ("TIMESTAMP WITH TIME ZONE", datetime(2026, 3, 29, 1, 30, tzinfo=UTC)),
        "bytes": ("BLOB", b"\x00\xff"),
        "some": ("DECIMAL(9,3)[]", [Decimal("0.001"), None]),
        "u": ("UUID", UUID(int=7)),
        'quoted "it\'s"': ("VARCHAR", "'; drop table x; --\x01"),
    }
    columns: Columns = {"all_types": {name: (type_, None) for name, (type_, _) in types.items()}}
    rows: Rows = {"all_types": [tuple(value for _, value in types.values()), (None,) * len(types)]}
    Publishing(tmp_path, STAFF, columns=columns, rows=rows).publish()
    nothing, everything = sorted(lake.rows("for_staff.all_types"), key=lambda it: it["big"] or 0)[
        ::-1
    ]
    assert everything == {name: value for name, (_, value) in types.items()}
    assert set(nothing.values()) == {None}


def test_a_table_without_rows_is_there(tmp_path: Path, lake: Lake) -> None:
    made = Publishing(tmp_path, STAFF)
    made.rows = made.rows | {"people": []}
    made.fill()
    made.publish()
    assert lake.rows(PEOPLE) == []
    made.publish()
    assert len(lake.snapshots(PEOPLE)) == 1


def test_what_the_table_holds_already_is_not_written_again(made: Publishing, lake: Lake) -> None:
    first = made.publish()
    made.rows = made.rows | {"spend": [("E9", "1.00", "Gym")]}
    made.fill()
    second = made.publish()
    assert len(lake.snapshots(PEOPLE)) == 1
    assert len(lake.snapshots(SPEND)) == 2
    part = "iceberg:lake/for_staff/"
    assert first["staff"][f"{part}people"] == second["staff"][f"{part}people"]
    assert first["staff"][f"{part}spend"] != second["staff"][f"{part}spend"]
    states = targets_of(made.publications.values())[0].states()
    assert states == {
        name: it.data_hash for name, it in second["staff"].items() if name.startswith(part)
    }


@pytest.mark.parametrize("keep", [2, *at_night(1)])
def test_as_many_versions_are_kept_as_the_setting_says(
    keep: int, made: Publishing, lake: Lake
) -> None:
    made.settings["keep_snapshots"] = keep
    for amount in ("1.00", "2.00", "3.00"):
        made.rows = made.rows | {"spend": [("E1", amount, amount)]}
        made.fill()
        made.publish()
    there = lake.snapshots(SPEND)
    assert [lake.rows(SPEND, it)[0]["shop"] for it in there] == ["2.00", "3.00"][-keep:]
    assert sum(it.suffix == ".parquet" for it in files_of(lake, SPEND)) == keep
    assert sum(it.name.endswith("metadata.json") for it in files_of(lake, SPEND)) <= 2


def test_no_version_stays_that_says_what_is_withheld_now(made: Publishing, lake: Lake) -> None:
    made.publish()
    made.audiences = {"staff": {"iceberg": PLACE}}
    made.publish()
    assert len(lake.snapshots(PEOPLE)) == 1
    assert set(lake.rows(PEOPLE)[0]) == {"id", "hired", "days", "tags"}
    assert not any(b"Ann" in it.read_bytes() for it in files_of(lake, PEOPLE))


def test_columns_come_go_widen_and_become_others(tmp_path: Path, lake: Lake) -> None:
    def of(**types: str) -> Columns:
        return {"t": {name: (type_, None) for name, type_ in types.items()}}

    types = of(a="INTEGER", b="DECIMAL(5,2)", c="VARCHAR")
    made = Publishing(tmp_path, STAFF, columns=types, rows={"t": [(1, "2.50", "3")]})
    made.publish()
    before = {it.name: it.field_id for it in lake.table("for_staff.t").schema().fields}
    made.columns = of(d="DATE", c="BIGINT", b="DECIMAL(9,2)", a="BIGINT")
    made.rows = {"t": [(date(2026, 1, 2), 3, "2.50", 2**40)]}
    made.fill()
    made.publish()
    assert lake.rows("for_staff.t") == [
        {"d": date(2026, 1, 2), "c": 3, "b": Decimal("2.50"), "a": 2**40}
    ]
    fields = lake.table("for_staff.t").schema().fields
    assert [it.name for it in fields] == ["d", "c", "b", "a"]
    now = {it.name: it.field_id for it in fields}
    assert (now["a"], now["b"]) == (before["a"], before["b"])
    assert now["c"] not in before.values()
    made.columns, made.rows = of(e="VARCHAR"), {"t": [("x",)]}
    made.fill()
    made.publish()
    assert lake.rows("for_staff.t") == [{"e": "x"}]


def test_of_a_large_table_only_the_months_that_changed_are_written(
    tmp_path: Path, lake: Lake, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pieces, "LARGE", 4)
    edge = "2026-01-31 23:59:59.999999+00"
    rows = visits("2025-12-01 00:00:00+00", edge, "2026-02-01 00:00:00+00", None)
    made = Publishing(tmp_path, STAFF, columns=VISITS, rows=rows, months={"visits": "at"})
    made.publish()
    table = lake.table("for_staff.visits")
    assert [str(it) for it in table.spec().fields] == ["1000: at_month: month(2)"]
    parts = {str(it.file.partition): it.file for it in table.scan().plan_files()}
    assert len(parts) == 4
    assert len(lake.rows("for_staff.visits")) == 4
    made.rows["visits"][1] = ("V1", "2026-01-05 00:00:00+00")
    made.fill()
    made.publish()
    after = {
        str(it.file.partition): it.file for it in lake.table("for_staff.visits").scan().plan_files()
    }
    changed = {it for it in parts if parts[it].file_path != after[it].file_path}
    assert changed == {"Record[672]"}
    # It is read by month, and stays partitioned though there are few rows by now.
    made.rows = visits("2026-01-05 00:00:00+00", None)
    made.fill()
    made.publish()
    found = lake.table("for_staff.visits").scan("at >= '2026-01-01T00:00:00+00:00'")
    assert found.to_arrow()["id"].to_pylist() == ["V0"]
    assert len(list(found.plan_files())) == 1


def test_a_table_that_grows_large_is_partitioned_from_then_on(
    tmp_path: Path, lake: Lake, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pieces, "LARGE", 2)
    made = Publishing(tmp_path, STAFF, columns=VISITS, rows=visits(None), months={"visits": "at"})
    made.publish()
    assert lake.table("for_staff.visits").spec().is_unpartitioned()
    made.rows = visits(None, "2026-01-05 00:00:00+00")
    made.fill()
    made.publish()
    assert not lake.table("for_staff.visits").spec().is_unpartitioned()
    assert len(lake.rows("for_staff.visits")) == 2


def foreign(table: Any) -> None:  # noqa: ANN401 - pyiceberg's
    table.append(pa.table({"id": ["X1"], "shop": ["theirs"]}))


def rolled_back(table: Any) -> None:  # noqa: ANN401
    first = table.metadata.snapshots[0].snapshot_id
    table.manage_snapshots().rollback_to_snapshot(first).commit()


def renamed(table: Any) -> None:  # noqa: ANN401
    with table.update_schema() as schema:
        schema.rename_column("shop", "place")


def emptied(table: Any) -> None:  # noqa: ANN401
    table.delete("id = 'E1'")


@pytest.mark.parametrize("change", [foreign, *at_night(rolled_back, renamed, emptied)])
def test_what_somebody_else_has_done_to_a_table_is_seen_and_undone(
    change: Any,  # noqa: ANN401 - one of the above
    made: Publishing,
    lake: Lake,
) -> None:
    made.publish()
    made.rows = made.rows | {"spend": [("E1", "3.00", "Gym"), ("E2", "4.00", "Spa")]}
    made.fill()
    made.publish()
    target = targets_of(made.publications.values())[0]
    before, rows = target.states(), lake.rows(SPEND)
    change(lake.table(SPEND))
    assert target.states() != before
    made.publish()
    assert lake.rows(SPEND) == rows
    foreign_snapshots = [
        it
        for it in lake.table(SPEND).metadata.snapshots
        if not it.summary or not it.summary[iceberg.RUN]
    ]
    assert foreign_snapshots == []


@pytest.mark.parametrize("state", ["somebody's", "another environment's", "another audience's"])
def test_the_table_of_somebody_else_is_left_alone(state: str, made: Publishing, lake: Lake) -> None:
    if state == "somebody's":
        lake.catalog.create_namespace("for_staff")
        lake.catalog.create_table(SPEND, pa.schema({"id": pa.string()}))
    else:
        made.settings["env"] = "prod"
        made.publish()
        if state == "another environment's":
            made.settings["env"] = "dev"
        else:
            made.audiences = {"others": NAMED | {"iceberg": PLACE}}
    before = lake.table(SPEND).metadata_location
    with pytest.raises(PublicationError, match=r"for_staff\.\w+ is there and is not that of this"):
        made.publish()
    assert lake.table(SPEND).metadata_location == before


def test_whoever_is_late_does_not_write_over_what_came_between(
    made: Publishing, lake: Lake, monkeypatch: pytest.MonkeyPatch
) -> None:
    made.publish()
    made.rows = made.rows | {"spend": [("E1", "3.00", "Gym")]}
    made.fill()
    commit = iceberg.Lake.commit

    def overtaken(it: iceberg.Lake) -> Any:  # noqa: ANN401 - what it commits
        thread = threading.Thread(target=lambda: foreign(lake.table(SPEND)))
        thread.start()
        thread.join()
        return commit(it)

    with monkeypatch.context() as patched:
        patched.setattr(iceberg.Lake, "commit", overtaken)
        with pytest.raises(
            PublicationError, match="somebody else has written a table of for_staff"
        ):
            made.publish()
    assert {"id": "X1", "amount": None, "shop": "theirs"} in lake.rows(SPEND)
    made.publish()
    assert lake.rows(SPEND) == [{"id": "E1", "amount": Decimal("3.00"), "shop": "Gym"}]


@pytest.mark.parametrize("step", ["_tidy", *at_night("_check_rows", "_state_of")])
def test_a_kill_leaves_each_table_old_or_new_and_the_next_run_finishes(
    step: str, made: Publishing, lake: Lake, monkeypatch: pytest.MonkeyPatch
) -> None:
    made.publish()
    old = {it: lake.rows(it) for it in (PEOPLE, SPEND)}
    made.rows = {"people": [("E7", "Di", None, None, 7, None)], "spend": [("E7", "7.00", "Gym")]}
    made.fill()
    with monkeypatch.context() as patched:
        patched.setattr(iceberg, step, lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            made.publish()
    between = {it: lake.rows(it) for it in (PEOPLE, SPEND)}
    made.publish()
    new = {it: lake.rows(it) for it in (PEOPLE, SPEND)}
    assert len(new[PEOPLE]) == len(new[SPEND]) == 1
    assert all(between[it] in (old[it], new[it]) for it in between)
    assert len(lake.snapshots(PEOPLE)) == 2


def test_where_another_audience_cannot_have_its_files_the_lake_stays_as_it_was(
    made: Publishing, lake: Lake
) -> None:
    made.publish()
    before = files_of(lake, SPEND)
    made.rows = made.rows | {"spend": [("E1", "3.00", "Gym")]}
    made.fill()
    made.audiences = STAFF | {"zoo": {"group": "no such group"}}
    with pytest.raises(PublicationError, match="no such group"):
        made.publish()
    assert len(lake.rows(SPEND)) == 2
    assert {it for it in files_of(lake, SPEND) if it.suffix == ".parquet"} <= {*before}


def test_of_a_table_that_is_published_no_longer_nothing_is_left(
    made: Publishing, lake: Lake
) -> None:
    made.publish()
    place = Path(lake.table(PEOPLE).location().removeprefix("file://"))
    target = targets_of(made.publications.values())[0]
    target.drop()
    target.drop()
    assert lake.catalog.list_tables("for_staff") == []
    assert not [it for it in place.rglob("*") if it.is_file()]
    assert target.states() == {}


def test_an_erasure_leaves_no_version_and_no_file_that_has_the_person(
    made: Publishing, lake: Lake
) -> None:
    def found() -> dict[str, Any]:
        addresses = frozenset({"ann@example.com"})
        traces, publications = Traces({}, addresses, frozenset()), made.publications.values()
        hits = search(made.told, traces, publications).hits
        return {where: it for where, it in hits.items() if where.startswith("lake: ")}

    made.publish()
    assert set(found()) == {"lake: table for_staff.people"}
    # A run that was killed has left this.
    table = lake.table(PEOPLE)
    (left,) = [it for it in files_of(lake, PEOPLE) if it.suffix == ".parquet"]
    left.with_name("left.parquet").write_bytes(left.read_bytes())
    table.manage_snapshots().create_tag(table.metadata.snapshots[0].snapshot_id, "mine").commit()
    made.rows = made.rows | {"people": [("E2", "erased", "erased@example.com", None, 1, None)]}
    made.fill()
    made.publish()
    assert found()
    for target in targets_of(made.publications.values()):
        target.forget_past()
    assert found() == {}
    assert len(lake.rows(PEOPLE)) == 1


def test_a_local_lake_is_closed_to_whom_its_tables_are_not_for(
    made: Publishing, lake: Lake
) -> None:
    made.publish()
    place = Path(lake.table(PEOPLE).location().removeprefix("file://"))
    assert place.stat().st_mode & 0o777 == 0o750


def test_two_audiences_have_namespaces_of_their_own(tmp_path: Path, lake: Lake) -> None:
    other = {"finance": {"iceberg": PLACE | {"namespace": "for_finance"}}}
    Publishing(tmp_path, STAFF | other).publish()
    assert "name" in lake.rows(PEOPLE)[0]
    assert "name" not in lake.rows("for_finance.people")[0]


@pytest.mark.parametrize(
    ("uri", "said"),
    [
        ("sqlite:////nowhere/catalog.db", "unable to open database file"),
        ("postgresql+psycopg://hr:pa55word@127.0.0.1:1/lake", "connection"),
        ("http://hr:pa55word@127.0.0.1:1", "ConnectionError"),
        ("gopher://hr:pa55word@127.0.0.1", "Could not infer the catalog type"),
        ("postgresql+nodriver://hr:pa55word@127.0.0.1/x", "NoSuchModuleError"),
    ],
)
def test_a_catalog_that_cannot_be_reached_is_named_without_its_password(
    uri: str, said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    configure(monkeypatch, uri=uri, warehouse=f"file://{tmp_path}/tables", token="t0ken-t0ken")  # noqa: S106 - of nobody
    made = Publishing(tmp_path, STAFF)
    with pytest.raises(PublicationError, match="catalog lake") as caught:
        made.publish()
    assert said in str(caught.value)
    assert "pa55word" not in str(caught.value)
    assert "t0ken" not in str(caught.value)
    assert targets_of(made.publications.values())[0].states() is None


def test_a_catalog_that_is_not_configured_is_named_with_what_to_do(tmp_path: Path) -> None:
    made = Publishing(tmp_path, STAFF)
    with pytest.raises(PublicationError, match="export PYICEBERG_CATALOG__LAKE__URI"):
        made.publish()
