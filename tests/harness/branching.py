"""A project with a branch."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import duckdb

from benepass_tasks.cli.program import main

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    import pytest
    from workspace import Workspace

MERCHANTS = "sql/marts/dim_merchants.sql"
COUNTED = "sum(transaction_count) as bigint"
COUNTED_ONE_MORE = "sum(transaction_count) + 1 as bigint"


def declare(project: Workspace, change: Callable[[str], str]) -> None:
    """Change what the catalog says from the column transaction_count of that table on."""
    text = (project.root / "catalog.yaml").read_text()
    at = text.index("transaction_count:", text.index("\n  marts.dim_merchants:"))
    project.write("catalog.yaml", text[:at] + change(text[at:]))


def leak(project: Workspace) -> None:
    """Say of each merchant which employee was there last."""
    declared = (
        "someone: {description: The last employee who paid there., type: VARCHAR, "
        "pii: {class: pseudonym, kind: EMPLOYEE_ID}}\n      "
    )
    declare(project, lambda text: declared + text)
    charges = (
        "(select merchant, category, count(*) as transaction_count, max(employee_id) as "
        "employee_id from marts.fact_transactions where merchant is not null group by all)"
    )
    project.replace(MERCHANTS, "marts.merchant_categories", charges)
    summed = "    cast(sum(transaction_count)"
    project.replace(MERCHANTS, summed, f"    max(employee_id) as someone,\n{summed}")


def break_promise(project: Workspace) -> None:
    """Give a published column another type."""
    declare(project, lambda text: text.replace("BIGINT", "INTEGER", 1))
    project.replace(MERCHANTS, "as bigint)", "as integer)")


@dataclass
class Branched:
    """A project and its branch `trial`."""

    workspace: Workspace
    said: pytest.CaptureFixture[str]

    @property
    def folder(self) -> Path:
        return self.workspace.data / "branches" / "trial"

    def main(self, *arguments: str) -> tuple[int, str]:
        """Run a command line here; returns how it ended, and all that it said."""
        self.said.readouterr()
        with self.workspace.configured():
            code = main([*arguments])
        out, err = self.said.readouterr()
        return code, out + err

    def edit(self) -> None:
        """Count a transaction more of each merchant, which no table is built from."""
        self.workspace.replace(MERCHANTS, COUNTED, COUNTED_ONE_MORE)

    def take_back(self) -> None:
        """Take that back."""
        self.workspace.replace(MERCHANTS, COUNTED_ONE_MORE, COUNTED)

    def run(self) -> set[str]:
        """Run the branch; returns what of it was built."""
        before = self.built()
        self.workspace.run("CheckContracts", env="trial")
        return {node for node, _ in self.built() - before}

    def built(self) -> set[tuple[str, object]]:
        """The nodes that were ever built on the branch, each with the instant."""
        found = self.query(
            "select node, recorded_at from meta.materializations join meta.runs using (run_id) "
            "where outcome = 'built' and settings ->> 'env' = 'trial'"
        )
        return {(str(node), at) for node, at in found}

    def query(self, sql: str) -> list[tuple[object, ...]]:
        """Ask the branch's file, beside its parent."""
        with duckdb.connect() as connection:
            connection.execute(f"attach '{self.workspace.warehouse}' as parent (read_only)")
            connection.execute(f"attach '{self.folder / 'warehouse.duckdb'}' as it (read_only)")
            connection.execute("use it")
            return connection.execute(sql).fetchall()

    def own_tables(self) -> set[str]:
        """The tables whose rows are in the branch's own file."""
        found = self.query(
            "select schema_name || '.' || table_name from duckdb_tables() "
            "where database_name = 'it' and schema_name <> 'meta'"
        )
        return {str(name) for (name,) in found}
