"""What became of each node of the plan in a run, and what the tables that it built hold."""

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Select,
    case,
    delete,
    func,
    insert,
    select,
    tuple_,
    update,
)

from benepass_tasks.engine.measure import ColumnProfile
from benepass_tasks.engine.tables import engine_of
from benepass_tasks.state.markers import Load, Materialization, now
from benepass_tasks.state.meta import COLUMN_PROFILES, MATERIALIZATIONS
from benepass_tasks.state.nodes import Kind
from benepass_tasks.state.plan import How
from benepass_tasks.state.store import state_of

ALIKE = 0.1
"""The part of its rows that a table may gain or lose before it is looked at how large it is."""

UP_TO_DATE = {"outcome": "skipped", "reason": "up to date"}


def record_built(
    connection: Connection,
    record: Materialization,
    reason: str | None,
    profiles: Iterable[ColumnProfile] = (),
    how: How | None = None,
) -> None:
    """Write that a node was made, in the transaction that makes it.

    Args:
        connection: The session that writes the record.
        record: What vouches for the node.
        reason: Why it had to be made.
        profiles: What the columns of a table hold.
        how: How a table was built.
    """
    _record(
        connection,
        record.run_id,
        node=record.name,
        kind=record.kind,
        outcome="built",
        reason=reason,
        row_count=record.row_count,
        seconds=record.seconds,
        fingerprint=record.fingerprint,
        content=record.data_hash,
        **(asdict(how) if how else {}),
    )
    rows = [
        {
            "run_id": record.run_id,
            "relation": record.name,
            "null_rate": one.null_rate,
            **asdict(one),
        }
        for one in profiles
    ]
    if rows:
        state_of(connection).execute(insert(COLUMN_PROFILES), rows)


def forget_built(connection: Connection, run_id: str, node: str) -> None:
    """Take back what is written of a node in a run, which goes on making it."""
    for table, column in (
        (MATERIALIZATIONS, MATERIALIZATIONS.c.node),
        (COLUMN_PROFILES, COLUMN_PROFILES.c.relation),
    ):
        mine = table.c.run_id == run_id, column == node
        state_of(connection).execute(delete(table).where(*mine))


def record_loaded(connection: Connection, loads: Mapping[Load, str | None]) -> None:
    """Write that files were loaded, and why, in the transaction that vouches for them."""
    rows = [
        _row(
            load.run_id,
            node=f"{load.source}/{load.file}",
            kind="source file",
            outcome="built",
            reason=reason,
            row_count=load.parsed,
            seconds=load.seconds,
            fingerprint=load.sha256,
            content=load.load_id,
        )
        for load, reason in loads.items()
    ]
    state_of(connection).execute(insert(MATERIALIZATIONS), rows)


@dataclass(frozen=True, slots=True)
class Failure:
    """That a node could not be made.

    Attributes:
        node: The node.
        kind: What it is; None where the project cannot be read.
        error: The message; quotes no value of the data, but maybe the header of a file.
        reason: The same without what a file has for a header, for those who are told of it.
    """

    node: str
    kind: Kind | None
    error: str
    reason: str


def record_failed(connection: Connection, run_id: str, failure: Failure) -> None:
    """Write that a node could not be made."""
    _record(connection, run_id, outcome="failed", **asdict(failure))


def record_skipped(
    connection: Connection, run_id: str, current: Mapping[str, tuple[Kind, str | None]]
) -> None:
    """Write that nodes were up to date, but for those that the run has made itself.

    Args:
        connection: A session that writes.
        run_id: The run.
        current: Of each node that is up to date, what it is and its fingerprint.
    """
    done = select(MATERIALIZATIONS.c.node).where(MATERIALIZATIONS.c.run_id == run_id)
    known = set(state_of(connection).execute(done).scalars())
    rows = [
        {**_row(run_id, **UP_TO_DATE), "node": node, "kind": kind, "fingerprint": fingerprint}
        for node, (kind, fingerprint) in current.items()
        if node not in known
    ]
    if rows:
        state_of(connection).execute(insert(MATERIALIZATIONS), rows)


def record_bytes(connection: Connection, run_id: str) -> None:
    """Write how many bytes each table takes that a run has built and committed.

    To look at that takes as long as the table is large. One that was not made anew, and has about
    as many rows as before, takes as much for each of them as before.
    """
    of, ours = MATERIALIZATIONS.c, MATERIALIZATIONS.c.run_id == run_id
    built = select(of.node, of.how, of.row_count).where(
        ours, of.outcome == "built", of.row_count.is_not(None)
    )
    engine, state = engine_of(connection), state_of(connection)
    there = engine.relations()
    tables = [it for it in state.execute(built) if there.get(it.node) == "table"]
    before = {it.node: (it.bytes, it.row_count) for it in state.execute(_last_bytes(of.row_count))}
    sizes = {
        it.node: _as_before(before[it.node], it.row_count)
        for it in tables
        if it.node in before and it.how != "full"
    }
    told = {it: size for it, size in sizes.items() if size is not None}
    measured = engine.sizes(it.node for it in tables if it.node not in told)
    found = {**told, **measured}
    if found:
        sized = update(MATERIALIZATIONS).where(ours, of.node.in_(found))
        state.execute(sized.values(bytes=case(found, value=of.node)))


def _as_before(before: tuple[int, int], rows: int) -> int | None:
    """The bytes of so many rows, where they are about as many as took so many bytes before."""
    taken, then = before
    return round(taken * rows / then) if then and abs(rows - then) <= ALIKE * then else None


def last_bytes(connection: Connection) -> dict[str, int]:
    """The bytes that each table took when that was looked at last."""
    return dict(map(tuple, state_of(connection).execute(_last_bytes())))


def _last_bytes(*columns: ColumnElement[Any]) -> Select[Any]:
    """Each table with the bytes that it took when that was last written, and other columns."""
    of = MATERIALIZATIONS.c
    last = select(of.node, func.max(of.recorded_at)).where(of.bytes.is_not(None)).group_by(of.node)
    query = select(of.node, of.bytes, *columns)
    return query.where(tuple_(of.node, of.recorded_at).in_(last))


def _record(connection: Connection, run_id: str, **values: Any) -> None:  # noqa: ANN401 - columns
    state_of(connection).execute(insert(MATERIALIZATIONS), [_row(run_id, **values)])


def _row(run_id: str, **values: Any) -> dict[str, Any]:  # noqa: ANN401 - columns of the table
    return {"run_id": run_id, "recorded_at": now(), **values}
