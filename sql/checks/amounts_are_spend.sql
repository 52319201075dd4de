-- Grain: one row per transaction whose amount is neither spend nor a refund.
-- Purpose: no amount is zero, and one below zero is there only where the source nets refunds.
select
    transaction_id,
    amount
from marts.fact_transactions
where
    amount = 0
    or (
        amount < 0
        and not exists (select 1 from base.transactions where _refunds = 'net')
    )
