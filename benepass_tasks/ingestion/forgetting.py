"""Removes from raw what a file left that is gone for good."""

from dataclasses import dataclass
from decimal import Decimal

from sqlalchemy import Connection

from benepass_tasks.catalog import Catalog
from benepass_tasks.catalog.wording import printable
from benepass_tasks.engine.quoting import quote_name, quote_relation
from benepass_tasks.ingestion.raw_tables import remove_file
from benepass_tasks.state.decisions import Decision, record_decision
from benepass_tasks.state.markers import Load, Snapshot


@dataclass(frozen=True, slots=True)
class Loss:
    """What goes with a file: its load, and the money of its records, USD; None without money."""

    load: Load
    money: Decimal | None

    def __str__(self) -> str:
        """The rows and the money."""
        rows = f"{self.load.parsed:,} rows and {self.load.rejected:,} rejected records"
        return rows if self.money is None else f"{rows}, USD {self.money:,.2f}"


def loss_of(connection: Connection, catalog: Catalog, known: Snapshot, load: Load) -> Loss:
    """Tell what goes with a file; the money is that of its records in staging."""
    declared = catalog.sources[load.source].reconciliation
    if declared is None or declared.amount is None or declared.staging not in known.relations:
        return Loss(load, None)
    money = connection.exec_driver_sql(
        f"select coalesce(sum({quote_name(declared.amount)}), 0) "  # noqa: S608
        f"from {quote_relation(declared.staging)} where _source_file = ?",
        (load.file,),
    ).scalar()
    return Loss(load, money)


def forget_file(connection: Connection, catalog: Catalog, loss: Loss) -> None:
    """Remove the rows of a file and what vouches for them, and write that somebody wanted it."""
    load = loss.load
    remove_file(connection, catalog.raw_table_of(load.source), load.file)
    record_decision(
        connection,
        Decision("forgotten", load.source, printable(load.file), str(loss), sha256=load.sha256),
    )
