-- Grain: one row per (benefit account, month in which it has a transaction, or the latest).
-- Purpose: what is left of the allowance of a month, and whether the accounts' file says the same.
-- The file states one balance, so it is compared in the latest month alone: the last with a
-- transaction that is not after the as-of date. What is left of a month is not carried over.
-- Anonymised transactions have no account; marts.program_balances has them.
with accounts as (
    select
        accepted.benefit_account_id,
        accepted.employee_id,
        accepted.benefit_type,
        accepted.program_name,
        accepted.monthly_allowance,
        stated.current_balance,
        if(
            accepted.has_allowance,
            coalesce(cast(date_trunc('month', accepted.open_from) as date), date '0001-01-01'),
            null
        ) as first_month,
        coalesce(cast(date_trunc('month', accepted.open_until) as date), date '9999-12-01')
            as last_month
    from intermediate.accepted_benefit_accounts as accepted
    inner join intermediate.int_benefit_accounts as stated
        on
            accepted._source_file = stated._source_file
            and accepted._row_number = stated._row_number
),

latest as (
    select cast(date_trunc('month', max(transaction_timestamp)) as date) as balance_month
    from marts.fact_transactions
    where transaction_timestamp < getvariable('as_of_date') + interval 1 day
),

-- A record of which a copy or a later version counts is not withheld; what is in another currency
-- does not add up. Of each account there is a row for the latest month, whether it moved or not.
moved as (
    select
        benefit_account_id,
        cast(date_trunc('month', transaction_timestamp) as date) as balance_month,
        greatest(amount, 0) as spend,
        greatest(-amount, 0) as refunds,
        0 as quarantined,
        0 as uncounted,
        cast(null as timestamp) as withheld_at
    from marts.fact_transactions
    union all
    select
        benefit_account_id,
        cast(date_trunc('month', transaction_timestamp) as date) as balance_month,
        0 as spend,
        0 as refunds,
        amount as quarantined,
        0 as uncounted,
        transaction_timestamp as withheld_at
    from quality.quarantine_transactions
    where
        rejection_reason not in ('duplicate_transaction', 'superseded_transaction')
        and not list_contains(rejection_reasons, 'foreign_currency')
        and amount is not null
        and transaction_timestamp is not null
    union all
    select
        benefit_account_id,
        cast(date_trunc('month', transaction_timestamp) as date) as balance_month,
        0 as spend,
        0 as refunds,
        0 as quarantined,
        amount as uncounted,
        transaction_timestamp as withheld_at
    from quality.uncounted_transactions
    where
        foreign_currency is null
        and amount is not null
        and transaction_timestamp is not null
    union all
    select
        accounts.benefit_account_id,
        latest.balance_month,
        0 as spend,
        0 as refunds,
        0 as quarantined,
        0 as uncounted,
        cast(null as timestamp) as withheld_at
    from accounts
    cross join latest
    where latest.balance_month is not null
),

months as (
    select
        benefit_account_id,
        balance_month,
        cast(sum(spend) as decimal(38, 2)) as spend,
        cast(sum(refunds) as decimal(38, 2)) as refunds,
        cast(sum(quarantined) as decimal(38, 2)) as quarantined,
        cast(sum(uncounted) as decimal(38, 2)) as uncounted,
        cast(min(withheld_at) as date) as withheld_since
    from moved
    group by benefit_account_id, balance_month
),

balances as (
    select
        accounts.benefit_account_id,
        accounts.employee_id,
        accounts.benefit_type,
        accounts.program_name,
        months.balance_month,
        if(
            coalesce(
                months.balance_month between accounts.first_month and accounts.last_month, false
            ),
            accounts.monthly_allowance,
            0
        ) as allowance,
        months.spend,
        months.refunds,
        months.quarantined,
        months.uncounted,
        months.withheld_since,
        if(months.balance_month = latest.balance_month, accounts.current_balance, null)
            as stated_balance
    from months
    inner join accounts
        on months.benefit_account_id = accounts.benefit_account_id
    cross join latest
)

select
    benefit_account_id,
    balance_month,
    employee_id,
    benefit_type,
    program_name,
    cast(allowance as decimal(18, 2)) as allowance,
    spend,
    refunds,
    quarantined,
    uncounted,
    cast(allowance - spend + refunds as decimal(38, 2)) as expected_balance,
    stated_balance,
    cast(stated_balance - (allowance - spend + refunds) as decimal(38, 2)) as difference,
    if(
        stated_balance <> allowance - spend + refunds,
        coalesce(withheld_since, balance_month),
        null
    ) as differs_since
from balances
