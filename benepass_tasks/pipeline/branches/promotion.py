"""Promoting a branch: what was built on it becomes its parent's, without being built again.

One transaction on the warehouse of the parent copies the tables, and writes the records that fit
them. A record is true of the code that it was built with; so a branch is promoted from a folder
with just that code, which is also what the next run of the parent has to have.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from sqlalchemy import Connection, Table

from benepass_tasks.catalog import Catalog
from benepass_tasks.config.branches import Branch
from benepass_tasks.config.errors import ContractError, WarehouseError
from benepass_tasks.config.settings import Settings, on_branch
from benepass_tasks.engine.attached import place_of, tables_of, within
from benepass_tasks.engine.exchange import surplus
from benepass_tasks.engine.quoting import quote_relation
from benepass_tasks.engine.tables import engine_of
from benepass_tasks.pipeline.branches.compare import require_built
from benepass_tasks.pipeline.branches.head import at_parents_head
from benepass_tasks.pipeline.nodes import nodes_of
from benepass_tasks.pipeline.nodes.data_tests import DataTestsNode
from benepass_tasks.pipeline.nodes.model import ModelNode
from benepass_tasks.state.branches.grafting import (
    NO_DATA,
    OF_A_SOURCE,
    OF_A_TABLE,
    OUTSIDE,
    copy_rows,
    own_sources,
)
from benepass_tasks.state.changes import forget_gone, forget_steps
from benepass_tasks.state.history.beacon import put_out_dead
from benepass_tasks.state.history.runs import OF_A_RUN
from benepass_tasks.state.markers import Snapshot, forget_materializations, snapshot_of
from benepass_tasks.state.meta import INPUTS, MARKERS, PARENT_STATE, RUNS
from benepass_tasks.state.plan import Node, in_order
from benepass_tasks.state.run import Run
from benepass_tasks.state.store import SCHEMA, property_of, state_digest
from benepass_tasks.state.warehouse import warehouse_of

BRANCH = "branch"
"""The name of the database of the branch in the session of its parent."""

NAMES = "promoted"
"""The small table of the nodes that are the branch's own."""


def promote(settings: Settings, branch: Branch) -> list[str]:
    """Make what was built on a branch its parent's.

    Args:
        settings: Those of the parent.
        branch: The branch.

    Returns:
        The tables and views that are the parent's now.

    Raises:
        WarehouseError: something has to be built first, or a run is under way.
        ContractError: a test fails on the branch.
    """
    run = Run(at_parents_head(on_branch(settings, branch)), nodes_of)
    _require_ready(run)
    parent = replace(warehouse_of(settings), beside=((BRANCH, run.warehouse.path),))
    if put_out_dead(parent) or put_out_dead(run.warehouse):
        raise WarehouseError(
            f"a run of branch {branch.name} or of its parent is under way: wait for its end"
        )
    about = (run.known(), run.nodes(), run.definitions.catalog, Run(settings, nodes_of))
    with parent.exclusive(), parent.write() as connection:
        return _Promotion(connection, branch.name, *about).made()


def _require_ready(run: Run) -> None:
    require_built(run)
    tests = run.plan()[DataTestsNode.name]
    if not tests.is_current:
        raise ContractError(
            f"branch {run.settings.env} is not promoted, since not all tests pass on it "
            f"({tests.reason}): `benepass run --benepass-env {run.settings.env}`"
        )


@dataclass(frozen=True)
class _Promotion:
    """One promotion, in a transaction on the warehouse of the parent.

    Attributes:
        connection: Its session, with the branch beside it.
        name: What the branch is called.
        known: What it held when it was found to be ready.
        nodes: What there is to make.
        catalog: What the tables are declared to be.
        on_parent: A run of the parent, which says what is kept of changes.
    """

    connection: Connection
    name: str
    known: Snapshot
    nodes: Mapping[str, Node]
    catalog: Catalog
    on_parent: Run

    def made(self) -> list[str]:
        """Do it; returns the tables and views."""
        self._require_unmoved()
        inherited = f"select name from {BRANCH}.{SCHEMA}.inherited"  # noqa: S608
        query = (
            f"select name from {BRANCH}.{SCHEMA}.markers "  # noqa: S608
            f"where name not in ({inherited}) and coalesce(kind, '') not in {OUTSIDE}"
        )
        engine_of(self.connection).make_small(NAMES, query)
        names = set(self.connection.exec_driver_sql(f"select name from {NAMES}").scalars())  # noqa: S608
        theirs, tables = snapshot_of(self.connection), tables_of(self.connection, BRANCH, NO_DATA)
        for it in sorted(tables):
            self._take_table(it, theirs)
        views = [it for it in self._views() if it.name in names]
        for view in views:
            self._take_view(view, theirs)
        self._drop_undeclared(theirs)
        self._take_records()
        engine_of(self.connection).drop_small([NAMES])
        return [*sorted(tables), *(it.name for it in views)]

    def _require_unmoved(self) -> None:
        """Make sure that both are still what the branch was judged by.

        Raises:
            WarehouseError: one of them is not.
        """
        with within(self.connection, BRANCH):
            branch = snapshot_of(self.connection)
            known = property_of(self.connection, PARENT_STATE)
        is_same = branch.materializations == self.known.materializations
        if not is_same or known != state_digest(self.connection):
            raise WarehouseError(
                f"branch {self.name} or its parent has moved on just now, and "
                "nothing was promoted: try again"
            )

    def _take_table(self, relation: str, theirs: Snapshot) -> None:
        """Copy a table of the branch in place of that of the parent."""
        engine, place = engine_of(self.connection), place_of(BRANCH, relation)
        node, present = self.nodes.get(relation), theirs.relations.get(relation)
        record = theirs.materializations.get(relation)
        keeper = node.keeper(self.on_parent) if isinstance(node, ModelNode) else None
        aside = engine.set_aside(relation) if keeper and record and present == "table" else None
        present = None if aside else present
        engine.create(relation, "table", f"select * from {place}", present)  # noqa: S608
        if keeper and record and aside:
            columns = engine.columns(relation)
            if engine.columns(aside) == columns:
                after = self.known.materializations[relation].data_hash
                gone, come = surplus(aside, relation, columns), surplus(relation, aside, columns)
                keeper.keep(self.connection, record, after, gone, come)
            engine.drop(aside, "table")
        # What reads it is built in full the next time it changes: these rows came by no step.
        forget_steps(self.connection, relation)
        forget_gone(self.connection, relation)

    def _views(self) -> Iterable[ModelNode]:
        models = (it for it in in_order(self.nodes.values()) if isinstance(it, ModelNode))
        return (it for it in models if it.table.materialized == "view")

    def _take_view(self, node: ModelNode, theirs: Snapshot) -> None:
        engine = engine_of(self.connection)
        for macro in node.upkeep.macros(node.model):
            engine.define(macro.name, macro.sql)
        engine.create(node.name, "view", node.model.sql, theirs.relations.get(node.name))

    def _drop_undeclared(self, theirs: Snapshot) -> None:
        """Drop what the catalog no longer has, as the branch did."""
        gone = theirs.undeclared(self.catalog.tables)
        for relation, kind in gone.items():
            if kind:
                engine_of(self.connection).drop(relation, kind)
        forget_materializations(self.connection, list(gone))

    def _take_records(self) -> None:
        """Write what is known of what was taken in place of what was known of it."""
        sources = own_sources(BRANCH)
        of_names = f"in (select name from {NAMES})"  # noqa: S608
        for table, condition in (
            *((it, f"name {of_names}") for it in (MARKERS, INPUTS)),
            *((it, f"relation {of_names}") for it in OF_A_TABLE),
            *((it, f"source in ({sources})") for it in OF_A_SOURCE),
        ):
            self._replace(table, condition)
        made = " union ".join(
            f"select run_id from {BRANCH}.{SCHEMA}.{it}"  # noqa: S608
            for it in (f"markers where name {of_names}", f"loads where source in ({sources})")
        )
        # The runs that made it are the parent's from now on, the others go with the branch.
        condition = f"run_id in ({made}) and run_id not in (select run_id from {SCHEMA}.runs)"  # noqa: S608
        for table in (*OF_A_RUN, RUNS):
            copy_rows(self.connection, BRANCH, table, condition)

    def _replace(self, table: Table, condition: str) -> None:
        place = quote_relation(table.fullname)
        self.connection.exec_driver_sql(f"delete from {place} where {condition}")  # noqa: S608
        copy_rows(self.connection, BRANCH, table, condition)
