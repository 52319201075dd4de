"""The proof that the books balance, and the table that ends a run."""

import logging
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from rich import box
from rich.console import Console
from rich.table import Table as RichTable
from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError

from benepass_tasks.catalog import Catalog, Source
from benepass_tasks.config.errors import BooksError
from benepass_tasks.config.project import Project
from benepass_tasks.engine.failures import explain
from benepass_tasks.engine.quoting import quote_name, quote_relation, quote_text
from benepass_tasks.engine.tables import engine_of
from benepass_tasks.quality.staged_sums import staged_sum
from benepass_tasks.sqlmodels.current_rows import replaced
from benepass_tasks.sqlmodels.effective import Definitions
from benepass_tasks.state.history.figures import keep_figures
from benepass_tasks.state.history.read import SourceFigures, figures_of
from benepass_tasks.state.markers import (
    Snapshot,
    forget_loads,
)

log = logging.getLogger(__name__)

SELDOM = ("uncounted", "erased", "expired")
"""What is shown only where there is some: records that are no spend, or are not kept."""


def balance(
    connection: Connection,
    definitions: Definitions,
    run_id: str,
    gone: Mapping[str, str | None],
    known: Snapshot,
) -> str:
    """Prove that every record and cent of the files is in raw, rejected, marts or quarantine.

    Args:
        connection: A session in a transaction, on a warehouse in which everything is up to date.
        definitions: What there should be, and where `sql/checks/books_balance.sql` is.
        run_id: The run that proves it, which the figures are kept of.
        gone: What was built once and has no entry in the catalog any more, with what there is of
            it. It is dropped, so that nobody takes it for up to date.
        known: The state of the warehouse.

    Returns:
        A table for people: what became of the records, and how long it took.

    Raises:
        BooksError: a sum does not come out; the message names each difference.
    """
    started = time.perf_counter()
    for relation, kind in gone.items():
        if kind:
            engine_of(connection).drop(relation, kind)
            log.warning("%s has no entry in catalog.yaml any more; dropped", relation)
    catalog, project = definitions.catalog, definitions.project
    _forget_sources(connection, catalog, known)
    _count(connection, definitions, known)
    sums = _rows(connection, project, "checks/books_balance.sql")
    if sums:
        raise BooksError("the books do not balance:\n" + "\n".join(map(_difference, sums)))
    _gather(connection, catalog)
    keep_figures(connection, project, run_id)
    figures = figures_of(connection, run_id)
    seconds = _seconds(catalog, known, run_id)
    seconds["books"] = time.perf_counter() - started
    sections = [
        "The books balance.",
        _rendered(_records_table(figures)),
        _rendered(_reasons_table(figures)),
        "Seconds: " + ", ".join(f"{layer} {spent:.2f}" for layer, spent in seconds.items()),
    ]
    return "\n".join(section for section in sections if section)


def _forget_sources(connection: Connection, catalog: Catalog, known: Snapshot) -> None:
    for load in known.loads.values():
        if load.source not in catalog.sources:
            connection.exec_driver_sql(
                "delete from raw.rejected_rows where _dlt_load_id = ?", (load.load_id,)
            )
            forget_loads(connection, load.source, [load.file])


def _count(connection: Connection, definitions: Definitions, known: Snapshot) -> None:
    """Count the records and sum up the amounts of every source, wherever they get."""
    catalog = definitions.catalog
    counts = [
        f"select {quote_text(source.name)} as source, {quote_text(place)} as place, "  # noqa: S608
        f"{records} as records, {amount} as amount from {rows}"
        for source in catalog.sources.values()
        for staged in (
            staged_sum(connection, definitions, source, known.loads_of(source.name).values()),
        )
        for place, rows, records, amount in _places(catalog, source, staged)
    ]
    engine_of(connection).hold("reconciled", " union all ".join(counts))


def _places(catalog: Catalog, source: Source, staged: str) -> Iterator[tuple[str, str, str, str]]:
    """Where the records of a source are: place, rows, and what counts them and sums them up.

    Args:
        catalog: What is declared.
        source: The source.
        staged: What its amounts come to in staging.
    """
    raw = catalog.raw_table_of(source.name).relation
    yield "raw", quote_relation(raw), "count(*)", "null"
    declared = source.reconciliation
    if declared is None:
        return
    if source.layout.is_of_events:
        yield "replaced", f"({replaced(source, raw)})", "count(*)", "null"
    amount = "null" if declared.amount is None else _sum(declared.amount)
    yield "staging", quote_relation(declared.staging), "count(*)", staged
    if declared.accepted is not None and declared.quarantine is not None:
        count = _sum(declared.accepted_count) if declared.accepted_count else "count(*)"
        yield "accepted", quote_relation(declared.accepted), count, amount
        yield "quarantine", quote_relation(declared.quarantine), "count(*)", amount
    if declared.uncounted is not None:
        yield "uncounted", quote_relation(declared.uncounted), "count(*)", amount


def _sum(column: str) -> str:
    return f"coalesce(sum({quote_name(column)}), 0)"


def _gather(connection: Connection, catalog: Catalog) -> None:
    """Make views of what is wrong with the records of all sources, what is out, and its money.

    Accepted money has no reason. Events that later ones took the places of count as little as what
    is no spend.
    """
    found = [(it.name, it.reconciliation) for it in catalog.sources.values() if it.reconciliation]
    issues = [(name, quote_relation(it.issues), "") for name, it in found if it.issues]
    quarantines = [(name, quote_relation(it.quarantine), "") for name, it in found if it.quarantine]
    uncounted = [(name, quote_relation(it.uncounted), "") for name, it in found if it.uncounted]
    uncounted += [
        (it.name, f"({replaced(it, catalog.raw_table_of(it.name).relation)})", "")
        for it in catalog.sources.values()
        if it.reconciliation and it.layout.is_of_events
    ]
    amounts = [
        (
            name,
            quote_relation(relation),
            f"{reason} as rejection_reason, {quote_name(it.amount)} as amount",
        )
        for name, it in found
        for relation, reason in ((it.accepted, "null"), (it.quarantine, "rejection_reason"))
        if it.amount and relation
    ]
    for view, columns, selected in (
        ("all_issues", ("_source_file", "_row_number", "issue", "tier"), issues),
        ("all_quarantined", ("_source_file", "rejection_reason"), quarantines),
        ("all_uncounted", ("_source_file",), uncounted),
        ("all_amounts", ("rejection_reason", "amount"), amounts),
    ):
        names = ", ".join(columns)
        none = f"select null as source, {', '.join(f'null as {it}' for it in columns)} where false"
        selects = [
            f"select {quote_text(source)}, {items or names} from {rows}"  # noqa: S608
            for source, rows, items in selected
        ]
        union = " union all ".join([none, *selects])
        engine_of(connection).name(view, union)


def _rows(connection: Connection, project: Project, name: str) -> Sequence[Any]:
    sql = (project.sql / name).read_text(encoding="utf-8")
    try:
        return connection.exec_driver_sql(sql).all()
    except DBAPIError as error:
        # Without the cause: its text may quote a value of the data.
        raise BooksError(f"sql/{name}: {explain(error)}") from None


def _difference(row: Sequence[Any]) -> str:
    source, left, left_value, right, right_value, difference = row
    places = 2 if left.startswith("USD") else 0
    return (
        f"  {source}: {left} {left_value:,.{places}f}, {right} {right_value:,.{places}f}: "
        f"off by {difference:,.{places}f}"
    )


def _records_table(figures: Sequence[SourceFigures]) -> RichTable:
    table = RichTable(box=box.SIMPLE_HEAD)
    table.add_column("source")
    names = ["records", "clean", "flagged", "quarantined", "rejected"]
    names += [name for name in SELDOM if any(getattr(it, name) for it in figures)]
    for name in names:
        table.add_column(name, justify="right")
    for it in figures:
        table.add_row(it.source, *(f"{getattr(it, name):,}" for name in names))
    return table


def _reasons_table(figures: Iterable[SourceFigures]) -> RichTable:
    table = RichTable(box=box.SIMPLE_HEAD)
    table.add_column("source")
    table.add_column("quarantined because")
    table.add_column("records", justify="right")
    rows = [(-count, it.source, reason) for it in figures for reason, count in it.by_reason.items()]
    for count, source, reason in sorted(rows):
        table.add_row(source, reason, f"{-count:,}")
    return table


def _seconds(catalog: Catalog, known: Snapshot, run_id: str) -> dict[str, float]:
    """How long this run has worked on each layer."""
    spent = [("raw", it.seconds) for it in known.loads.values() if it.run_id == run_id]
    for relation, table in catalog.tables.items():
        record = known.materializations.get(relation)
        if record is not None and record.run_id == run_id:
            spent.append((table.layer, record.seconds))
    seconds: dict[str, float] = {}
    for layer, of_one in spent:
        seconds[layer] = seconds.get(layer, 0.0) + of_one
    return seconds


def _rendered(table: RichTable) -> str:
    if not table.row_count:
        return ""
    console = Console(width=100, color_system=None, force_terminal=False)
    with console.capture() as capture:
        console.print(table)
    return "\n".join(line.rstrip() for line in capture.get().rstrip().splitlines())
