-- Grain: one row per month whose programmes do not have the spend of its transactions.
-- Purpose: no charge and no refund is lost or counted twice on its way into marts.program_balances,
-- whether it has an account still or is anonymised.
with charged as (
    select
        cast(date_trunc('month', transaction_timestamp) as date) as balance_month,
        sum(amount) as spend
    from marts.fact_transactions
    group by balance_month
),

summed as (
    select
        balance_month,
        sum(spend - refunds) as spend
    from marts.program_balances
    group by balance_month
)

select
    coalesce(charged.balance_month, summed.balance_month) as balance_month,
    charged.spend as charged,
    summed.spend as summed
from charged
full outer join summed on charged.balance_month = summed.balance_month
where coalesce(charged.spend, 0) <> coalesce(summed.spend, 0)
