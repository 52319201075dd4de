"""The warehouse as the commands read it, and how times and amounts are said."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

from sqlalchemy import Connection

from benepass_tasks.cli import definitions
from benepass_tasks.errors import WarehouseError
from benepass_tasks.settings import current_settings
from benepass_tasks.warehouse import Warehouse
from benepass_tasks.warehouse.meta import missing_tables

START = "luigi --module benepass_tasks Publish"


@contextmanager
def reading() -> Iterator[tuple[Warehouse, Connection]]:
    """The warehouse with a session that reads it.

    Raises:
        WarehouseError: there is no warehouse, or one without a history.
    """
    warehouse = Warehouse.of(current_settings())
    if not warehouse.exists():
        raise WarehouseError(
            f"there is no warehouse at {definitions.warehouse_path()} yet: `{START}` makes it"
        )
    with warehouse.read() as connection:
        if missing_tables(connection):
            raise WarehouseError(
                f"{definitions.warehouse_path()} has no history of runs yet: `{START}` begins it"
            )
        yield warehouse, connection


def instant(moment: datetime | None) -> str:
    """An instant in UTC, to the second."""
    return f"{moment.astimezone(UTC):%Y-%m-%d %H:%M:%S}Z" if moment else ""


def count(number: int | None) -> str:
    """A whole number with separators."""
    return "" if number is None else f"{number:,}"


def seconds(spent: float | None) -> str:
    """Seconds, for people."""
    return "" if spent is None else f"{spent:.2f}"


def rate(part: float | None) -> str:
    """A part of a whole as a percentage."""
    return "" if part is None else f"{part:.1%}"


def size(number: int | None) -> str:
    """Bytes, for people."""
    return "" if number is None else f"{number / 2**20:,.2f} MB"
