"""What the last steps of each table touched, and which state of its inputs each was made from.

A step leads from one data hash of a table to the next; the rows that are in one of its two states
alone are kept in a table of schema `changes` until every table that reads them has seen them.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import pairwise

from sqlalchemy import Connection, delete, func, insert, select

from benepass_tasks.engine.quoting import quote_relation
from benepass_tasks.engine.session import seen_in
from benepass_tasks.engine.tables import engine_of
from benepass_tasks.state.meta import INPUTS, STEPS
from benepass_tasks.state.store import state_of


@dataclass(frozen=True, slots=True)
class Step:
    """One step of a table.

    Attributes:
        before: The data hash that it leads from.
        after: That which it leads to.
        touched: How many rows are in one of the two states alone.
        stored: The table of these rows.
    """

    before: str
    after: str
    touched: int
    stored: str


def is_kept_together(connection: Connection) -> bool:
    """Whether a table and what is known of it are written in one transaction.

    Where they are not, one may be there without the other, and only a full build is sure.
    """
    return state_of(connection) is connection


def read_inputs(connection: Connection, name: str) -> dict[str, str]:
    """The state of each input that a table was made from; empty where that is not known."""
    of = INPUTS.c
    found = state_of(connection).execute(select(of.input, of.content).where(of.name == name))
    return {row.input: row.content for row in found}


def write_inputs(connection: Connection, name: str, inputs: Mapping[str, str]) -> None:
    """Note the state of each input that a table was made from."""
    state_of(connection).execute(delete(INPUTS).where(INPUTS.c.name == name))
    rows = [{"name": name, "input": it, "content": content} for it, content in inputs.items()]
    if rows:
        state_of(connection).execute(insert(INPUTS), rows)


def add_step(connection: Connection, relation: str, before: str, after: str, rows: str) -> Step:
    """Keep what a step of a table touched.

    Args:
        connection: A session in the transaction that makes the step.
        relation: The table.
        before: The data hash that the step leads from.
        after: That which it leads to.
        rows: A SELECT of the rows that are in one of the two states alone.
    """
    last = state_of(connection).execute(select(func.max(STEPS.c.step))).scalar() or 0
    stored = f"changes.{relation.replace('.', '__')}__{last + 1}"
    touched = engine_of(connection).create_brief(stored, rows)
    state_of(connection).execute(
        insert(STEPS),
        {
            "relation": relation,
            "step": last + 1,
            "before": before,
            "after": after,
            "touched_rows": touched,
            "stored": stored,
        },
    )
    _stepped(connection).add(relation)
    return Step(before, after, touched, stored)


def keep_gone(
    connection: Connection, relation: str, condition: str, values: tuple[str, ...]
) -> None:
    """Keep the rows of a table that are about to be deleted, until its next step.

    Args:
        connection: A session in the transaction that deletes them.
        relation: The table.
        condition: Which rows, as SQL.
        values: What stands for the question marks in it.
    """
    engine, stored = engine_of(connection), _gone_of(relation)
    rows = f"select * from {quote_relation(relation)} where {condition}"  # noqa: S608
    is_any = connection.exec_driver_sql(f"select exists({rows})", values).scalar_one()
    if not is_any or not is_kept_together(connection):
        return
    if gone_of(connection, relation) is None:
        engine.create_brief(stored, f"select * from {quote_relation(relation)} where false")  # noqa: S608
    engine.extend(stored, engine.columns(relation))
    connection.exec_driver_sql(f"insert into {quote_relation(stored)} by name {rows}", values)


def gone_of(connection: Connection, relation: str) -> str | None:
    """The table of the rows of one that were deleted since its last step, if any were."""
    stored = _gone_of(relation)
    return stored if stored in engine_of(connection).relations() else None


def forget_gone(connection: Connection, relation: str) -> None:
    """Drop the table of the rows of one that were deleted."""
    if stored := gone_of(connection, relation):
        engine_of(connection).drop(stored, "table")


def _gone_of(relation: str) -> str:
    return f"changes.{relation.replace('.', '__')}__gone"


def steps_between(
    connection: Connection, relation: str, before: str, after: str
) -> list[Step] | None:
    """The steps that lead from one state of a table to another; None where they are not known."""
    found = _steps(connection, [relation]).get(relation, [])
    first = next((at for at in range(len(found))[::-1] if found[at].before == before), None)
    if first is None:
        return None
    chain = found[first:]
    is_linked = all(one.after == it.before for one, it in pairwise(chain))
    return chain if is_linked and chain[-1].after == after else None


def forget_seen_steps(connection: Connection, relations: Iterable[str]) -> None:
    """Drop the steps of tables that no reader has yet to see."""
    found = _steps(connection, relations)
    of = INPUTS.c
    states = select(of.input, of.content).where(of.input.in_(found))
    needed = {tuple(row) for row in state_of(connection).execute(states)} if found else set()
    for relation, steps in found.items():
        last = steps[-1].after
        waiting = (
            at
            for at, it in enumerate(steps)
            if (relation, it.before) in needed and it.before != last
        )
        _drop(connection, steps[: next(waiting, len(steps))])


def forget_steps(connection: Connection, relation: str) -> None:
    """Drop all steps of a table, whose history is not known any more."""
    for steps in _steps(connection, [relation]).values():
        _drop(connection, steps)


def _steps(connection: Connection, relations: Iterable[str]) -> dict[str, list[Step]]:
    """The steps of tables in their order, of those that have any."""
    of, found = STEPS.c, dict[str, list[Step]]()
    asked = sorted(_stepped(connection).intersection(relations))
    if not asked:
        return found
    columns = select(of.relation, of.before, of.after, of.touched_rows, of.stored)
    of_these = columns.where(of.relation.in_(asked)).order_by(of.step)
    for relation, *step in state_of(connection).execute(of_these):
        found.setdefault(relation, []).append(Step(*step))
    return found


def _stepped(connection: Connection) -> set[str]:
    """The tables that may have steps: of most none is kept, and each build asks for them."""
    seen = seen_in(connection)
    if STEPS.name not in seen:
        found = state_of(connection).execute(select(STEPS.c.relation).distinct())
        seen[STEPS.name] = set(found.scalars())
    stepped: set[str] = seen[STEPS.name]
    return stepped


def _drop(connection: Connection, steps: Iterable[Step]) -> None:
    for it in steps:
        engine_of(connection).drop(it.stored, "table")
        state_of(connection).execute(delete(STEPS).where(STEPS.c.stored == it.stored))
