"""The warehouse as the commands read it."""

from collections.abc import Iterator
from contextlib import contextmanager

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
