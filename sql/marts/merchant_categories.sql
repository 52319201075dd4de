-- Grain: one row per (merchant, category).
-- Purpose: how often a merchant's transactions have a category, from which its primary one is told.
select
    merchant,
    category,
    count(*) as transaction_count
from marts.fact_transactions
where merchant is not null
group by merchant, category
