-- Grain: one row per record of the transactions files.
-- Purpose: trimmed and typed; what would not cast is kept as written.
with transactions as (
    select
        _source_file,
        _row_number,
        clean_text(transaction_id) as transaction_id,
        clean_text(employee_id) as employee_id,
        clean_text(benefit_account_id) as benefit_account_id,
        clean_text(merchant) as merchant,
        clean_text(amount) as amount_text,
        amount_as_written,
        clean_text(transaction_timestamp) as timestamp_text,
        transaction_timestamp_as_written,
        transaction_timestamp_doubt,
        clean_label(category) as category,
        _foreign_currency as foreign_currency
    from base.transactions
),

typed as (
    select
        *,
        money(amount_text) as amount,
        utc_timestamp(timestamp_text) as transaction_timestamp
    from transactions
)

select
    transaction_id,
    employee_id,
    benefit_account_id,
    merchant,
    amount,
    if(amount is null, clean_text(amount_as_written), null) as amount_as_written,
    transaction_timestamp,
    if(transaction_timestamp is null, clean_text(transaction_timestamp_as_written), null)
        as transaction_timestamp_as_written,
    if(transaction_timestamp is null, null, has_zone(timestamp_text)) as is_timestamp_zoned,
    transaction_timestamp_doubt,
    category,
    foreign_currency,
    _source_file,
    _row_number
from typed
