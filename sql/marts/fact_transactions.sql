-- Grain: one row per accepted transaction.
-- Purpose: card spend with its benefit; dq_flags lists what is doubtful about the row, in order of
-- severity, and is empty where nothing is. A refund is below zero, and names its charge where there
-- is one. What is past its retention has no employee and no account. No names, no email.
with flags as (
    select
        _source_file,
        _row_number,
        list(issue order by severity) as dq_flags
    from quality.transaction_issues
    where tier = 1
    group by _source_file, _row_number
)

select
    transactions.transaction_id,
    transactions.employee_id,
    transactions.benefit_account_id,
    transactions.merchant,
    transactions.amount,
    transactions.transaction_timestamp,
    transactions.category,
    transactions.benefit_type,
    transactions.program_name,
    transactions.employee_status,
    coalesce(flags.dq_flags, cast([] as varchar[])) as dq_flags,
    refunds.refund_of
from intermediate.int_transactions_enriched as transactions
anti join quality.quarantine_transactions as quarantine
    on
        transactions._source_file = quarantine._source_file
        and transactions._row_number = quarantine._row_number
left join intermediate.int_refunds as refunds
    on
        transactions._source_file = refunds._source_file
        and transactions._row_number = refunds._row_number
left join flags
    on
        transactions._source_file = flags._source_file
        and transactions._row_number = flags._row_number
