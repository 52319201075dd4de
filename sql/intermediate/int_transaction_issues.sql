-- Grain: one row per (transaction record, issue).
-- Purpose: what is wrong with a transaction by itself, whatever other records say.
with last_records as (
    select
        _source_file,
        max(_row_number) as _row_number
    from intermediate.int_transactions_enriched
    group by _source_file
),

-- What ends a file without an id, an employee or an account, and is what the others come to.
sums as (
    select
        endings._source_file,
        endings._row_number
    from intermediate.int_transactions_enriched as endings
    semi join last_records
        on
            endings._source_file = last_records._source_file
            and endings._row_number = last_records._row_number
    inner join intermediate.int_transactions_enriched as charges
        on
            endings._source_file = charges._source_file
            and endings._row_number > charges._row_number
    where
        endings.transaction_id is null
        and endings.employee_id is null
        and endings.benefit_account_id is null
    group by endings._source_file, endings._row_number
    having max(endings.amount) = sum(charges.amount)
),

found as (
    select _source_file, _row_number, 'total_record' as issue
    from intermediate.int_transactions_enriched
    where
        employee_id is null
        and benefit_account_id is null
        and is_total(transaction_id)
    union all
    select _source_file, _row_number, 'total_record' as issue
    from sums
    union all
    select _source_file, _row_number, 'missing_transaction_id' as issue
    from intermediate.int_transactions_enriched
    where transaction_id is null
    union all
    select _source_file, _row_number, 'foreign_currency' as issue
    from intermediate.int_transactions_enriched
    where foreign_currency is not null
    union all
    select _source_file, _row_number, 'invalid_amount' as issue
    from intermediate.int_transactions_enriched
    where amount is null
    union all
    select _source_file, _row_number, 'negative_amount' as issue
    from intermediate.int_transactions_enriched
    where amount < 0 and refunds <> 'net'
    union all
    select _source_file, _row_number, 'zero_amount' as issue
    from intermediate.int_transactions_enriched
    where amount = 0
    union all
    select _source_file, _row_number, 'invalid_timestamp' as issue
    from intermediate.int_transactions_enriched
    where transaction_timestamp is null
    union all
    select _source_file, _row_number, 'terminated_employee' as issue
    from intermediate.int_transactions_enriched
    where coalesce(
            cast(transaction_timestamp as date) > employee_employed_until, is_employee_terminated
        )
    union all
    select _source_file, _row_number, 'invalid_employee_id' as issue
    from intermediate.int_transactions_enriched
    where not is_employee_known
    union all
    select _source_file, _row_number, 'invalid_benefit_account_id' as issue
    from intermediate.int_transactions_enriched
    where not is_account_known
    union all
    select _source_file, _row_number, 'cross_employee_account_usage' as issue
    from intermediate.int_transactions_enriched
    where is_employee_known and not is_own_account
    union all
    select
        transactions._source_file,
        transactions._row_number,
        'category_mismatch' as issue
    from intermediate.int_transactions_enriched as transactions
    anti join staging.stg_category_benefit_mappings as mappings
        on
            transactions.benefit_type = mappings.benefit_type
            and transactions.category = mappings.valid_category
    where
        transactions.category is not null
        and (transactions.is_account_known or transactions.is_anonymised)
    union all
    select _source_file, _row_number, 'missing_category' as issue
    from intermediate.int_transactions_enriched
    where category is null
    union all
    select _source_file, _row_number, 'missing_merchant' as issue
    from intermediate.int_transactions_enriched
    where merchant is null
    union all
    select _source_file, _row_number, 'timestamp_without_zone' as issue
    from intermediate.int_transactions_enriched
    where not is_timestamp_zoned
    union all
    select _source_file, _row_number, transaction_timestamp_doubt as issue
    from intermediate.int_transactions_enriched
    where transaction_timestamp_doubt is not null
    union all
    select _source_file, _row_number, 'unknown_employee_status' as issue
    from intermediate.int_transactions_enriched
    where employee_status = 'unknown'
    union all
    select _source_file, _row_number, 'future_timestamp' as issue
    from intermediate.int_transactions_enriched
    where transaction_timestamp >= getvariable('as_of_date') + interval 1 day
    union all
    select _source_file, _row_number, 'before_hire_date' as issue
    from intermediate.int_transactions_enriched
    where transaction_timestamp < employee_hire_date
)

select
    found._source_file,
    found._row_number,
    found.issue,
    issue_types.tier
from found
left join quality.issue_types as issue_types
    on issue_types.source = 'transactions' and found.issue = issue_types.issue
