"""Warehouses whose runs are made up, for tests of what is told of them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from reading import told_in
from warehouses import settings_in

from benepass_tasks.site.ending import tell_end
from benepass_tasks.state.warehouse import warehouse_of

if TYPE_CHECKING:
    from pathlib import Path

    from benepass_tasks.config.settings import Settings
    from benepass_tasks.engine.session import Warehouse

NOON = datetime(2026, 1, 5, 12, tzinfo=UTC)


@dataclass
class Told:
    """A warehouse whose runs are made up, and the folder of its pages."""

    settings: Settings

    @property
    def warehouse(self) -> Warehouse:
        return warehouse_of(self.settings)

    @property
    def file(self) -> Path:
        return self.settings.site_dir / "runs.js"

    def execute(self, sql: str, *values: object) -> None:
        with self.warehouse.write() as connection:
            connection.exec_driver_sql(sql, values)

    def vouch(self, builder: str = "r0") -> None:
        """The pages are there, built by a run on this warehouse."""
        self.settings.site_dir.mkdir(exist_ok=True)
        self.execute(
            "insert into meta.markers by name select 'site' as name, '' as recipe, "
            "'' as fingerprint, '' as content, 1 as seconds, ? as run_id, now() as built_at, "
            "'site' as kind",
            builder,
        )

    def run(
        self, name: str, status: str = "succeeded", minutes: int = 0, error: str | None = None
    ) -> None:
        began = NOON + timedelta(minutes=minutes)
        ended = None if status == "running" else began + timedelta(seconds=7.5)
        self.execute(
            "insert into meta.runs values (?, ?, ?, ?, '2026-01-01', '{}', '{}', null, ?)",
            *(name, began, ended, status, error),
        )

    def node(  # noqa: PLR0913 - columns of the table
        self,
        run: str,
        node: str,
        *,
        outcome: str = "built",
        seconds: float | None = 1.5,
        reason: str | None = "input changed",
        error: str | None = None,
    ) -> None:
        self.execute(
            "insert into meta.materializations (run_id, node, outcome, reason, row_count, seconds, "
            "error, recorded_at, kind) values (?, ?, ?, ?, 10, ?, ?, ?::timestamptz, 'relation')",
            *(run, node, outcome, reason, seconds, error, NOON + timedelta(seconds=5)),
        )

    def tell(self) -> dict[str, Any]:
        tell_end(self.warehouse, self.settings)
        return self.told()

    def told(self) -> dict[str, Any]:
        return told_in(self.file.read_text(encoding="ascii"))


def made_in(folder: Path) -> Told:
    made = Told(settings_in(folder))
    made.execute("select 1")
    return made
