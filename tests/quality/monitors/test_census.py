"""A census without those who have left is told, since their past spend would vanish."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from workspace import Workspace

OPEN = "select key from meta.incidents where resolved_at is null and key like 'missing_%'"
MESSAGE = (
    "select message from meta.monitor_results where monitor = 'missing_employees' "
    "order by checked_at desc limit 1"
)


@pytest.mark.nightly
@pytest.mark.usefixtures("finished")
def test_a_census_that_lacks_somebody_with_charges_is_told_until_it_has_them_again(
    workspace: Workspace,
) -> None:
    complete = (workspace.data / "employees.csv").read_text()
    header, first, *others = complete.splitlines()
    assert first.startswith("E1,")
    workspace.write("data/employees.csv", "\n".join([header, *others, ""]))
    workspace.run()
    assert workspace.query(OPEN) == [("missing_employees:employees",)]
    ((message,),) = workspace.query(MESSAGE)
    assert message.startswith("1 employees with charges are missing, USD 110.00 of theirs is")
    # It stays open in runs that bring no census.
    workspace.replace("data/transactions.csv", "12.50", "12.60")
    workspace.run()
    assert workspace.query(OPEN) == [("missing_employees:employees",)]
    workspace.write("data/employees.csv", complete)
    workspace.run()
    assert workspace.query(OPEN) == []


@pytest.mark.nightly
def test_who_is_missing_from_the_first_census_on_is_not_news(workspace: Workspace) -> None:
    workspace.replace("data/transactions.csv", "T1,E1", "T1,E9")
    workspace.run()
    workspace.replace("data/employees.csv", "Ann", "Anne")
    workspace.run()
    assert workspace.query(OPEN) == []
