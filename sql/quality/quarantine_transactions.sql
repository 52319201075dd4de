-- Grain: one row per transaction record with a tier-2 issue.
-- Purpose: what was kept out of the marts and why, with the record as it was written, so that it
-- can be found in its file and fixed.
with reasons as (
    select
        _source_file,
        _row_number,
        arg_min(issue, severity) as rejection_reason,
        list(issue order by severity) as rejection_reasons
    from quality.transaction_issues
    where tier = 2
    group by _source_file, _row_number
)

select
    reasons.rejection_reason,
    reasons.rejection_reasons,
    transactions.transaction_id,
    transactions.employee_id,
    transactions.benefit_account_id,
    transactions.merchant,
    transactions.amount,
    transactions.transaction_timestamp,
    transactions.category,
    written.transaction_id_as_written as raw_transaction_id,
    written.employee_id_as_written as raw_employee_id,
    written.benefit_account_id_as_written as raw_benefit_account_id,
    written.merchant_as_written as raw_merchant,
    written.amount_as_written as raw_amount,
    written.transaction_timestamp_as_written as raw_transaction_timestamp,
    written.category_as_written as raw_category,
    reasons._source_file,
    reasons._row_number
from reasons
inner join intermediate.int_transactions_enriched as transactions
    on
        reasons._source_file = transactions._source_file
        and reasons._row_number = transactions._row_number
inner join base.transactions as written
    on
        reasons._source_file = written._source_file
        and reasons._row_number = written._row_number
