"""What the next run would do, and what is known before of what it would cost."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from benepass_tasks.pipeline.nodes.model import ModelNode
from benepass_tasks.pipeline.nodes.source_file import SourceFileNode
from benepass_tasks.state.branches.grafting import OUTSIDE
from benepass_tasks.state.plan import Outlook, Status
from benepass_tasks.state.run import Run

if TYPE_CHECKING:
    from benepass_tasks.pipeline.retaining import Foreseen


@dataclass(frozen=True, slots=True)
class Load:
    """A file to be loaded.

    Attributes:
        bytes: Its size; None where it is not there.
        rows: The rows that are held of it now; None where none were ever loaded.
    """

    bytes: int | None
    rows: int | None


@dataclass(frozen=True, slots=True)
class Planned:
    """A node of the plan.

    Attributes:
        status: Whether it is up to date.
        table: Of a table that is not, how it would be made.
        file: Of a file that is not, what is known of it.
        retention: Of a raw table whose source has a retention, what will go of it, and when.
    """

    status: Status
    table: Outlook | None = None
    file: Load | None = None
    retention: "Foreseen | None" = None


def planned(run: Run) -> Mapping[str, Planned]:
    """What the next run would find up to date and how it would make the rest; writes nothing.

    Raises:
        ProjectError: a setting is wrong, or the project is invalid.
    """
    from benepass_tasks.pipeline.retaining import foreseen  # noqa: PLC0415 - imports pyarrow

    plan, nodes = run.plan(), run.nodes()
    late = [node for name, node in nodes.items() if not plan[name].is_current]
    loads = {it.name: _load(run, it) for it in late if isinstance(it, SourceFileNode)}
    tables = [it for it in late if isinstance(it, ModelNode) and it.table.materialized == "table"]
    outlooks = {
        it.name: Outlook("full", plan[it.name].reason, None, {}, run.settings.engine)
        for it in tables
    }
    if run.known().materializations:
        with run.warehouse.read() as connection:
            outlooks = {it.name: it.foreseen(run, connection) for it in tables}
    past = {it.table: it for it in foreseen(run)}
    return {
        name: Planned(plan[name], outlooks.get(name), loads.get(name), past.get(name))
        for name, node in nodes.items()
        # What analysts open is made on a branch only where somebody asks for it.
        if run.settings.parent is None or node.kind not in OUTSIDE
    }


def _load(run: Run, node: SourceFileNode) -> Load:
    load, path = run.known().loads.get((node.source.name, node.file.name)), node.file.path
    return Load(path.stat().st_size if path.is_file() else None, load.parsed if load else None)
