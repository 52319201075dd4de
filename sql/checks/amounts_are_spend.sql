-- Grain: one row per transaction whose amount is neither spend nor a refund.
-- Purpose: no amount is zero, and one below zero is there only where the source nets refunds.
select
    facts.transaction_id,
    facts.amount
from marts.fact_transactions as facts
where
    facts.amount = 0
    or (
        facts.amount < 0
        and not exists (
            select 1
            from base.transactions as declared
            where declared._refunds = 'net'
        )
    )
