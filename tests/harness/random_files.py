"""Small random tables of a company, hostile values among them, for properties to hold over."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hypothesis import strategies as st
from workbench import with_provenance

if TYPE_CHECKING:
    from workbench import RawRows, Row

HOSTILE = (
    None,
    "",
    " \t",
    "'",
    '"',
    "<script>alert(1)</script>",
    "=1+1",
    "NULL",
    "٣",
    "🦆é\u0301",
    "%s",
)
HUGE = ("9999999999999999.99", "10000000000000000", "-9999999999999999.99", "1" + "0" * 60)
LOCAL_PART = "quintessa.vale"
"""What comes before the @ of every planted address, and nowhere else."""


def text(*usual: str) -> st.SearchStrategy[str | None]:
    """Mostly one of the usual values, repeated ones more often."""
    return st.sampled_from((*usual * (300 // len(usual)), *HOSTILE))


EMPLOYEE_IDS = text(*["E1"] * 8, "E2", "E2", "E3", " E1", "e1")
ACCOUNT_IDS = text(*["A1", "A2"] * 5, "A3", "A1\u00a0", "a1")
BENEFIT_TYPES = text("wellness", "wellness", "meals", "Wellness ")
CATEGORIES = text("gym", "gym", "food", "GYM")
ALLOWANCES = text("60.00", "60.00", "100", "0", "-5", "lots", *HUGE)
AMOUNTS = text(*["10", "10.00", "60.00"] * 4, "0.01", "0", "-5", "1e3", "NaN", "10.505", *HUGE)
EMAILS = text(
    f"{LOCAL_PART}@x.example",
    LOCAL_PART,
    f"{LOCAL_PART}@",
    f"x@{LOCAL_PART}@x.example",
    f" {LOCAL_PART} @x.example",
    f"{LOCAL_PART}@\u00a0",
)
INSTANTS = text(
    *["2025-06-15T12:00:00Z", "2025-06-15T12:10:00Z", "2025-06-15T12:05:00"] * 3,
    "2025-06-30T23:59:59.5-01:00",
    "2025-02-30",
    "2027-01-01T00:00:00Z",
    "2019-01-01",
    "epoch",
)
FILES = st.sampled_from(["a.csv", "b.csv"])

EMPLOYEES = st.fixed_dictionaries(
    {
        "employee_id": EMPLOYEE_IDS,
        "first_name": text("Ann", "Bob"),
        "last_name": text("Lee"),
        "email": EMAILS,
        "hire_date": text("2020-01-01", "2025-06-15", "2025-02-30"),
        "status": text(*["active"] * 5, "Terminated", "retired"),
        "_source_file": FILES,
    }
)
BENEFIT_ACCOUNTS = st.fixed_dictionaries(
    {
        "benefit_account_id": ACCOUNT_IDS,
        "employee_id": EMPLOYEE_IDS,
        "benefit_type": BENEFIT_TYPES,
        "program_name": text("Plus", "Max"),
        "monthly_allowance": ALLOWANCES,
        "_source_file": FILES,
    }
)
TRANSACTIONS = st.fixed_dictionaries(
    {
        "transaction_id": text(*[f"T{number}" for number in range(1, 20)], "t1", "T2 "),
        "employee_id": EMPLOYEE_IDS,
        "benefit_account_id": ACCOUNT_IDS,
        "merchant": text("Gym", "Deli"),
        "amount": AMOUNTS,
        "transaction_timestamp": INSTANTS,
        "category": CATEGORIES,
        "_source_file": FILES,
    }
)
MAPPINGS = st.fixed_dictionaries({"benefit_type": BENEFIT_TYPES, "valid_category": CATEGORIES})


def tables(rows: st.SearchStrategy[Row], usual: int) -> st.SearchStrategy[list[Row]]:
    """Mostly a table of the usual size with a copy of some row, now and then an empty one."""
    copied = st.lists(rows, min_size=usual, max_size=usual + 2).flatmap(
        lambda made: st.sampled_from(made).map(lambda copy: [*made, copy])
    )
    return st.sampled_from([True] * 12 + [False]).flatmap(
        lambda is_filled: copied if is_filled else st.just([])
    )


def placed(raw: RawRows) -> RawRows:
    return {table: list(with_provenance(table, rows)) for table, rows in raw.items()}


FILES_OF_A_DAY = st.fixed_dictionaries(
    {
        "raw.employees": tables(EMPLOYEES, 3),
        "raw.benefit_accounts": tables(BENEFIT_ACCOUNTS, 4),
        "raw.transactions": tables(TRANSACTIONS, 8),
        "raw.category_benefit_mappings": tables(MAPPINGS, 2),
    }
).map(placed)
