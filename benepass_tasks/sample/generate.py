"""Write the four CSV files of the sample, the same bytes for the same number of transactions.

The SQL files beside this module hold the data; `plan.csv` holds the planted issues, as a pattern
of 84 accounts times 12 months that repeats through the file. Only what no CSV writer produces,
the records that cannot be parsed, is added here.
"""

import math
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.resources import as_file, files
from pathlib import Path

import duckdb

from benepass_tasks.config.errors import ProjectError
from benepass_tasks.sample.malformed import MALFORMED, insert_malformed

DEFAULT_TRANSACTIONS = 5_000
"""The size of the committed sample, and the smallest one that holds every planted issue."""

_ACCOUNTS_PER_CYCLE = 84
_SLOTS_PER_ACCOUNT = 12
# Enough rows for both cores, few enough to sort in little memory.
_ROWS_PER_PART = 500_000
_MEMORY_LIMIT = "1GB"

_ORDERED = {
    "employees": """
        select employee_id, first_name, last_name, email, hire_date, status
        from employees
        order by place, employee_id, issues
    """,
    "benefit_accounts": """
        select benefit_account_id, employee_id, benefit_type, program_name, monthly_allowance
        from benefit_accounts
        order by place, benefit_account_id, issues
    """,
    "category_benefit_mappings": """
        select benefit_type, valid_category
        from category_benefit_mappings
        order by rowid
    """,
    "transactions": """
        select
            transaction_id,
            employee_id,
            benefit_account_id,
            merchant,
            amount,
            transaction_timestamp,
            category
        from transactions
        order by position
    """,
}


@dataclass(frozen=True)
class Scale:
    """How large a sample is; every number follows from the number of transactions."""

    transactions: int

    def __post_init__(self) -> None:
        """Refuse a size that would leave out some of the planted issues."""
        if self.transactions < DEFAULT_TRANSACTIONS:
            raise ProjectError(
                f"a sample of {self.transactions} transactions is too small to hold every planted "
                f"issue; ask for {DEFAULT_TRANSACTIONS} or more"
            )

    @property
    def rows(self) -> int:
        """Transactions that can be parsed."""
        return self.transactions - len(MALFORMED)

    @property
    def accounts(self) -> int:
        """Accounts with ordinary transactions."""
        return self.rows // _SLOTS_PER_ACCOUNT

    @property
    def cycles(self) -> int:
        """Repetitions of the pattern, the last one perhaps cut short."""
        return math.ceil(self.accounts / _ACCOUNTS_PER_CYCLE)

    @property
    def stride(self) -> int:
        """A step that visits every account once, and neighbours far from each other."""
        stride = self.accounts * 61 // 100
        while math.gcd(stride, self.accounts) != 1:
            stride += 1
        return stride

    def variables(self) -> dict[str, int]:
        """What the SQL files read with `getvariable`."""
        return {
            "accounts": self.accounts,
            "cycles": self.cycles,
            "stride": self.stride,
            "first_position": 0,
            "end_position": self.rows,
        }


@contextmanager
def planted(scale: Scale) -> Iterator[duckdb.DuckDBPyConnection]:
    """Open a connection that holds the sample as relations, each row with its planted issues.

    Args:
        scale: The size of the sample.

    Yields:
        A connection with `employees`, `benefit_accounts`, `transactions` and
        `category_benefit_mappings`.
    """
    with tempfile.TemporaryDirectory() as spill, duckdb.connect() as connection:
        connection.execute("set memory_limit = $limit", {"limit": _MEMORY_LIMIT})
        connection.execute("set temp_directory = $spill", {"spill": spill})
        set_variables(connection, scale.variables())
        _load_plan(connection)
        for name in ("arithmetic", "merchants", "employees", "benefit_accounts", "transactions"):
            connection.execute(_sql(name))
        yield connection


def set_variables(connection: duckdb.DuckDBPyConnection, variables: dict[str, int]) -> None:
    """Set DuckDB variables, which views read at the time of each query.

    Args:
        connection: The connection to set them in.
        variables: Their names and values.
    """
    for name, value in variables.items():
        connection.execute(f"set variable {name} = {value:d}")


def generate(target: Path, transactions: int = DEFAULT_TRANSACTIONS) -> None:
    """Write the four CSV files of a sample.

    Args:
        target: The directory to write into; made when it does not exist.
        transactions: How many records `transactions.csv` gets, the malformed ones included.

    Raises:
        ProjectError: The sample would be too small to hold every planted issue.
    """
    scale = Scale(transactions)
    target.mkdir(parents=True, exist_ok=True)
    with planted(scale) as connection, tempfile.TemporaryDirectory(dir=target) as work:
        for name in ("employees", "benefit_accounts", "category_benefit_mappings"):
            _copy(connection, name, Path(work, f"{name}.csv"), header=True)
        _write_transactions(connection, scale, Path(work))
        for name in _ORDERED:
            Path(work, f"{name}.csv").replace(target / f"{name}.csv")


def _write_transactions(
    connection: duckdb.DuckDBPyConnection, scale: Scale, directory: Path
) -> None:
    """Write the transactions part by part, so that memory does not grow with the file."""
    part = directory / "part.csv"
    with (directory / "transactions.csv").open("wb") as whole:
        for first in range(0, scale.rows, _ROWS_PER_PART):
            end = min(first + _ROWS_PER_PART, scale.rows)
            set_variables(connection, {"first_position": first, "end_position": end})
            _copy(connection, "transactions", part, header=first == 0)
            if first == 0:
                part.write_bytes(insert_malformed(part.read_bytes(), scale.rows))
            with part.open("rb") as written:
                shutil.copyfileobj(written, whole)
    part.unlink()


def _copy(connection: duckdb.DuckDBPyConnection, name: str, target: Path, *, header: bool) -> None:
    """Write one relation as CSV, in its order."""
    connection.execute(
        f"copy ({_ORDERED[name]}) to $target (format csv, header {str(header).lower()})",
        {"target": str(target)},
    )


def _load_plan(connection: duckdb.DuckDBPyConnection) -> None:
    """Load the planted issues: one row per slot of the pattern that is not ordinary."""
    with as_file(files(__package__).joinpath("plan.csv")) as plan:
        connection.execute(_sql("plan"), {"plan": str(plan)})


def _sql(name: str) -> str:
    """Read one of the SQL files beside this module."""
    return files(__package__).joinpath(f"{name}.sql").read_text(encoding="utf-8")
