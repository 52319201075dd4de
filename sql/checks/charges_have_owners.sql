-- Grain: one row per transaction without an employee or an account that is not anonymised.
-- Purpose: what is not past its retention leads to whoever paid and to what was charged.
select facts.transaction_id
from marts.fact_transactions as facts
where
    (facts.employee_id is null or facts.benefit_account_id is null)
    and not exists (
        select 1
        from intermediate.int_transactions_enriched as transactions
        where transactions.transaction_id = facts.transaction_id and transactions.is_anonymised
    )
