"""What many models cost before anything runs: their lineage, and the proof that nothing leaks.

    python benchmarks/models.py [--models 1000] [--markdown FILE]

The models stand in a copy of the project, each of ten over the one before it. Measured is the
reading of the catalog and of all SQL with the proof: for the first time, again, and after an edit
of one model.
"""

import argparse
import shutil
import tempfile
import time
from pathlib import Path

from document import replace_figures
from rich.console import Console
from rich.table import Table
from run import ROOT, markdown, table_of

from benepass_tasks.config.project import Project
from benepass_tasks.sqlmodels.cache import Cache
from benepass_tasks.sqlmodels.effective import read_definitions
from benepass_tasks.sqlmodels.privacy import require_proof

IN_A_ROW = 10
COLUMNS = {
    "transaction_id": "type: VARCHAR",
    "employee_id": "type: VARCHAR, pii: *employee_id",
    "merchant": "type: VARCHAR",
    "amount": 'type: "DECIMAL(18,2)", pii: *money',
}
SQL = """with charges as (
    select transaction_id, employee_id, merchant, amount
    from {source}
)

select
    charges.transaction_id,
    charges.employee_id,
    upper(charges.merchant) as merchant,
    cast(charges.amount + {number} as decimal(18, 2)) as amount
from charges
inner join marts.dim_employees as people on charges.employee_id = people.employee_id
"""
ENTRY = "  {name}:\n    description: Charges.\n    domain: benefits\n    columns:\n{columns}\n"


def main() -> None:
    """Measure, print, and write Markdown where asked."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--models", type=int, default=1000)
    parser.add_argument("--markdown", type=Path, help="file to replace the figures in")
    options = parser.parse_args()
    table = measure(options.models)
    Console().print(table)
    if options.markdown:
        replace_figures(options.markdown, markdown(table), "many models")


def measure(number: int) -> Table:
    """The costs of many small models."""
    table = table_of(f"{number:,} models, lineage and proof", ("CPU s", "elapsed s"))
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        shutil.copytree(ROOT / "sql", root / "sql")
        _write_models(root, number)
        _row(table, "for the first time", root)
        _row(table, "again", root)
        edited = root / "sql" / "marts" / f"{_name(number // 2)}.sql"
        edited.write_text(edited.read_text().replace("upper", "lower"))
        _row(table, "after an edit of one model", root)
    return table


def _write_models(root: Path, number: int) -> None:
    columns = "\n".join(f"      {it}: {{description: It., {rest}}}" for it, rest in COLUMNS.items())
    entries = []
    for at in range(number):
        source = _name(at - 1) if at % IN_A_ROW else "fact_transactions"
        sql = SQL.format(source=f"marts.{source}", number=at)
        (root / "sql" / "marts" / f"{_name(at)}.sql").write_text(sql)
        entries.append(ENTRY.format(name=f"marts.{_name(at)}", columns=columns))
    catalog = (ROOT / "catalog.yaml").read_text()
    (root / "catalog.yaml").write_text(
        catalog.replace("\n_tables:\n", f"\n_tables:\n{''.join(entries)}", 1)
    )


def _name(number: int) -> str:
    return f"charges_{number:05}"


def _row(table: Table, name: str, root: Path) -> None:
    started, spent = time.perf_counter(), time.process_time()
    cache = Cache(root / "models.json")
    require_proof(read_definitions(Project(root), cache), cache)
    cpu, elapsed = time.process_time() - spent, time.perf_counter() - started
    table.add_row(name, f"{cpu:.2f}", f"{elapsed:.2f}")


if __name__ == "__main__":
    main()
