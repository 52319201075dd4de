"""Verifying tables when somebody asks for it: each is compared with a full build of it."""

from collections.abc import Sequence

from benepass_tasks.pipeline.comparison import compare
from benepass_tasks.pipeline.making import make
from benepass_tasks.pipeline.nodes.model import ModelNode, table_nodes
from benepass_tasks.state.markers import forget_materializations
from benepass_tasks.state.run import Run
from benepass_tasks.state.verifications import Verdict, write_verdict


def tables_to_verify(run: Run, wanted: Sequence[str]) -> list[ModelNode]:
    """The tables of the project that are up to date, each after those that it reads.

    Args:
        run: The run that verifies.
        wanted: Those that are asked for; none for all of them.
    """
    plan = run.plan()
    return [
        it
        for it in table_nodes(run)
        if plan[it.name].is_current and (not wanted or it.name in wanted)
    ]


def verify(run: Run, node: ModelNode) -> Verdict:
    """Compare a table with a full build of it, which takes its place where they differ.

    Only then it is a run that the history knows. What is made of the table follows in the next.

    Raises:
        BenepassError: the full build fails; the table stays as it is.
    """
    with run.warehouse.exclusive():
        record = run.known().materializations[node.name]
        with run.warehouse.write() as connection:
            verdict = compare(connection, node, record.data_hash)
            write_verdict(connection, verdict, run.id, run.now(), is_scheduled=False)
            if not verdict.is_right:
                forget_materializations(connection, [node.name])
        run.remember(None)
    if not verdict.is_right:
        run.asked.add(node.name)
        make(run, node.name)
    return verdict
