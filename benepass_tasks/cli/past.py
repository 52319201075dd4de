"""The warehouse as the commands read it."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager

from sqlalchemy import Connection

from benepass_tasks.cli import definitions
from benepass_tasks.config.errors import WarehouseError
from benepass_tasks.config.settings import current_settings
from benepass_tasks.engine.session import Warehouse
from benepass_tasks.state.markers import snapshot_of
from benepass_tasks.state.store import missing_tables
from benepass_tasks.state.warehouse import warehouse_of

START = "benepass run"


@contextmanager
def reading() -> Iterator[tuple[Warehouse, Connection]]:
    """The warehouse with a session that reads it.

    Raises:
        WarehouseError: there is no warehouse, or one without a history.
    """
    warehouse = warehouse_of(current_settings())
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


def require_built(connection: Connection, relations: Iterable[str]) -> None:
    """Make sure that there is what a command reads.

    Raises:
        WarehouseError: a table is not there; the first run may still go on.
    """
    built = snapshot_of(connection).relations
    missing = [it for it in relations if it not in built]
    if missing:
        names = ", ".join(missing)
        raise WarehouseError(f"not built yet: {names}; `{START}` builds what is missing")
