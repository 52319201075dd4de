"""Comparing the environment at hand with another one, as far as both are built."""

from dataclasses import replace

from benepass_tasks.config.errors import ProjectError, WarehouseError
from benepass_tasks.config.settings import Settings
from benepass_tasks.pipeline.branches.difference import Comparison, compare_environments, side_of
from benepass_tasks.pipeline.branches.head import at_parents_head
from benepass_tasks.pipeline.nodes import nodes_of
from benepass_tasks.state.branches.grafting import parent_of
from benepass_tasks.state.descriptions import descriptions_of
from benepass_tasks.state.run import Run
from benepass_tasks.state.store import PARENT
from benepass_tasks.state.warehouse import warehouse_of

AGAINST = "against"
"""The name of the database of another environment than the parent."""


def compare(settings: Settings, against: Settings | None) -> Comparison:
    """Tell what an environment differs in from another one.

    Args:
        settings: Those of the environment.
        against: Those of the other one; None for the parent of a branch.

    Raises:
        ProjectError: there is nothing to compare with, or the project is invalid.
        WarehouseError: something of it is not built yet.
    """
    other = (parent_of(settings) if against is None else warehouse_of(against)).path
    if other == settings.warehouse:
        raise ProjectError(
            f"{other} is not a branch, so name what it is compared with by --against, or a branch: "
            "benepass diff pr-123"
        )
    settings = at_parents_head(settings)
    run = Run(settings, nodes_of)
    require_built(run)
    database, warehouse = PARENT, run.warehouse
    if other != settings.parent:
        database = AGAINST
        warehouse = replace(warehouse, beside=(*warehouse.beside, (AGAINST, other)))
    names = settings.env or "this environment", against.env if against else "its parent"
    columns = descriptions_of(run.definitions)
    with warehouse.read() as connection:
        mine = side_of(connection, columns)
        return compare_environments(connection, run.definitions.catalog, mine, names, database)


def require_built(run: Run) -> None:
    """Make sure that all tables are up to date, and the books balance.

    Raises:
        WarehouseError: they are not.
    """
    plan, nodes = run.plan(), run.nodes()
    kinds = ("source file", "relation", "reconciliation")
    left = [it for it, node in nodes.items() if node.kind in kinds and not plan[it].is_current]
    if left:
        named = ", ".join(f"{it} ({plan[it].reason})" for it in left)
        env = f" --benepass-env {run.settings.env}" if run.settings.env else ""
        raise WarehouseError(
            f"to be built first, since the project or what it is built from is another by now: "
            f"{named}. `benepass run{env}` does"
        )
