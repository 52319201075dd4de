"""Removes from raw what a file left that is gone for good."""

from dataclasses import dataclass
from decimal import Decimal

from sqlalchemy import Connection

from benepass_tasks.catalog import Catalog
from benepass_tasks.catalog.wording import printable
from benepass_tasks.engine.quoting import quote_name, quote_relation
from benepass_tasks.ingestion.raw_tables import remove_file
from benepass_tasks.state.decisions import Decision, record_decision
from benepass_tasks.state.markers import Load, Snapshot, anonymised_of


@dataclass(frozen=True, slots=True)
class Loss:
    """What goes with a file: its load, and the money of its records, USD; None without money.

    `kept` is what a census keeps of the file's earlier versions, which goes as well.
    """

    load: Load
    money: Decimal | None
    kept: tuple[Load, ...] = ()

    def __str__(self) -> str:
        """The rows and the money."""
        rows = f"{self.load.parsed:,} rows and {self.load.rejected:,} rejected records"
        if self.kept:
            left = sum(it.parsed for it in self.kept)
            rows = f"{rows}, and {left:,} of those whom it once had and who left"
        return rows if self.money is None else f"{rows}, USD {self.money:,.2f}"


def loss_of(connection: Connection, catalog: Catalog, known: Snapshot, load: Load) -> Loss:
    """Tell what goes with a file; the money is that of its records in staging."""
    kept = tuple(
        it
        for it in known.loads_of(load.source).values()
        if it.is_kept and it.file.startswith((f"{load.file}@", anonymised_of(load.file)))
    )
    declared = catalog.sources[load.source].reconciliation
    if declared is None or declared.amount is None or declared.staging not in known.relations:
        return Loss(load, None, kept)
    money = connection.exec_driver_sql(
        f"select coalesce(sum({quote_name(declared.amount)}), 0) "  # noqa: S608
        f"from {quote_relation(declared.staging)} where _source_file = ?",
        (load.file,),
    ).scalar()
    return Loss(load, money, kept)


def forget_file(connection: Connection, catalog: Catalog, loss: Loss) -> None:
    """Remove the rows of a file and what vouches for them, and write that somebody wanted it."""
    load = loss.load
    for it in (load, *loss.kept):
        remove_file(connection, catalog.raw_table_of(load.source), it.file)
    record_decision(
        connection,
        Decision("forgotten", load.source, printable(load.file), str(loss), sha256=load.sha256),
    )
