"""Charges that are past their retention are anonymised, once it is known what became of each."""

from collections.abc import Callable, Iterator
from dataclasses import replace

from sqlalchemy import Connection

from benepass_tasks.catalog import Source
from benepass_tasks.ingestion.people.traces import Traces
from benepass_tasks.ingestion.raw_tables import complete_raw
from benepass_tasks.pipeline.erasure.raw import scrub
from benepass_tasks.pipeline.erasure.totals import moved, sums_of
from benepass_tasks.pipeline.making import make_outdated, remake
from benepass_tasks.pipeline.nodes.raw_table import RawTableNode
from benepass_tasks.pipeline.nodes.reconciliation import ReconciliationNode
from benepass_tasks.state.expired_ids import require_known_key
from benepass_tasks.state.markers import snapshot_of
from benepass_tasks.state.plan import Made
from benepass_tasks.state.run import Run

Say = Callable[[str], None]


def tables_of(run: Run) -> list[str]:
    """The nodes of all tables, each after what it is made of."""
    return [
        it for it in run.upstream_of([ReconciliationNode.name]) if it != ReconciliationNode.name
    ]


def anonymise_charges(run: Run, say: Say) -> bool:
    """Anonymise the charges that are past their retention, of sources whose charges are judged.

    What follows from them is not built anew here.

    Args:
        run: A run, between two of its nodes.
        say: Told what is done, in words.

    Returns:
        Whether there were some.

    Raises:
        SourceError: a guard stands; nothing of its source is anonymised.
        ProjectError: there is no key that they could be known again by.
    """
    due = [it for it in _sources_due(run) if _is_judged(run, it.source)]
    for node in due:
        _anonymise(run, node, say)
    return bool(due)


def settle_charges(run: Run, say: Say) -> None:
    """Anonymise charges, and build what follows, on a warehouse whose tables are up to date.

    Raises:
        BenepassError: as `anonymise_charges`, or a table cannot be built.
    """
    if not any(_sources_due(run)):
        return
    with run.warehouse.read() as connection:
        before = sums_of(connection, run.definitions.catalog)
    anonymise_charges(run, say)
    make_outdated(run, tables_of(run))
    with run.warehouse.read() as connection:
        after = sums_of(connection, run.definitions.catalog)
    for it in moved(before, after):
        say(f"a total has moved as charges were anonymised: {it}")


def _sources_due(run: Run) -> Iterator[RawTableNode]:
    if run.settings.parent is not None:
        # A branch reads the charges of its parent, which anonymises them.
        return
    for node in run.nodes().values():
        if isinstance(node, RawTableNode) and node.source and node.source.anonymises_charges:
            limit = node.limit(run.known())
            if limit is not None and limit.is_due and run.plan()[node.name].is_current:
                yield node


def _is_judged(run: Run, source: Source | None) -> bool:
    """Whether it is known what became of each of its charges."""
    plan = run.plan()
    judged = source.reconciliation if source else None
    if judged is None:
        return False
    tables = (judged.staging, judged.accepted, judged.quarantine, judged.uncounted)
    return all(plan[it].is_current for it in tables if it)


def _anonymise(run: Run, node: RawTableNode, say: Say) -> None:
    from benepass_tasks.ingestion.charges import Cutting  # noqa: PLC0415 - imports pyarrow

    expiry, settings = node.expiry(run), run.settings
    if expiry is None:
        return
    source, retention = expiry.source, expiry.limit.retention
    judged, catalog = replace(expiry, is_new=_is_new(run, node)), run.definitions.catalog
    is_accepted = source.name in settings.accept

    def work(connection: Connection) -> Made:
        key = require_known_key(connection, source.name, settings.hash_key)
        ids = Cutting(judged, catalog, key).apply(connection, run.id, is_accepted=is_accepted)
        scrub(connection, Traces({_kind_of(source): frozenset(ids)}, frozenset(), frozenset()))
        measure = complete_raw(connection, node.table, [], snapshot_of(connection))
        return Made({node.name: measure})

    remake(run, node.name, "records past their retention", work)
    say(f"{source.name}: anonymised the charges that are past their retention ({retention})")


def _is_new(run: Run, node: RawTableNode) -> bool:
    """Whether this run has loaded all that there is: then a wrong clock can lose nothing."""
    loads = run.known().loads_of(str(node.table.source)).values()
    return node.name not in run.settings.force and all(it.run_id == run.id for it in loads)


def _kind_of(source: Source) -> str:
    return str(source.columns[source.first_id].pii.kind) if source.first_id else ""
