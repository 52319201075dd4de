"""The ledger of a sample: how many of which issue were planted, and how much money is involved.

It is counted from the plan, never by checking the data: that is what a check is compared with.
"""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import yaml

from benepass_tasks.sample.generate import Scale, planted
from benepass_tasks.sample.malformed import MALFORMED

AS_OF = "2026-01-01"
"""The date from which a transaction counts as of the future."""

TIER_2: dict[str, tuple[str, ...]] = {
    "transactions": (
        "missing_transaction_id",
        "conflicting_transaction_id",
        "duplicate_transaction",
        "invalid_amount",
        "negative_amount",
        "zero_amount",
        "invalid_timestamp",
        "terminated_employee",
        "invalid_employee_id",
        "invalid_benefit_account_id",
        "cross_employee_account_usage",
    ),
    "employees": ("missing_employee_id", "conflicting_employee_id", "duplicate_employee"),
    "benefit_accounts": (
        "missing_benefit_account_id",
        "conflicting_benefit_account_id",
        "duplicate_benefit_account",
        "orphan_benefit_account",
    ),
}
"""Issues in the sample that put a row into quarantine, the most severe first."""

TIER_1: dict[str, tuple[str, ...]] = {
    "transactions": (
        "category_mismatch",
        "missing_category",
        "missing_merchant",
        "timestamp_without_zone",
        "future_timestamp",
        "before_hire_date",
        "over_monthly_allowance",
        "possible_duplicate_charge",
        "unknown_employee_status",
    ),
    "employees": ("unknown_status", "invalid_hire_date", "invalid_email"),
    "benefit_accounts": ("invalid_allowance", "unknown_benefit_type"),
}
"""Issues in the sample that leave a row where it is."""

_PREAMBLE = f"""\
# The frozen ledger of the sample: what was planted, counted from the plan and not by a check.
# Written by: python -m benepass_tasks.sample --transactions {{transactions}} --ledger FILE
#
# records              lines of data, a record that spans two lines counted once
# rejected             records that cannot be parsed; rows are the others
# issues_tier2         (row, issue) pairs over all rows
# flags                (row, issue) pairs of tier 1 over ACCEPTED rows only
# flags_on_quarantined pairs of tier 1 over quarantined rows, as far as the row allows to tell;
#                      the last two look at accepted rows only
# rejection_reasons    quarantined rows by their most severe issue
# amounts              sums over rows whose amount is a valid number, negative ones included
# several_issues       rows with more than one issue: tier 2, the most severe first, then tier 1
# The as-of date is {AS_OF}.
"""


@dataclass(frozen=True)
class PlantedRows:
    """Rows of one source that were planted with the same issues."""

    issues: tuple[str, ...]
    rows: int
    cents: int = 0


def ledger(transactions: int) -> dict[str, Any]:
    """Count what a sample is planted with.

    Args:
        transactions: The size of the sample, as for `generate`.

    Returns:
        The ledger, ready to be written as YAML.
    """
    with planted(Scale(transactions)) as connection:
        spending = _planted_rows(connection, "transactions", "sum(valid_cents)")
        return {
            "as_of": AS_OF,
            "transactions": {
                **_counts("transactions", spending, rejected=len(MALFORMED)),
                "amounts": _amounts(spending),
            },
            **{
                source: _counts(source, _planted_rows(connection, source))
                for source in ("employees", "benefit_accounts", "category_benefit_mappings")
            },
        }


def write_ledger(target: Path, transactions: int) -> None:
    """Write the ledger of a sample as YAML.

    Args:
        target: The file to write.
        transactions: The size of the sample, as for `generate`.
    """
    content = yaml.safe_dump(ledger(transactions), sort_keys=False, width=100)
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(_PREAMBLE.format(transactions=transactions) + content, encoding="utf-8")


def _planted_rows(
    connection: duckdb.DuckDBPyConnection, source: str, cents: str = "0"
) -> list[PlantedRows]:
    """Count the rows of a source by the issues planted in them."""
    relation = connection.table(source)
    groups = relation.aggregate(f"issues, count(*), coalesce({cents}, 0)", "issues").fetchall()
    return [
        PlantedRows(tuple(filter(None, issues.split("|"))), int(rows), int(total))
        for issues, rows, total in sorted(groups)
    ]


def _counts(source: str, groups: list[PlantedRows], rejected: int = 0) -> dict[str, Any]:
    """Add up the planted rows of a source."""
    severe, flags = TIER_2.get(source, ()), TIER_1.get(source, ())
    accepted = [group for group in groups if not set(group.issues) & set(severe)]
    refused = [group for group in groups if set(group.issues) & set(severe)]
    rows = sum(group.rows for group in groups)
    return {
        "records": rows + rejected,
        "rejected": rejected,
        "rows": rows,
        "accepted": sum(group.rows for group in accepted),
        "quarantined": sum(group.rows for group in refused),
        "issues_tier2": _pairs(refused, severe),
        "flags": _pairs(accepted, flags),
        "flags_on_quarantined": _pairs(refused, flags),
        "rejection_reasons": _reasons(refused, severe),
        "several_issues": _several(groups),
    }


def _pairs(groups: Iterable[PlantedRows], names: tuple[str, ...]) -> dict[str, int]:
    """Count (row, issue) pairs of the named issues."""
    counts: Counter[str] = Counter()
    for group in groups:
        counts.update(dict.fromkeys(group.issues, group.rows))
    return {name: counts[name] for name in names}


def _reasons(groups: Iterable[PlantedRows], severe: tuple[str, ...]) -> dict[str, int]:
    """Count quarantined rows by their most severe issue."""
    counts: Counter[str] = Counter()
    for group in groups:
        counts[min(set(group.issues) & set(severe), key=severe.index)] += group.rows
    return {name: counts[name] for name in severe}


def _several(groups: Iterable[PlantedRows]) -> dict[str, int]:
    """Count the rows with more than one issue, by the list of their issues."""
    return {", ".join(group.issues): group.rows for group in groups if len(group.issues) > 1}


def _amounts(groups: list[PlantedRows]) -> dict[str, str]:
    """Add up the valid amounts; text, since YAML has no decimals."""
    severe = set(TIER_2["transactions"])
    parsed = sum(group.cents for group in groups)
    accepted = sum(group.cents for group in groups if not set(group.issues) & severe)
    return {
        "parsed": _decimal(parsed),
        "accepted": _decimal(accepted),
        "quarantined": _decimal(parsed - accepted),
    }


def _decimal(cents: int) -> str:
    return str(Decimal(cents).scaleb(-2))
