-- Grain: one row per transaction record that counts and has the id of another, or one like it.
-- Purpose: the few records that are to be compared with others.
with alike_ids as (
    select skeleton_hash
    from intermediate.int_transactions_enriched
    where transaction_id is not null
    group by skeleton_hash
    having count(*) > 1
    union
    select skeleton_hash
    from intermediate.int_uncounted_ids
)

select
    transactions.transaction_id,
    transactions.transaction_id_as_written,
    transactions.employee_id,
    transactions.benefit_account_id,
    transactions.merchant,
    transactions.amount,
    transactions.amount_as_written,
    transactions.transaction_timestamp,
    transactions.transaction_timestamp_as_written,
    transactions.category,
    transactions.foreign_currency,
    transactions.record_order,
    transactions.resends,
    transactions._source_file,
    transactions._row_number
from intermediate.int_transactions_enriched as transactions
inner join alike_ids
    on transactions.skeleton_hash = alike_ids.skeleton_hash
where transactions.transaction_id is not null
