-- Grain: one row per record of the transactions files.
-- Purpose: trimmed and typed; what would not cast is kept as written. The id is that of the record:
-- with the other parts of its key where the source declares some. A refund is below zero. What is
-- past its retention is anonymised: its outcome says what it counts for.
with transactions as (
    select
        _source_file,
        _row_number,
        _record_order as record_order,
        _resends as resends,
        _refunds as refunds,
        _is_refund as is_refund,
        _not_counted as not_counted,
        clean_id(coalesce(_record_key, transaction_id)) as transaction_id,
        if(
            transaction_id = clean_id(coalesce(_record_key, transaction_id)),
            null,
            nullif(clean_text(transaction_id), clean_id(transaction_id))
        ) as transaction_id_as_written,
        clean_id(employee_id) as employee_id,
        clean_id(benefit_account_id) as benefit_account_id,
        clean_text(merchant) as merchant,
        clean_text(amount) as amount_text,
        if(amount_is_missing, null, amount_as_written) as amount_as_written,
        clean_text(transaction_timestamp) as timestamp_text,
        if(transaction_timestamp_is_missing, null, transaction_timestamp_as_written)
            as transaction_timestamp_as_written,
        transaction_timestamp_doubt,
        clean_label(category) as category,
        _foreign_currency as foreign_currency,
        _outcome as outcome
    from base.transactions
),

typed as (
    select
        *,
        if(is_refund, -abs(money(amount_text)), money(amount_text)) as amount,
        utc_timestamp(timestamp_text) as transaction_timestamp
    from transactions
)

select
    transaction_id,
    transaction_id_as_written,
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
    record_order,
    resends,
    refunds,
    not_counted,
    outcome,
    _source_file,
    _row_number
from typed
