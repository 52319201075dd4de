-- Grain: one row per (day, benefit_type, program_name) with an accepted transaction.
-- Purpose: spend by day, from which that of months is added up; days are UTC. Anonymised
-- transactions have no account, so what they come to is not in marts.account_balances.
select
    cast(transaction_timestamp as date) as spent_on,
    benefit_type,
    program_name,
    count(*) as transaction_count,
    coalesce(sum(amount), 0) as spend,
    coalesce(sum(greatest(amount, 0)) filter (where benefit_account_id is null), 0)
        as anonymised_spend,
    coalesce(sum(greatest(-amount, 0)) filter (where benefit_account_id is null), 0)
        as anonymised_refunds
from marts.fact_transactions
group by spent_on, benefit_type, program_name
