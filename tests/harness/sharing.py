"""Machines that have one warehouse in object storage in common."""

from __future__ import annotations

import shutil
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from object_store import BUCKET, ObjectStore, object_store
from workspace import Workspace

from benepass_tasks.config.settings import current_settings
from benepass_tasks.config.shared_warehouse import read_shared_warehouse
from benepass_tasks.engine import session
from benepass_tasks.engine.shared import storage
from benepass_tasks.state.warehouse import warehouse_of

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    import pytest

ADDRESS = f"s3://{BUCKET}/prod/warehouse.duckdb"
LEASE = 3


@dataclass
class Machine(Workspace):
    """A project in a folder of its own, whose warehouse is in object storage."""

    @property
    def warehouse(self) -> Path:
        """The copy that it works on."""
        found = read_shared_warehouse(ADDRESS, self.data / "copies", LEASE)
        assert found
        return found.copy

    def vouched_for(self) -> set[tuple[str, object]]:
        """What the warehouse says was made, and when, whichever machine has made it."""
        with self.configured():
            warehouse_of(current_settings())
        return super().vouched_for()


def machine(project: Workspace, name: str) -> Machine:
    """A machine with a project that has not been run."""
    made = Machine(project.root.parent / name)
    shutil.copytree(project.root, made.root)
    made.replace("luigi.cfg", "warehouse = data/warehouse.duckdb", f"warehouse = {ADDRESS}")
    made.replace("luigi.cfg", "\n[benepass]\n", f"\n[benepass]\nwarehouse_lease = {LEASE}\n")
    made.settings = {"warehouse": ADDRESS, "warehouse_lease": str(LEASE)}
    (made.data / "warehouse.duckdb").unlink(missing_ok=True)
    return made


@contextmanager
def shared_store(monkeypatch: pytest.MonkeyPatch) -> Iterator[ObjectStore]:
    """A storage that is asked twice at most, and of which nothing stays open."""
    monkeypatch.setattr(storage, "ATTEMPTS", 2)
    with object_store(monkeypatch) as made:
        yield made
        session.close()
