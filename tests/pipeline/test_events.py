"""A source of change events: each is accounted for, and the marts have the table as it is now."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from erasing import KEY, erased
from events import Writer, deliver, follow, person

from benepass_tasks.catalog import load_catalog
from benepass_tasks.config.errors import CatalogError
from benepass_tasks.config.hash_key import VARIABLE

if TYPE_CHECKING:
    from workspace import Workspace

WRITER = Writer()
ROWS = "select employee_id, first_name, status from marts.dim_employees order by 1"
FIRST = WRITER.snapshot(*(person(it) for it in range(1, 6)), lsn=100)
PAGE = "---\ntitle: People\n---\n# People\n"
"""What an erasure, which makes the pages anew, begins with."""
GONE = WRITER.event("d", person(2), 120)


@pytest.fixture
def project(people: Workspace) -> Workspace:
    follow(people)
    deliver(people, "1", *FIRST)
    return people


def names(project: Workspace) -> list[tuple[str, str]]:
    return [(id_, first) for id_, first, _ in project.query(ROWS)]


def test_each_event_is_accounted_for_and_the_last_of_each_row_counts(project: Workspace) -> None:
    project.run()
    assert [it for it, _ in names(project)] == ["E1", "E2", "E3", "E4", "E5"]
    assert project.query("select distinct hire_date::varchar from marts.dim_employees") == [
        ("2020-01-01",)
    ]
    changed = WRITER.event("u", person(1, status="terminated"), 110, before=person(1))
    other = Writer("hr.accounts").event("c", {"id": "A1"}, 125)
    deliver(
        project, "2", changed, GONE, "null", other, WRITER.event("c", person(6), 130), "no event"
    )
    project.run()
    # One arrives that is older than what has been loaded, and one that has been delivered before.
    deliver(project, "3", WRITER.event("u", person(2, first_name="Old"), 105), changed)
    project.run()
    assert project.query(ROWS) == [
        ("E1", "Ann", "terminated"),
        ("E3", "Cy", "active"),
        ("E4", "Di", "active"),
        ("E5", "Ed", "active"),
        ("E6", "Flo", "active"),
    ]
    assert project.query(
        "select file, records, parsed, rejected, passed_over from meta.loads order by 1"
    ) == [
        ("staff/1.jsonl", 5, 5, 0, 0),
        ("staff/2.jsonl", 4, 3, 1, 2),
        ("staff/3.jsonl", 2, 2, 0, 0),
    ]
    assert project.query(
        "select _source_file, _row_number, _op from raw.employees where employee_id = 'E2' "
        "order by _position"
    ) == [("staff/1.jsonl", 2, "r"), ("staff/3.jsonl", 1, "u"), ("staff/2.jsonl", 2, "d")]
    assert project.query("select record_number, line_number from raw.rejected_rows") == [(4, 6)]
    # Of eleven records ten are in raw, and five of these have been replaced or are gone.
    assert project.query(
        "select figure, value::int from meta.quality_figures where dataset = 'employees' and "
        "figure in ('records', 'clean', 'uncounted', 'rejected', 'accepted_rate') and run_id = "
        "(select run_id from meta.runs order by started_at desc limit 1) order by 1"
    ) == [("accepted_rate", 1), ("clean", 5), ("records", 11), ("rejected", 1), ("uncounted", 5)]


def test_a_file_without_an_event_of_the_table_is_loaded_as_such(project: Workspace) -> None:
    deliver(project, "2", '{"ts_ms": 1}', WRITER.event("t", None, 90))
    project.run()
    assert len(names(project)) == 5
    assert project.query("select records, passed_over from meta.loads where file like '%2%'") == [
        (1, 1)
    ]


def test_events_that_take_most_rows_away_are_refused_until_they_are_accepted(
    project: Workspace, caplog: pytest.LogCaptureFixture
) -> None:
    project.run()
    deliver(project, "2", WRITER.event("t", None, 200), WRITER.event("c", person(7), 201))
    assert not project.attempt()[1]
    assert "2.jsonl is refused: after its events 1 of 5 rows are left" in caplog.text
    assert "Was the table emptied by mistake" in caplog.text
    assert len(names(project)) == 5
    project.run(accept="employees")
    assert names(project) == [("E7", "Gus")]


def test_a_new_reading_of_the_table_leaves_out_what_is_gone(project: Workspace) -> None:
    project.run()
    deliver(project, "2", *WRITER.snapshot(person(1), person(2), person(4), lsn=300))
    project.run()
    assert [it for it, _ in names(project)] == ["E1", "E2", "E4"]


def test_events_without_a_schema_are_read_as_the_catalog_says(people: Workspace) -> None:
    follow(people)
    people.replace(
        "catalog.yaml", "holds: date\n", "holds: date\n        written_as: {epoch: days}\n"
    )
    deliver(people, "1", Writer(has_schema=False).event("c", person(1), 1))
    people.run()
    assert people.query("select hire_date::varchar from marts.dim_employees") == [("2020-01-01",)]


def test_a_large_value_that_an_event_does_not_say_is_that_of_the_one_before(
    project: Workspace,
) -> None:
    unsaid = person(1, last_name="__debezium_unavailable_value", status="on_leave")
    deliver(project, "2", WRITER.event("u", unsaid, 110))
    project.run()
    assert project.query(
        "select last_name, status from marts.dim_employees where employee_id = 'E1'"
    ) == [("Archer", "on_leave")]


def test_what_is_past_its_retention_goes_with_all_events_of_it(people: Workspace) -> None:
    keep = {"keep": "5 years", "by": "hire_date", "then": "delete"}
    follow(people, retention=keep, guards={"max_expired": "100%"})
    old, new = 18262 - 365, 20454
    deliver(people, "1", WRITER.event("c", person(1), 1), WRITER.event("c", person(2), 2))
    deliver(people, "2", WRITER.event("u", person(1, hire_date=new), 3))
    # The last event of this row is older than the one before it, which must not come back.
    deliver(people, "3", WRITER.event("c", person(3, hire_date=new), 4))
    deliver(people, "4", WRITER.event("u", person(3, hire_date=old), 5))
    people.run(as_of="2026-01-02")
    assert names(people) == [("E1", "Ann")]
    assert people.query("select employee_id, _position::int from raw.employees order by 2") == [
        ("E1", 1),
        ("E1", 3),
    ]
    # Nor where it arrives by itself, and would be left out of its file by its own day.
    deliver(people, "5", WRITER.event("c", person(4, hire_date=new), 6))
    deliver(people, "6", WRITER.event("u", person(4, hire_date=old), 7))
    people.run(as_of="2026-01-02")
    assert names(people) == [("E1", "Ann")]
    assert people.query("select sum(records), sum(parsed), sum(expired) from meta.loads") == [
        (7, 2, 5)
    ]


def test_an_erasure_reaches_events_before_and_after_a_change(
    project: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(VARIABLE, KEY)
    project.write("pages/index.md", PAGE)
    before = person(1, employee_id="EMP-1001", first_name="Greta", last_name="Aldous")
    before |= {"email": "greta@example.com"}
    after = before | {"last_name": "Marlowe", "email": "marlowe@example.com"}
    reused = person(8, employee_id="EMP-1008")
    deliver(
        project,
        "2",
        WRITER.event("c", before, 110),
        WRITER.event("u", after, 111, before=before),
        WRITER.event("d", after, 112),
        WRITER.event("c", reused, 113),
    )
    # Only what the row was before is hers.
    deliver(
        project, "3", WRITER.event("u", reused, 114, before=before), WRITER.event("c", person(7), 9)
    )
    project.run()
    (certificate,) = erased(project, ["EMP-1001"], rewrites_sources=True)
    assert certificate.is_proven
    assert not certificate.standing
    files = [it for it in project.root.rglob("*") if it.is_file() and "erasures" not in it.parts]
    for value in (b"EMP-1001", b"Greta", b"Marlowe", b"greta@example.com"):
        assert [it.name for it in files if value in it.read_bytes()] == []
    lines = (project.data / "staff/2.jsonl").read_text(encoding="utf-8").splitlines()
    first, second, third, _ = (json.loads(it)["payload"] for it in lines)
    assert second["before"] is None
    assert first["after"]["employee_id"] == second["after"]["employee_id"]
    assert third["before"]["employee_id"] == second["after"]["employee_id"]
    # The events that are left are those that were loaded, and make the same rows.
    assert project.run() == set()
    there = names(project)
    project.warehouse.unlink()
    project.run("marts.dim_employees")
    assert names(project) == there
    assert "EMP-1008" in dict(there)


def test_an_erased_person_does_not_come_back_by_later_events(
    project: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(VARIABLE, KEY)
    project.write("pages/index.md", PAGE)
    deliver(project, "2", WRITER.event("c", person(7, employee_id="EMP-1001"), 110))
    project.run()
    erased(project, ["EMP-1001"])
    deliver(project, "3", WRITER.event("u", person(7, employee_id="EMP-1001"), 120))
    project.run()
    assert project.query("select erased from meta.loads where file like '%3%'") == [(1,)]
    assert "EMP-1001" not in [it for it, _ in names(project)]


def test_what_is_for_files_of_records_is_refused(people: Workspace) -> None:
    follow(
        people, census="active_only", ordered_by="hire_date", key=["employee_id", "_source_file"]
    )
    with pytest.raises(CatalogError) as told:
        load_catalog(people.root / "catalog.yaml")
    assert "census: is for files of records" in str(told.value)
    assert "ordered_by: is for files of records" in str(told.value)
    assert "key: is the primary key of the table" in str(told.value)
