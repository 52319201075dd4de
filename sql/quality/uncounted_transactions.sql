-- Grain: one row per transaction record that is not spend.
-- Purpose: what does not count, by what the source declares, and why: authorizations, declined
-- charges. Nothing else is said of these records; they are in the books.
select
    not_counted as reason,
    transaction_id,
    employee_id,
    benefit_account_id,
    merchant,
    amount,
    transaction_timestamp,
    category,
    foreign_currency,
    record_order,
    _source_file,
    _row_number
from staging.stg_transactions
where not_counted is not null
