-- Grain: one row per (transaction record, issue).
-- Purpose: everything that is wrong with a transaction; quality.issue_types says what follows.
-- What depends on other charges of an account or employee is judged only over records that their
-- own issues leave in, so that a rejected charge neither uses up an allowance nor makes another
-- look repeated.
with repeated_ids as (
    select transaction_id
    from intermediate.int_transactions_enriched
    where transaction_id is not null
    group by transaction_id
    having count(*) > 1
),

repeated as (
    select
        transactions._source_file,
        transactions._row_number,
        transactions.transaction_id,
        [
            transactions.employee_id,
            transactions.benefit_account_id,
            transactions.merchant,
            cast(transactions.amount as varchar),
            transactions.amount_as_written,
            cast(transactions.transaction_timestamp as varchar),
            transactions.transaction_timestamp_as_written,
            transactions.category
        ] as content
    from intermediate.int_transactions_enriched as transactions
    inner join repeated_ids
        on transactions.transaction_id = repeated_ids.transaction_id
),

repeated_compared as (
    select
        _source_file,
        _row_number,
        count(distinct content) over (partition by transaction_id) as version_count,
        row_number() over (
            partition by transaction_id order by _source_file, _row_number
        ) as copy_number
    from repeated
),

own_issues as materialized (
    select _source_file, _row_number, 'missing_transaction_id' as issue
    from intermediate.int_transactions_enriched
    where transaction_id is null
    union all
    select _source_file, _row_number, 'conflicting_transaction_id' as issue
    from repeated_compared
    where version_count > 1
    union all
    select _source_file, _row_number, 'duplicate_transaction' as issue
    from repeated_compared
    where version_count = 1 and copy_number > 1
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
    where amount < 0
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
    where account_employee_id is null
    union all
    select _source_file, _row_number, 'cross_employee_account_usage' as issue
    from intermediate.int_transactions_enriched
    where is_employee_known and account_employee_id <> employee_id
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
    where transactions.category is not null and transactions.account_employee_id is not null
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
),

rejected as (
    select
        own_issues._source_file,
        own_issues._row_number
    from own_issues
    inner join quality.issue_types as issue_types
        on issue_types.source = 'transactions' and own_issues.issue = issue_types.issue
    where issue_types.tier = 2
),

accepted as not materialized (
    select
        transactions._source_file,
        transactions._row_number,
        transactions.transaction_id,
        transactions.employee_id,
        transactions.benefit_account_id,
        transactions.merchant,
        transactions.amount,
        transactions.transaction_timestamp,
        date_trunc('month', transactions.transaction_timestamp) as spend_month,
        transactions.monthly_allowance
    from intermediate.int_transactions_enriched as transactions
    anti join rejected
        on
            transactions._source_file = rejected._source_file
            and transactions._row_number = rejected._row_number
),

-- Accepted amounts are positive: only a month whose total passes the allowance needs the order of
-- its charges.
overspent_months as (
    select
        benefit_account_id,
        spend_month
    from accepted
    group by benefit_account_id, spend_month
    having sum(amount) > any_value(monthly_allowance)
),

running_totals as (
    select
        accepted._source_file,
        accepted._row_number,
        accepted.monthly_allowance,
        sum(accepted.amount) over (
            partition by accepted.benefit_account_id, accepted.spend_month
            order by accepted.transaction_timestamp, accepted.transaction_id
            rows between unbounded preceding and current row
        ) as running_total
    from accepted
    inner join overspent_months
        on
            accepted.benefit_account_id = overspent_months.benefit_account_id
            and accepted.spend_month = overspent_months.spend_month
),

-- A narrow key finds the few charges that repeat at all; what shares a hash by chance is told apart
-- by the partition below.
repeated_charges as (
    select hash(employee_id, merchant, amount) as charge_hash
    from accepted
    where merchant is not null
    group by charge_hash
    having count(*) > 1
),

neighbouring_charges as (
    select
        accepted._source_file,
        accepted._row_number,
        accepted.transaction_timestamp - lag(accepted.transaction_timestamp) over same_charge
            as since_previous,
        lead(accepted.transaction_timestamp) over same_charge - accepted.transaction_timestamp
            as until_next
    from accepted
    inner join repeated_charges
        on hash(accepted.employee_id, accepted.merchant, accepted.amount)
            = repeated_charges.charge_hash
    where accepted.merchant is not null
    window same_charge as (
        partition by accepted.employee_id, accepted.merchant, accepted.amount
        order by accepted.transaction_timestamp, accepted.transaction_id
    )
),

found as (
    select
        _source_file,
        _row_number,
        issue
    from own_issues
    union all
    select _source_file, _row_number, 'over_monthly_allowance' as issue
    from running_totals
    where running_total > monthly_allowance
    union all
    select _source_file, _row_number, 'possible_duplicate_charge' as issue
    from neighbouring_charges
    where since_previous <= interval 10 minutes or until_next <= interval 10 minutes
)

select
    found._source_file,
    found._row_number,
    found.issue,
    issue_types.tier,
    issue_types.severity
from found
left join quality.issue_types as issue_types
    on issue_types.source = 'transactions' and found.issue = issue_types.issue
