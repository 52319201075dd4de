-- Grain: one row per merchant.
-- Purpose: where money is spent; the primary category is the most frequent one (the first in the
-- alphabet of two as frequent).
select
    merchant,
    first(category order by category is null, transaction_count desc, category) as primary_category,
    cast(sum(transaction_count) as bigint) as transaction_count
from marts.merchant_categories
group by merchant
