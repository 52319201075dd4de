"""The warehouse of a project, with the store in which what is known of it is kept."""

from benepass_tasks.config.settings import Settings
from benepass_tasks.engine.session import Warehouse
from benepass_tasks.engine.shared import Belongings, Shared
from benepass_tasks.state.erasures import CERTIFICATES, job_file, list_file
from benepass_tasks.state.store import PARENT, StateStore


def warehouse_of(settings: Settings, run_id: str = "") -> Warehouse:
    """The warehouse that the settings name; of a shared one what is newest.

    Args:
        settings: The settings.
        run_id: The run that it is for, where it is for one.

    Raises:
        WarehouseError: it is in object storage, and cannot be read there.
    """
    path, shared = settings.warehouse, None
    if settings.shared is not None and settings.shared.copy == path:
        shared = Shared(settings.shared, _belongings(settings), run_id)
    warehouse = Warehouse(
        path,
        settings.memory_limit,
        settings.lock_timeout,
        tuple(settings.variables.items()),
        StateStore(environment=settings.env, warehouse=str(shared or path)),
        ((PARENT, settings.parent),) if settings.parent else (),
        shared,
    )
    warehouse.refresh()
    return warehouse


def _belongings(settings: Settings) -> Belongings:
    """What goes where the warehouse goes: all that the next run needs to make the same of it."""
    path = settings.warehouse
    beside = (list_file(path).name, job_file(path).name)
    folders = {settings.extracts_dir.name, CERTIFICATES}
    return Belongings(frozenset({path.name, f"{path.name}.wal", *beside}), frozenset(folders))
