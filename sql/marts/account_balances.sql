-- Grain: one row per (benefit account, month in which the account has a transaction, or the latest).
-- Purpose: what is left of the allowance of a month, and whether the accounts' file says the same.
-- The file states one balance, so it is compared in the latest month alone: the last with a
-- transaction that is not after the as-of date. What is left of a month is not carried over.
with accounts as (
    select
        accounts.benefit_account_id,
        accounts.employee_id,
        accounts.benefit_type,
        accounts.program_name,
        accounts.monthly_allowance,
        stated.current_balance,
        if(
            accounts.has_allowance,
            coalesce(date_trunc('month', accounts.open_from), date '0001-01-01'),
            null
        ) as first_month,
        coalesce(date_trunc('month', accounts.open_until), date '9999-12-01') as last_month
    from intermediate.accepted_benefit_accounts as accounts
    inner join intermediate.int_benefit_accounts as stated
        on
            accounts._source_file = stated._source_file
            and accounts._row_number = stated._row_number
),

spent as (
    select
        benefit_account_id,
        cast(date_trunc('month', transaction_timestamp) as date) as balance_month,
        sum(amount) filter (where amount > 0) as spend,
        -sum(amount) filter (where amount < 0) as refunds,
        0 as quarantined,
        0 as uncounted,
        cast(null as date) as withheld_since
    from marts.fact_transactions
    group by benefit_account_id, balance_month
),

-- A record of which a copy or a later version counts is not withheld; what is in another currency
-- does not add up.
withheld as (
    select
        benefit_account_id,
        transaction_timestamp,
        amount as quarantined,
        0 as uncounted
    from quality.quarantine_transactions
    where
        rejection_reason not in ('duplicate_transaction', 'superseded_transaction')
        and not list_contains(rejection_reasons, 'foreign_currency')
        and amount is not null
        and transaction_timestamp is not null
    union all
    select
        benefit_account_id,
        transaction_timestamp,
        0 as quarantined,
        amount as uncounted
    from quality.uncounted_transactions
    where amount is not null and transaction_timestamp is not null
),

moved as (
    select * from spent
    union all
    select
        benefit_account_id,
        cast(date_trunc('month', transaction_timestamp) as date) as balance_month,
        0 as spend,
        0 as refunds,
        sum(quarantined) as quarantined,
        sum(uncounted) as uncounted,
        cast(min(transaction_timestamp) as date) as withheld_since
    from withheld
    group by benefit_account_id, balance_month
),

latest as (
    select max(balance_month) as balance_month
    from spent
    where balance_month <= getvariable('as_of_date')
),

months as (
    select
        benefit_account_id,
        balance_month,
        cast(coalesce(sum(spend), 0) as decimal(18, 2)) as spend,
        cast(coalesce(sum(refunds), 0) as decimal(18, 2)) as refunds,
        cast(sum(quarantined) as decimal(18, 2)) as quarantined,
        cast(sum(uncounted) as decimal(18, 2)) as uncounted,
        min(withheld_since) as withheld_since
    from moved
    group by benefit_account_id, balance_month
),

placed as (
    select
        benefit_account_id,
        balance_month
    from months
    union
    select
        accounts.benefit_account_id,
        latest.balance_month
    from accounts
    cross join latest
    where latest.balance_month is not null
),

balances as (
    select
        accounts.benefit_account_id,
        accounts.employee_id,
        accounts.benefit_type,
        accounts.program_name,
        placed.balance_month,
        if(
            coalesce(
                placed.balance_month between accounts.first_month and accounts.last_month, false
            ),
            accounts.monthly_allowance,
            0
        ) as allowance,
        coalesce(months.spend, 0) as spend,
        coalesce(months.refunds, 0) as refunds,
        coalesce(months.quarantined, 0) as quarantined,
        coalesce(months.uncounted, 0) as uncounted,
        months.withheld_since,
        if(placed.balance_month = latest.balance_month, accounts.current_balance, null)
            as stated_balance
    from placed
    inner join accounts
        on placed.benefit_account_id = accounts.benefit_account_id
    cross join latest
    left join months
        on
            placed.benefit_account_id = months.benefit_account_id
            and placed.balance_month = months.balance_month
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
    cast(allowance - spend + refunds as decimal(18, 2)) as expected_balance,
    stated_balance,
    cast(stated_balance - (allowance - spend + refunds) as decimal(18, 2)) as difference,
    if(
        stated_balance <> allowance - spend + refunds,
        coalesce(withheld_since, balance_month),
        null
    ) as differs_since
from balances
