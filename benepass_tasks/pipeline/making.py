"""Making a node: under the write lock, unless it is up to date, and recorded with what came out."""

import time
from collections.abc import Sequence
from dataclasses import dataclass

from benepass_tasks.config.errors import WarehouseError
from benepass_tasks.engine.session import Warehouse, let_go
from benepass_tasks.state.history.materializations import record_built
from benepass_tasks.state.markers import (
    Materialization,
    Snapshot,
    forget_materializations,
    write_materializations,
)
from benepass_tasks.state.plan import How, Made, Node, OnProgress, OtherWorkError, Plan, Work
from benepass_tasks.state.run import Run


def make(
    run: Run,
    name: str,
    on_progress: OnProgress = lambda _: None,
    began: float | None = None,
) -> str:
    """Make a node, and record it in the transaction that makes it.

    Args:
        run: The run that makes it.
        name: The node.
        on_progress: Told how far it is, where it may take long.
        began: When its work began, where that was before it took the lock, as `perf_counter` tells.

    Returns:
        What to say about it.

    Raises:
        BenepassError: it cannot be made. What was there before stays.
    """
    with run.write_lock(name) as warehouse:
        run.look_again()
        plan, node = run.plan(), run.nodes()[name]
        status = plan[name]
        if status.is_current:
            return node.already
        if status.fingerprint is None and node.inputs:
            raise WarehouseError(f"{name}: an input of it is not up to date; run again")
        started = time.perf_counter() if began is None else began
        writing = _Writing(run, plan, node, str(status.reason), started)
        try:
            made, records = writing.write(warehouse, node.make(run, status, on_progress))
        except OtherWorkError as other:
            made, records = writing.write(warehouse, other.work)
        run.remember(_known(made, records))
        node.finish(run)
    if made.failure is not None:
        raise made.failure
    return made.said or _said(node, records[name], made.how)


def remake(run: Run, name: str, reason: str, work: Work) -> None:
    """Make a node that is up to date another one, and record it in the transaction that does.

    Args:
        run: The run that does it.
        name: The node.
        reason: Why, in words.
        work: What is done.

    Raises:
        BenepassError: it cannot be done. What was there before stays.
    """
    with run.write_lock(name) as warehouse:
        run.look_again()
        writing = _Writing(run, run.plan(), run.nodes()[name], reason, time.perf_counter())
        writing.write(warehouse, work)
        run.remember(None)
        run.look_again()


@dataclass(frozen=True)
class _Writing:
    """Does the work on a node in the transaction that also records what came of it."""

    run: Run
    plan: Plan
    node: Node
    reason: str
    started: float

    def write(self, warehouse: Warehouse, work: Work) -> tuple[Made, dict[str, Materialization]]:
        name = self.node.name
        with warehouse.write() as connection:
            made = work(connection)
            records = _records(self.run, self.plan, self.node, made, self.started)
            forget_materializations(connection, made.void)
            write_materializations(connection, list(records.values()))
            if name in records:
                profiles = made.measures[name].profiles
                record_built(connection, records[name], self.reason, profiles, made.how)
        return made, records


def make_outdated(run: Run, names: Sequence[str]) -> None:
    """Make what is not up to date of nodes, and keep the warehouse from one to the next.

    Args:
        run: The run that makes them; it is asked for them.
        names: The nodes, each after what it is made of.

    Raises:
        BenepassError: one of them cannot be made. Those before it are.
    """
    run.waiting.update(names)
    try:
        for name in names:
            if run.plan()[name].is_current:
                run.waiting.discard(name)
            else:
                run.asked.add(name)
                make(run, name)
    finally:
        run.waiting.difference_update(names)
        let_go()


def _records(
    run: Run, plan: Plan, node: Node, made: Made, started: float
) -> dict[str, Materialization]:
    seconds = time.perf_counter() - started
    kinds = {it.name: it.kind for it in (node, *node.parts)}
    return {
        name: Materialization(
            name=name,
            code_version=plan[name].code_version,
            fingerprint=str(plan[name].fingerprint),
            data_hash=measure.data_hash,
            row_count=measure.row_count,
            seconds=seconds,
            run_id=run.id,
            built_at=run.now(),
            kind=kinds[name],
            hash_sum=str(measure.tally.hashes) if measure.tally else None,
        )
        for name, measure in made.measures.items()
    }


def _known(made: Made, records: dict[str, Materialization]) -> Snapshot | None:
    return None if made.known is None else made.known.with_records(records, made.void)


def _said(node: Node, record: Materialization, how: How | None) -> str:
    rows = "view" if record.row_count is None else f"{record.row_count:,} {node.rows}"
    said = "" if how is None or how == How("full") else f" {how},"
    return f"{rows},{said} {record.seconds:.2f} s"
