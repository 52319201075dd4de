"""What is known before anybody is erased: who it is, what is held, and what everything comes to."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import Connection

from benepass_tasks.catalog import Catalog
from benepass_tasks.catalog.datasets import PERSON
from benepass_tasks.config.errors import ProjectError
from benepass_tasks.engine.quoting import quote_relation, quote_text
from benepass_tasks.engine.tables import engine_of
from benepass_tasks.ingestion.people.places import (
    CLEANING,
    PLACES,
    cleaned,
    define_cleaning,
    locate,
    raw_ids,
)
from benepass_tasks.ingestion.people.traces import Traces, traces_of
from benepass_tasks.pipeline.erasure.held import condition_of
from benepass_tasks.pipeline.erasure.job import Job
from benepass_tasks.pipeline.erasure.totals import totals_of
from benepass_tasks.sqlmodels.effective import Definitions
from benepass_tasks.state.erased_records import erased_records
from benepass_tasks.state.erasures import ErasedPeople
from benepass_tasks.state.source_files import REJECTED


@dataclass(frozen=True, slots=True)
class Doubt:
    """A rejected record that has the names of one of the people, and none of their ids."""

    file: str
    number: int
    line: int


@dataclass(frozen=True, slots=True)
class Wish:
    """What somebody asked for.

    Attributes:
        people: The ids of the people, as they were given.
        at: When, UTC.
        decide: Says of a rejected record which has only names whether it goes.
        reason: Why.
        rewrites_sources: Whether source files are written anew without them.
        originals: The folder that keeps the originals of these; None where they go.
    """

    people: Sequence[str]
    at: str
    decide: Callable[[Doubt], bool]
    reason: str = ""
    rewrites_sources: bool = False
    originals: Path | None = None


def begin(
    connection: Connection, definitions: Definitions, wish: Wish, erased: ErasedPeople | None
) -> Job | None:
    """Find what has to be erased.

    Args:
        connection: A session, on a warehouse in which everything is up to date.
        definitions: The catalog and the models.
        wish: Whom to erase, and how.
        erased: Who is erased already.

    Returns:
        What is to be done; None where all of them were erased before and nothing is left.

    Raises:
        ProjectError: nothing is held about one of them.
    """
    catalog = definitions.catalog
    define_cleaning(connection, definitions.graph)
    people = _as_compared(connection, wish.people)
    held = _present(connection, catalog, people)
    unknown = [
        at
        for at, it in enumerate(people, 1)
        if it not in held and not (erased and erased.has(PERSON, it))
    ]
    if unknown:
        raise ProjectError(_unknown(unknown, len(people)))
    todo = tuple(it for it in dict.fromkeys(people) if it in held)
    if not todo and wish.rewrites_sources and erased_records(connection):
        # Raw has nothing of them any more, and the files still have.
        todo = tuple(people)
    if not todo:
        return None
    locate(connection, catalog, definitions.graph, todo)
    traces = traces_of(connection, catalog)
    if traces.is_in_record(wish.reason.encode()):
        raise ProjectError("the reason has a value of the person, and it would stay: reword it")
    return Job(
        people=todo,
        reason=wish.reason,
        began_at=wish.at,
        rewrites_sources=wish.rewrites_sources,
        originals=str(wish.originals) if wish.originals else None,
        rejected=_rejected(connection, traces, wish.decide),
        traces=traces,
        totals=totals_of(connection, catalog),
        rows=rows_held(connection, catalog),
        records=_records(connection),
    )


def _as_compared(connection: Connection, people: Sequence[str]) -> list[str]:
    listed = ", ".join(map(quote_text, people))
    query = f"select {CLEANING}(unnest([{listed}]))"
    found = [value for (value,) in connection.exec_driver_sql(query)]
    if None in found:
        raise ProjectError("an id is empty; give that of an employee, such as E0042")
    return [str(it) for it in found]


def _present(connection: Connection, catalog: Catalog, people: Sequence[str]) -> set[str]:
    """Those of the people whose rows raw has."""
    listed = ", ".join(map(quote_text, people))
    present = engine_of(connection).relations()
    queries = [
        f"select distinct {cleaned(it.person)} from {quote_relation(it.relation)} "  # noqa: S608
        f"where {cleaned(it.person)} in ({listed})"
        for it in raw_ids(catalog)
        if it.person and it.relation in present
    ]
    return {person for it in queries for (person,) in connection.exec_driver_sql(it)}


def _unknown(places: Sequence[int], of: int) -> str:
    which = f"number {', '.join(map(str, places[:10]))} of the {of} ids" if of > 1 else "this id"
    return (
        f"raw has nothing of an employee of {which}, and the list of those who are erased has not "
        "either. Is it written as in the files? Nothing was erased"
    )


def rows_held(connection: Connection, catalog: Catalog) -> dict[str, int]:
    """How many rows of each table are those of the people who were located in this session."""
    present, found = engine_of(connection).relations(), {}
    for relation, table in catalog.tables.items():
        condition = condition_of(table)
        if condition and present.get(relation) == "table":
            found[relation] = connection.exec_driver_sql(
                f"select count(*) from {quote_relation(relation)} where {condition}"  # noqa: S608
            ).scalar_one()
    return found


def _records(connection: Connection) -> Mapping[str, int]:
    """How many records of each file are theirs."""
    found = connection.exec_driver_sql(
        f"select relation || ': ' || _source_file, count(*) from {PLACES} group by 1 order by 1"  # noqa: S608
    )
    return {place: count for place, count in found}  # noqa: C416 - no pairs to mypy


def _rejected(
    connection: Connection, traces: Traces, decide: Callable[[Doubt], bool]
) -> tuple[tuple[str, int], ...]:
    """The rejected records that go, by file and number: with an id or an address, or as decided."""
    if REJECTED not in engine_of(connection).relations():
        return ()
    surely = traces.without_names
    going = []
    columns = "_source_file, record_number, line_number, raw_record"
    found = connection.exec_driver_sql(f"select {columns} from {REJECTED} order by 1, 2")  # noqa: S608
    for file, number, line, raw in found:
        record = bytes(raw)
        if surely.is_in_record(record) or (
            traces.is_in_record(record) and decide(Doubt(file, number, line))
        ):
            going.append((str(file), int(number)))
    return tuple(going)
