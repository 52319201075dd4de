"""A warehouse that no project belongs to."""

from dataclasses import replace
from datetime import date
from pathlib import Path

from benepass_tasks.config.settings import Settings
from benepass_tasks.engine.session import Warehouse
from benepass_tasks.state.warehouse import warehouse_of


def settings_in(folder: Path, name: str = "w.duckdb") -> Settings:
    """The settings of a run on a warehouse in a folder, without a project."""
    return Settings(
        project_dir=folder,
        data_dir=folder,
        warehouse=folder / name,
        as_of=date(2026, 1, 1),
        pii_masking=True,
        force=frozenset(),
        memory_limit="200MB",
        lock_timeout=1,
        hash_key=None,
        published_dir=folder / "published",
        site_dir=folder / "site",
        min_group_size=5,
        publish_unmasked="",
    )


def warehouse(folder: Path, name: str = "w.duckdb", lock_timeout: float = 0.3) -> Warehouse:
    return warehouse_of(replace(settings_in(folder, name), lock_timeout=lock_timeout))


def rows(of: Warehouse, sql: str) -> list[tuple[object, ...]]:
    with of.read() as connection:
        return [tuple(row) for row in connection.exec_driver_sql(sql)]
