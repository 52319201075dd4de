-- Grain: one row per programme, those whose balances differ first.
-- Purpose: what is left of the latest month's allowance, and what the accounts' file states; a
-- withheld programme has neither.
with latest as (
    select max(balance_month) as balance_month
    from marts.program_balances
    where balance_month <= cast($as_of as date)
)

select
    strftime(balances.balance_month, '%Y-%m') as month,
    coalesce(balances.program_name, 'no name') as program,
    coalesce(balances.benefit_type, 'no benefit type') as benefit_type,
    balances.allowance,
    balances.spend,
    balances.refunds,
    balances.quarantined,
    balances.uncounted,
    balances.expected_balance,
    balances.stated_balance,
    balances.difference,
    balances.differing_accounts,
    cast(balances.differs_since as varchar) as differs_since
from marts.program_balances as balances
inner join latest on balances.balance_month = latest.balance_month
order by
    coalesce(balances.differing_accounts, 0) desc,
    balances.benefit_type,
    balances.program_name
limit $most_rows
