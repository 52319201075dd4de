-- Grain: one row per merchant.
-- Purpose: where money is spent; the primary category is the most frequent one (the first in the
-- alphabet of two as frequent).
with categories as (
    select
        merchant,
        category,
        count(*) as transaction_count
    from marts.fact_transactions
    where merchant is not null
    group by merchant, category
)

select
    merchant,
    first(category order by category is null, transaction_count desc, category) as primary_category,
    cast(sum(transaction_count) as bigint) as transaction_count
from categories
group by merchant
