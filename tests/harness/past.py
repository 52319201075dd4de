"""A history of runs, written as the pipeline writes it."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Table, insert

from benepass_tasks.state.meta import (
    COLUMN_PROFILES,
    MATERIALIZATIONS,
    QUALITY_FIGURES,
    RUNS,
)

MONDAY = date(2026, 1, 5)


@dataclass
class History:
    """Writes runs as the pipeline does."""

    connection: Connection
    runs: int = 0

    def run(
        self,
        *,
        rows: dict[str, int] | None = None,
        nulls: dict[tuple[str, str], int] | None = None,
        figures: Mapping[tuple[str, str, str | None], float] | None = None,
        as_of: date | None = None,
        content: str | None = None,
    ) -> date:
        """A run that built tables with so many rows; an empty one had nothing to do."""
        run_id, self.runs = f"run {self.runs}", self.runs + 1
        day = as_of or MONDAY + timedelta(days=self.runs)
        at = datetime(2026, 5, 1, tzinfo=UTC) + timedelta(minutes=self.runs)
        self._add(
            RUNS,
            [
                {
                    "run_id": run_id,
                    "started_at": at,
                    "status": "succeeded",
                    "as_of": day,
                    "versions": "{}",
                    "settings": "{}",
                }
            ],
        )
        built = [
            {
                "node": node,
                "outcome": "built",
                "row_count": count,
                "content": content or run_id,
            }
            for node, count in (rows or {}).items()
        ]
        done = [{"run_id": run_id, "recorded_at": at} | it for it in built]
        self._add(MATERIALIZATIONS, done)
        profiles = [
            {
                "run_id": run_id,
                "relation": relation,
                "column_name": column,
                "row_count": (rows or {})[relation],
                "null_count": count,
            }
            for (relation, column), count in (nulls or {}).items()
        ]
        self._add(COLUMN_PROFILES, profiles)
        values = [
            {"run_id": run_id, "dataset": dataset, "figure": figure, "name": name, "value": value}
            for (dataset, figure, name), value in (figures or {}).items()
        ]
        self._add(QUALITY_FIGURES, values)
        return day

    def _add(self, table: Table, rows: list[dict[str, Any]]) -> None:
        if rows:
            self.connection.execute(insert(table), rows)
