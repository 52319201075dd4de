"""Many small files: loaded together, in one package of dlt and one transaction."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import groupby

from benepass_tasks.config.errors import BenepassError, SourceError
from benepass_tasks.ingestion.raw_tables import after_loads, replace_earlier
from benepass_tasks.pipeline.nodes.source_file import SourceFileNode, import_loading
from benepass_tasks.state.markers import Load
from benepass_tasks.state.run import Run

FEW = 20
"""Small files of a source that are each loaded by a task of its own; of more, some are together."""

MANY = 250
"""Files that one task loads at most."""

TOLD = 10
"""Files that cannot be loaded of which an error says why; of more, the history of the run does."""


class FilesError(SourceError):
    """Some of the files that were to be loaded together cannot be; the others are loaded.

    Attributes:
        failures: Why, by node.
    """

    def __init__(self, failures: Mapping[str, BenepassError], number: int) -> None:
        """Word the failures of some of a number of files."""
        self.failures = failures
        told = [str(it) for it in list(failures.values())[:TOLD]]
        more = len(failures) - len(told)
        if more:
            told.append(f"and {more:,} more: benepass runs show")
        said = f"{len(failures):,} of {number:,} files cannot be loaded, the others are"
        super().__init__("\n".join([f"{said}:", *told]), reason=said)


def together(files: Sequence[SourceFileNode]) -> list[Sequence[SourceFileNode]]:
    """Files, in the order of their sources and names, in the groups that one task each loads.

    Where the groups begin and end does not depend on what of them is loaded already.
    """
    by_source = groupby(files, key=lambda it: it.source.name)
    return [group for _, of_source in by_source for group in _groups([*of_source])]


def _groups(files: Sequence[SourceFileNode]) -> list[Sequence[SourceFileNode]]:
    small = [it for it in files if it.is_small]
    if len(small) <= FEW:
        return [[it] for it in files]
    groups = [small[at : at + MANY] for at in range(0, len(small), MANY)]
    return [*([it] for it in files if not it.is_small), *groups]


def load_small_files(run: Run, names: Sequence[str]) -> str:
    """Load files of one source, as far as they are not up to date.

    Args:
        run: The run that loads them.
        names: Their nodes.

    Returns:
        What to say about it.

    Raises:
        FilesError: some cannot be loaded. What was there of them before stays.
        BenepassError: none can be.
    """
    with run.write_lock(names[0]) as warehouse:
        run.look_again()
        plan, nodes = run.plan(), run.nodes()
        late = [it for name in names if isinstance(it := nodes[name], SourceFileNode)]
        late = [it for it in late if not plan[it.name].is_current]
        reasons = {it.file.name: plan[it.name].reason for it in late}
        orders, loads = [it.order(run) for it in late], list[Load]()
        failures = dict[str, BenepassError]()
        while orders:
            table = orders[0].table
            done = import_loading().load_together(warehouse, orders)
            failures |= {f"{table.source}/{file}": it for file, it in done.refused.items()}
            if done.loaded:
                known = run.known()
                with warehouse.write() as connection:
                    replace_earlier(connection, table, done.loaded, reasons)
                these = [it.load for it in done.loaded]
                # As of a single file: what is kept of earlier rows is a load of its own.
                run.remember(None if orders[0].erased else after_loads(known, table, these))
                loads += these
            orders = [replace(it, known=run.known()) for it in done.left]
        run.waiting.difference_update(names)
    if failures:
        raise FilesError(failures, len(late))
    if not loads:
        return "up to date"
    rows, rejected = sum(it.parsed for it in loads), sum(it.rejected for it in loads)
    seconds = sum(it.seconds for it in loads)
    return f"{len(loads):,} files, {rows:,} rows, {rejected:,} rejected, {seconds:.2f} s"
