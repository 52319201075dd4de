"""The one transaction in which raw, and all that is known of it, has nothing of people any more."""

from collections.abc import Iterator, Sequence

from sqlalchemy import Connection, delete, update

from benepass_tasks.engine.quoting import quote_name, quote_relation
from benepass_tasks.engine.tables import engine_of
from benepass_tasks.ingestion.people.anonymising import anonymise
from benepass_tasks.ingestion.people.places import locate
from benepass_tasks.ingestion.people.traces import Traces
from benepass_tasks.pipeline.erasure.job import Job
from benepass_tasks.state.meta import (
    BACKFILLS,
    INPUTS,
    KEPT_CHANGES,
    LOADS,
    MARKERS,
    STAGED_SUMS,
    STEPS,
)
from benepass_tasks.state.run import Run
from benepass_tasks.state.source_files import REJECTED
from benepass_tasks.state.store import SCHEMA, state_of

OUTSIDE = (SCHEMA, "raw")
"""The schemas of tables that no run builds anew."""


def anonymise_raw(connection: Connection, run: Run, job: Job) -> int:
    """Anonymise people in raw, and forget all that was built of it.

    Args:
        connection: A session in the transaction that does all of it or nothing.
        run: The run that erases.
        job: Whom.

    Returns:
        How many dates stay, since nobody can write the form that they have.
    """
    catalog, graph = run.definitions.catalog, run.definitions.graph
    locate(connection, catalog, graph, job.people)
    done = anonymise(connection, catalog, graph)
    _drop_rejected(connection, job.rejected)
    _forget_what_was_built(connection)
    scrub(connection, job.traces)
    return sum(it.dates_as_written for it in done)


def _drop_rejected(connection: Connection, records: Sequence[tuple[str, int]]) -> None:
    """Remove rejected records, which the books then count as erased."""
    for file, number in records:
        gone = connection.exec_driver_sql(
            f"delete from {REJECTED} where _source_file = ? and record_number = ?",  # noqa: S608
            (file, number),
        ).rowcount
        counts = {"rejected": LOADS.c.rejected - gone, "erased": LOADS.c.erased + gone}
        state_of(connection).execute(update(LOADS).where(LOADS.c.file == file).values(counts))


def _forget_what_was_built(connection: Connection) -> None:
    """Let everything below raw be built anew, and nothing be left of what it was before."""
    engine = engine_of(connection)
    for relation, kind in engine.relations().items():
        if relation.startswith("changes."):
            engine.drop(relation, kind)
    for table in (MARKERS, INPUTS, STEPS, KEPT_CHANGES, BACKFILLS, STAGED_SUMS):
        state_of(connection).execute(delete(table))


def scrub(connection: Connection, traces: Traces) -> None:
    """Take values out of what no run builds anew: keys of failing rows, messages, names."""
    engine = engine_of(connection)
    for relation in engine.relations():
        schema, _, name = relation.partition(".")
        if schema in OUTSIDE and (schema == SCHEMA or name.startswith("_dlt")):
            for column, kind in engine.columns(relation).items():
                if kind in ("VARCHAR", "VARCHAR[]"):
                    _scrub_column(connection, traces, relation, column, kind)


def _scrub_column(
    connection: Connection, traces: Traces, relation: str, column: str, kind: str
) -> None:
    place, name = quote_relation(relation), quote_name(column)
    found = connection.exec_driver_sql(
        f"select distinct cast({name} as varchar) from {place} where {name} is not null"  # noqa: S608
    )
    empty = "''" if kind == "VARCHAR" else "[]"
    for value in _with_traces([str(it) for (it,) in found], traces):
        connection.exec_driver_sql(
            f"update {place} set {name} = {empty} where cast({name} as varchar) = ?",  # noqa: S608
            (value,),
        )


def _with_traces(values: Sequence[str], traces: Traces) -> Iterator[str]:
    """Those of some values that have one of somebody; all at once, since mostly none has."""
    if traces.is_in_record("\n".join(values).encode()):
        yield from (it for it in values if traces.is_in_record(it.encode()))
