"""The warehouse of a project, with the store in which what is known of it is kept."""

from benepass_tasks.config.settings import Settings
from benepass_tasks.engine.session import Warehouse
from benepass_tasks.state.store import PARENT, StateStore


def warehouse_of(settings: Settings) -> Warehouse:
    """The warehouse that the settings name."""
    return Warehouse(
        settings.warehouse,
        settings.memory_limit,
        settings.lock_timeout,
        tuple(settings.variables.items()),
        StateStore(environment=settings.env, warehouse=str(settings.warehouse)),
        ((PARENT, settings.parent),) if settings.parent else (),
    )
