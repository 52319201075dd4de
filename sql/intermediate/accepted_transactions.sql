-- Grain: one row per transaction that its own record and those of its id leave in.
-- Purpose: the charges beside which others are judged, so that a rejected one neither uses up an
-- allowance nor makes another look repeated.
with rejected as (
    select
        _source_file,
        _row_number
    from intermediate.int_transaction_issues
    where tier = 2
    union all
    select
        _source_file,
        _row_number
    from intermediate.int_transaction_repeats
    where tier = 2
)

select
    transactions._source_file,
    transactions._row_number,
    transactions.transaction_id,
    transactions.employee_id,
    transactions.benefit_account_id,
    transactions.merchant,
    transactions.amount,
    transactions.charge_hash,
    transactions.transaction_timestamp,
    date_trunc('month', transactions.transaction_timestamp) as spend_month,
    transactions.monthly_allowance
from intermediate.int_transactions_enriched as transactions
anti join rejected
    on
        transactions._source_file = rejected._source_file
        and transactions._row_number = rejected._row_number
