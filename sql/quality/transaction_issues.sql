-- Grain: one row per (transaction record, issue).
-- Purpose: everything that is wrong with a transaction; quality.issue_types says what follows.
-- What depends on other charges of an account or employee is judged only over records that their
-- own issues leave in. A refund gives back what its account may spend, and is not a charge itself.
with overspent_months as (
    -- Only a month whose charges pass the allowance needs their order.
    select
        benefit_account_id,
        spend_month
    from intermediate.accepted_transactions
    group by benefit_account_id, spend_month
    having sum(greatest(amount, 0)) > max(monthly_allowance)
),

running_totals as (
    select
        accepted._source_file,
        accepted._row_number,
        accepted.amount,
        accepted.monthly_allowance,
        sum(accepted.amount) over (
            partition by accepted.benefit_account_id, accepted.spend_month
            order by accepted.transaction_timestamp, accepted.transaction_id
            rows between unbounded preceding and current row
        ) as running_total
    from intermediate.accepted_transactions as accepted
    inner join overspent_months
        on
            accepted.benefit_account_id = overspent_months.benefit_account_id
            and accepted.spend_month = overspent_months.spend_month
),

-- A narrow key finds the few charges that repeat at all; what shares a hash by chance is told apart
-- by the partition below.
repeated_charges as (
    select charge_hash
    from intermediate.accepted_transactions
    where employee_id is not null and merchant is not null and amount > 0
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
    from intermediate.accepted_transactions as accepted
    inner join repeated_charges
        on accepted.charge_hash = repeated_charges.charge_hash
    where
        accepted.employee_id is not null
        and accepted.merchant is not null
        and accepted.amount > 0
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
    from intermediate.int_transaction_issues
    union all
    select
        _source_file,
        _row_number,
        issue
    from intermediate.int_transaction_repeats
    union all
    select _source_file, _row_number, 'over_monthly_allowance' as issue
    from running_totals
    where running_total > monthly_allowance and amount > 0
    union all
    select _source_file, _row_number, 'possible_duplicate_charge' as issue
    from neighbouring_charges
    where since_previous <= interval 10 minutes or until_next <= interval 10 minutes
    union all
    select _source_file, _row_number, 'unlinked_refund' as issue
    from intermediate.int_refunds
    where refund_of is null
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
