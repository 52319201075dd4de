"""The pipeline without the history of its runs: what the history costs is the difference.

    python benchmarks/without_history.py BuildMarts --benepass-... (flags as of any run)

Nothing is recorded of the run, no column is profiled, nothing is watched and nobody alerted.
"""

import sys
from collections.abc import Iterator

from luigi.cmdline import luigi_run

from benepass_tasks.engine import measure
from benepass_tasks.ingestion import raw_tables
from benepass_tasks.pipeline import making, run
from benepass_tasks.quality import reconciliation
from benepass_tasks.state.history import runs


def _nothing(*_: object, **__: object) -> None:
    pass


def _no_figures(*_: object) -> Iterator[str]:
    return iter(())


def _no_profiles(*_: object) -> Iterator[measure.ColumnProfile]:
    return iter(())


def main() -> None:
    """Take out of the pipeline what keeps the history, and run it."""
    for module, names in (
        (making, ("record_built",)),
        (raw_tables, ("record_loaded", "write_schemas")),
        (reconciliation, ("keep_figures",)),
        (runs, ("begin",)),
        (run, ("close_run", "alert")),
    ):
        for name in names:
            if not hasattr(module, name):
                raise SystemExit(f"{module.__name__} has no {name} any more: correct this script")
            setattr(module, name, _nothing)
    measure._figures = _no_figures  # type: ignore[assignment]  # noqa: SLF001
    measure._profiles = _no_profiles  # type: ignore[assignment]  # noqa: SLF001
    sys.argv[1:1] = ["--module", "benepass_tasks"]
    luigi_run()


if __name__ == "__main__":
    main()
