"""A project whose people are wherever an erasure has to reach, and what it must keep."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from workspace import Workspace, new_project

from benepass_tasks.config.settings import current_settings
from benepass_tasks.pipeline.erasure.beginning import Wish
from benepass_tasks.pipeline.erasure.erase import erase

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from benepass_tasks.pipeline.erasure.certificate import Certificate

KEY = "0123456789abcdef0123456789abcdef"

GRETA = "EMP-1001"
"""Her record is there in two versions and a copy, and she left in the middle of a month."""

EMPLOYEES = """employee_id,first_name,last_name,email,hire_date,status,termination_date,note
EMP-1001,Greta,Aldous,greta.aldous@example.com,2020-05-04,active,,likes tea
EMP-1002,Hugo,Birch,hugo.birch@example.com,2021-06-15,active,,
EMP-1001,Greta,Marlowe,greta.aldous@example.com,2020-05-04,terminated,2025-03-12,
EMP-1001 ,Greta,Marlowe,greta.aldous@example.com,2020-05-04,terminated,2025-03-12,
EMP-1003,Ines,Corder,not an address,2024-02-29,on_leave,,
"""
ACCOUNTS = """benefit_account_id,employee_id,benefit_type,program_name,monthly_allowance
ACC-2001,EMP-1001,wellness,Wellness Plus,100.00
ACC-2002,EMP-1002,meals,Daily Meals,150.00
ACC-2003,EMP-1001,meals,Daily Meals,150.00
ACC-2003,EMP-1002,meals,Daily Meals,150.00
"""
TRANSACTIONS = """\
transaction_id,employee_id,benefit_account_id,merchant,amount,transaction_timestamp,category
TXN-30001,EMP-1001,ACC-2001,Iron Heron Gym,60.00,2020-03-01T10:00:00Z,gym
TXN-30002,EMP-1001,ACC-2001,Iron Heron Gym,50.00,2025-03-02T10:00:00Z,gym
TXN-30003,EMP-1002,ACC-2002,Plum Crate,12.50,2025-03-03T10:00:00Z,groceries
TXN-30004,EMP-1002,ACC-2001,Plum Crate,9.00,2025-03-04T10:00:00Z,groceries
TXN-30005,EMP-1001,ACC-2001,Iron Heron Gym,20.00,2025-03-12T23:00:00Z,gym
TXN-30006,EMP-1001,ACC-2001,Iron Heron Gym,30.00,2025-03-20T10:00:00Z,gym
TXN-30007,,ACC-2001,Iron Heron Gym,7.00,2025-03-09T10:00:00Z,gym
TXN-30002,EMP-1001,ACC-2001,Iron Heron Gym,51.00,2025-03-02T10:00:00Z,gym
TXN-30003,EMP-1001,ACC-2001,Iron Heron Gym,51.00,2025-03-02T10:00:00Z,gym
TXN-30008,EMP-1001,ACC-2001,Iron Heron Gym
TXN-30009,Marlowe,Greta,Iron Heron Gym
TXN-30010,EMP-1003,ACC-2002,Plum Crate,4.00,2025-04-04T10:00:00Z,groceries
TXN-30011,EMP-1001,ACC-2001,Iron Heron Gym,-5.00,2025-03-11T10:00:00Z,gym
"""

STAFF = """\
  staff:
    datasets: [marts.dim_employees, quality.quarantine_employees]
    treatment: {FIRST_NAME: clear, LAST_NAME: clear}
    reason: they look people up
"""
"""Who gets names as well."""

FILES = {"employees": EMPLOYEES, "benefit_accounts": ACCOUNTS, "transactions": TRANSACTIONS}

TOTALS = {
    "by month": "select date_trunc('month', transaction_timestamp), sum(amount), count(*) "
    "from marts.fact_transactions group by all",
    "by programme": "select program_name, sum(amount) from marts.fact_transactions group by all",
    "by merchant": "select merchant, sum(amount) from marts.fact_transactions group by all",
    "programmes": "from marts.program_balances",
    "utilisation": "from marts.program_utilization",
    **{
        name: f"select rejection_reasons, count(*) from quality.{name} group by 1"
        for name in (
            "quarantine_transactions",
            "quarantine_employees",
            "quarantine_benefit_accounts",
        )
    },
    **{
        name: f"select issue, count(*) from quality.{name} group by 1"
        for name in ("transaction_issues", "employee_issues", "benefit_account_issues")
    },
}
"""What an erasure must not change: asked for here in other words than the package has."""


def project(root: Path) -> Workspace:
    """A project that has been run, up to its pages."""
    made = new_project(root)
    for name, content in FILES.items():
        made.write(f"data/{name}.csv", content)
    allowed = "guards: {max_quarantined_money: 100%}"
    made.replace("catalog.yaml", "guards: {min_clean: 50%}", allowed)
    made.replace("catalog.yaml", "_audiences:\n", f"_audiences:\n{STAFF}")
    made.run("BuildSite")
    return made


def totals(workspace: Workspace) -> dict[str, list[Any]]:
    """All that must stay the same."""
    return {name: sorted(workspace.query(sql), key=repr) for name, sql in TOTALS.items()}


def erased(
    workspace: Workspace, people: Sequence[str] = (GRETA,), *, rewrites_sources: bool = False
) -> list[Certificate]:
    """Erase people, in this process."""
    at = "2026-01-01T00:00:00+00:00"
    wish = Wish(people, at, lambda _: True, "a request", rewrites_sources)
    with workspace.configured():
        return erase(current_settings(), wish, lambda _: None)
