"""Reading what is elsewhere: without the warehouse, since it may take long, then with its lock."""

import time

from benepass_tasks.config.errors import WarehouseError
from benepass_tasks.engine.write_lock import acquire_write_lock
from benepass_tasks.ingestion.extracts import aside_of, written_aside
from benepass_tasks.pipeline.making import make
from benepass_tasks.pipeline.nodes.extract import ExtractNode
from benepass_tasks.state.run import Run


def extract(run: Run, name: str) -> str:
    """Read all that is new of a database, an API or a bucket, and take it over as a whole.

    Args:
        run: The run that reads.
        name: The node.

    Returns:
        What to say about it.

    Raises:
        SourceError: it cannot be read; what was read before stays.
        WarehouseError: another run reads the same for too long.
    """
    node, began = run.nodes()[name], time.perf_counter()
    if not isinstance(node, ExtractNode):
        raise TypeError(name)
    aside = aside_of(run.settings.extracts_dir, node.place)
    aside.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    try:
        lock = acquire_write_lock(aside, run.settings.lock_timeout)
    except TimeoutError:
        raise WarehouseError(
            f"{name}: another run has been reading it for {run.settings.lock_timeout:g} s; "
            "what was read before stays"
        ) from None
    # Nobody else reads on from where the reading before this one ended.
    with lock, run.warehouse.kept(), written_aside(aside):
        if run.plan()[name].is_current:
            return node.already
        rows = node.read(run, aside)
        make(run, name, began=began)
    units = {it.name: it.extract.unit for it in node.sources if it.extract}
    said = ", ".join(f"{count:,} {units[source]} of {source}" for source, count in rows.items())
    return f"{said}, {time.perf_counter() - began:.2f} s"
