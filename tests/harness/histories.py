"""Random histories of a company's files, as runs of the project's own models see them."""

from __future__ import annotations

import shutil
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from projects import ROOT
from warehouses import settings_in
from workspace import opened

from benepass_tasks.engine import session
from benepass_tasks.ingestion.forgetting import Loss, forget_file
from benepass_tasks.pipeline.comparison import compare
from benepass_tasks.pipeline.making import make
from benepass_tasks.pipeline.nodes import nodes_of
from benepass_tasks.pipeline.nodes.model import ModelNode
from benepass_tasks.pipeline.nodes.raw_table import RawTableNode
from benepass_tasks.pipeline.nodes.rejected_rows import RejectedRowsNode
from benepass_tasks.pipeline.nodes.source_file import SourceFileNode
from benepass_tasks.state.run import Run

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from benepass_tasks.config.settings import Settings

MADE = (SourceFileNode, RawTableNode, RejectedRowsNode, ModelNode)
"""The kinds of nodes whose upkeep is looked at."""

HEADERS = {
    "employees": "employee_id,first_name,last_name,email,hire_date,status,termination_date",
    "benefit_accounts": "benefit_account_id,employee_id,benefit_type,program_name,"
    "monthly_allowance,current_balance,opened_on,closed_on",
    "transactions": "transaction_id,employee_id,benefit_account_id,merchant,amount,"
    "transaction_timestamp,category",
    "category_benefit_mappings": "benefit_type,valid_category",
}


@dataclass
class Company:
    """A project's folder whose files change, and the runs over it."""

    root: Path
    settings: Settings

    @classmethod
    def founded(cls, root: Path) -> Company:
        shutil.copy(ROOT / "catalog.yaml", root / "catalog.yaml")
        shutil.copytree(ROOT / "sql", root / "sql")
        (root / "data").mkdir()
        told = replace(settings_in(root), data_dir=root / "data", accept=frozenset(HEADERS))
        return cls(root, told)

    def write(self, name: str, source: str, lines: Sequence[str]) -> None:
        path = self.root / "data" / name
        path.write_text("\n".join([HEADERS[source], *lines, ""]), encoding="utf-8")

    def remove(self, name: str) -> None:
        (self.root / "data" / name).unlink()

    def run(self, **settings: object) -> dict[str, str]:
        """Bring all tables up to date; how, by name of those that had to be made."""
        with self.running(**settings) as run:
            said = {}
            for name in [it for it in run.plan() if isinstance(run.nodes().get(it), MADE)]:
                if not run.plan()[name].is_current:
                    said[name] = make(run, name)
            return said

    @contextmanager
    def running(self, **settings: object) -> Iterator[Run]:
        try:
            yield Run(replace(self.settings, **settings), nodes_of)  # type: ignore[arg-type]
        finally:
            session.close()

    def forget(self, source: str, file: str) -> None:
        """Let go of the rows of a file that is gone for good."""
        with self.running() as run:
            load, catalog = run.known().loads[source, file], run.definitions.catalog
            with run.write_lock("test") as warehouse, warehouse.write() as connection:
                forget_file(connection, catalog, Loss(load, None))

    def change(self, sql: str) -> None:
        """Change the warehouse behind the pipeline's back."""
        with opened(self.settings.warehouse, "read_write") as connection:
            connection.execute(sql)

    def query(self, sql: str) -> list[tuple[Any, ...]]:
        with opened(self.settings.warehouse) as connection:
            return connection.execute(sql).fetchall()

    def edit(self, name: str, old: str, new: str) -> None:
        """Replace a text of a file, or put it back where it was replaced before."""
        path = self.root / name
        text = path.read_text(encoding="utf-8")
        assert old in text or new in text
        path.write_text(text.replace(old, new) if old in text else text.replace(new, old))

    def differences(self, **settings: object) -> list[str]:
        """The tables that are not what full builds of them are."""
        with self.running(**settings) as run:
            records = run.known().materializations
            tables = [
                it
                for it in run.nodes().values()
                if isinstance(it, ModelNode) and it.table.materialized == "table"
            ]
            with run.write_lock("test") as warehouse, warehouse.write() as connection:
                verdicts = [compare(connection, it, records[it.name].data_hash) for it in tables]
        return [f"{it.relation}: {it}" for it in verdicts if not it.is_right]
