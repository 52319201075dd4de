"""A catalog of Iceberg for the tests, as pyiceberg's own configuration names it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pyiceberg.catalog import load_catalog
from pyiceberg.utils.config import Config

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    import pytest
    from pyiceberg.catalog import Catalog
    from pyiceberg.table import Table

CATALOG = "lake"


@dataclass
class Lake:
    """A catalog, as anybody else finds it who reads or writes its tables."""

    catalog: Catalog

    def table(self, name: str) -> Table:
        return self.catalog.load_table(name)

    def rows(self, name: str, snapshot: int | None = None) -> list[dict[str, Any]]:
        found = self.table(name).scan(snapshot_id=snapshot).to_arrow().to_pylist()
        return sorted(found, key=str)

    def snapshots(self, name: str) -> list[int]:
        return [it.snapshot_id for it in self.table(name).metadata.snapshots]


def configure(monkeypatch: pytest.MonkeyPatch, **properties: str) -> None:
    """Let the environment say where the catalog is."""
    for key, value in properties.items():
        monkeypatch.setenv(f"PYICEBERG_CATALOG__{CATALOG.upper()}__{key.upper()}", value)


def opened() -> Iterator[Lake]:
    config = Config().get_catalog_config(CATALOG) or {}
    with load_catalog(CATALOG, **{key: str(value) for key, value in config.items()}) as catalog:
        yield Lake(catalog)


def in_folder(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Lake]:
    """A catalog in a file of SQLite, whose tables are in a folder."""
    folder.mkdir()
    configure(
        monkeypatch, uri=f"sqlite:///{folder}/catalog.db", warehouse=f"file://{folder}/tables"
    )
    return opened()
