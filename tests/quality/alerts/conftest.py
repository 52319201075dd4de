"""A server that takes messages, and a warehouse whose history a test writes."""

from __future__ import annotations

import shutil
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from existing import Everything
from receiving import Receiver, receiving
from warehouses import settings_in

from benepass_tasks.config.channels import SecretUrl
from benepass_tasks.quality.alerts import alert
from benepass_tasks.state.warehouse import warehouse_of

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from benepass_tasks.config.settings import Settings
    from benepass_tasks.engine.session import Warehouse
    from benepass_tasks.quality.alerts import Present, Problem
    from benepass_tasks.state.nodes import Kind

MORNING = datetime(2026, 1, 1, 6, tzinfo=UTC)


@pytest.fixture
def receiver(monkeypatch: pytest.MonkeyPatch) -> Iterator[Receiver]:
    """A server that takes messages."""
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    with receiving() as server:
        yield server


@dataclass
class History:
    """A warehouse that a test writes the history of runs into, and what ends each run."""

    settings: Settings
    runs: int = 0
    present: Present | None = field(default_factory=Everything)

    @property
    def warehouse(self) -> Warehouse:
        return warehouse_of(self.settings)

    @property
    def at(self) -> datetime:
        """When the present run ends."""
        return MORNING + timedelta(days=self.runs)

    @property
    def run_id(self) -> str:
        return f"run{self.runs}"

    def set(self, **settings: object) -> None:
        self.settings = replace(self.settings, **settings)  # type: ignore[arg-type]

    def execute(self, sql: str, *values: object) -> list[tuple[Any, ...]]:
        with self.warehouse.write() as connection:
            result = connection.exec_driver_sql(sql, values)
            return [tuple(row) for row in result] if result.returns_rows else []

    def run(self, status: str = "succeeded", error: str | None = None) -> None:
        """Another run; what is written from now on belongs to it."""
        self.runs += 1
        self.execute(
            "insert into meta.runs (run_id, started_at, ended_at, status, as_of, versions, "
            "settings, error) values (?, ?, ?, ?, '2026-01-01', '{}', '{}', ?)",
            *(self.run_id, self.at, self.at, status, error),
        )

    def made(
        self,
        node: str,
        outcome: str = "built",
        reason: str | None = None,
        error: str | None = None,
        kind: Kind = "relation",
    ) -> None:
        self.execute(
            "insert into meta.materializations "
            "(run_id, node, kind, outcome, error, reason, recorded_at) "
            "values (?, ?, ?, ?, ?, ?, ?)",
            *(self.run_id, node, kind, outcome, error, reason, self.at),
        )

    def tested(  # noqa: PLR0913 - the columns of a table
        self,
        relation: str,
        column: str | None,
        test: str,
        *,
        failing: int = 0,
        arguments: str = "",
        severity: str = "fail",
        keys: list[str] | None = None,
    ) -> None:
        status = "passed" if not failing else {"fail": "failed", "warn": "warned"}[severity]
        self.execute(
            "insert into meta.check_results values (?, ?, ?, ?, ?, ?, ?, ?, 100, ?, 0.1, ?)",
            *(self.run_id, relation, column, test, arguments, severity, status, failing),
            *(keys or [], self.at),
        )

    def monitored(self, monitor: str, dataset: str, status: str, name: str | None = None) -> None:
        self.execute(
            "insert into meta.monitor_results values (?, ?, ?, ?, ?, 0.5, 0, 0.1, ?, ?, ?, null)",
            *(self.run_id, monitor, dataset, name, status),
            *("median 0.0 % of 14 runs", "50.0 % of the rows", self.at),
        )

    def changed(  # noqa: PLR0913 - the columns of a table
        self,
        source: str,
        file: str,
        change: str,
        *,
        column: str = "amount",
        severity: str = "warning",
        misfits: int | None = None,
        days_ago: int = 0,
    ) -> None:
        self.execute(
            "insert into meta.schema_changes (load_id, run_id, changed_at, source, file, relation, "
            "entry, column_name, change, is_guess, misfits, misfit_rows, severity) "
            "values ($1, $1, now() - to_days($2), $3, $4, '', 1, $5, $6, false, $7, [], $8)",
            *(self.run_id, days_ago, source, file, column, change, misfits, severity),
        )

    def end(self, *extra: Problem) -> None:
        """The run ends."""
        alert(self.warehouse, self.settings, self.run_id, self.present, extra)

    def age(self, hours: float) -> None:
        """Let time pass, as far as alerts know it."""
        for table, columns in (
            ("incidents", ("opened_at", "resolved_at")),
            ("notifications", ("claimed_at", "delivered_at")),
        ):
            for column in columns:
                self.execute(
                    f"update meta.{table} set {column} = {column} - to_hours(?)", int(hours)
                )

    def incidents(self, columns: str = "key, severity, resolved_at is null") -> list[Any]:
        return self.execute(f"select {columns} from meta.incidents order by all")


@pytest.fixture
def history(tmp_path: Path, empty_warehouse: Path) -> History:
    """A warehouse with the tables of `meta`, empty, and nowhere to send alerts to."""
    shutil.copy(empty_warehouse, tmp_path)
    return History(settings_in(tmp_path))


@pytest.fixture
def told(history: History, receiver: Receiver) -> History:
    """The same with a webhook."""
    history.set(alert_webhook=SecretUrl(receiver.url))
    return history
