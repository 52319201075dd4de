"""A warehouse that no project belongs to."""

from datetime import date
from pathlib import Path

from benepass_tasks.config.settings import Settings
from benepass_tasks.engine.session import Warehouse
from benepass_tasks.state.warehouse import warehouse_of


def warehouse(folder: Path, name: str = "w.duckdb", lock_timeout: float = 0.3) -> Warehouse:
    settings = Settings(
        project_dir=folder,
        data_dir=folder,
        warehouse=folder / name,
        as_of=date(2026, 1, 1),
        pii_masking=True,
        force=frozenset(),
        memory_limit="200MB",
        lock_timeout=lock_timeout,
        hash_key=None,
        published_dir=folder / "published",
        site_dir=folder / "site",
        min_group_size=5,
        publish_unmasked="",
    )
    return warehouse_of(settings)


def rows(of: Warehouse, sql: str) -> list[tuple[object, ...]]:
    with of.read() as connection:
        return [tuple(row) for row in connection.exec_driver_sql(sql)]
