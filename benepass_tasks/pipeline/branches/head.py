"""A branch where its parent is now: nothing is its own that the parent has as well."""

from collections.abc import Collection
from dataclasses import replace

from benepass_tasks.config.settings import Settings
from benepass_tasks.engine.attached import within
from benepass_tasks.pipeline.nodes import nodes_of
from benepass_tasks.state.branches.grafting import at_head, graft, own_names
from benepass_tasks.state.markers import Snapshot, snapshot_of
from benepass_tasks.state.plan import Evidence, Status, in_order
from benepass_tasks.state.run import Run
from benepass_tasks.state.store import PARENT


def at_parents_head(settings: Settings) -> Settings:
    """Bring a branch to where its parent is now; the settings of a run on it.

    What was built on it and would be just as the parent has it, such as after an edit that was
    taken back, is the parent's again. Of any other environment these are its own settings.

    Raises:
        ProjectError: the project is invalid.
        WarehouseError: a run of the parent is under way, and goes on for too long.
    """
    settings = at_head(settings)
    if settings.parent and (own := own_names(settings)):
        back = _returned(Run(settings, nodes_of), own)
        if back:
            graft(settings, own - back)
    return settings


def _returned(run: Run, own: Collection[str]) -> set[str]:
    """What was built on a branch of which the parent's record holds the fingerprint as well."""
    theirs, known, back = parents_snapshot(run), run.known(), set[str]()
    nodes = run.nodes().values()
    seen = {name: state for node in nodes for name, state in node.see().items()}
    statuses: dict[str, Status] = {}
    for node in in_order(nodes):
        record = theirs.materializations.get(node.name)
        if record and node.name in own and not node.name.startswith("raw."):
            of_parent = known.of_parent | {node.name}
            tried = replace(known.with_records({node.name: record}), of_parent=of_parent)
            if node.judge(Evidence(tried, seen, run.id, statuses)).is_current:
                known = tried
                back.add(node.name)
        statuses[node.name] = node.judge(Evidence(known, seen, run.id, statuses))
    return back


def parents_snapshot(run: Run) -> Snapshot:
    """What the parent of a branch holds."""
    with run.warehouse.read() as connection, within(connection, PARENT):
        return snapshot_of(connection)
