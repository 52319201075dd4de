-- Grain: one row per month whose spend by programme is not the spend of its transactions.
-- Purpose: no charge is lost or counted twice on its way into marts.program_utilization.
with charged as (
    select
        cast(date_trunc('month', transaction_timestamp) as date) as spend_month,
        sum(amount) as spend
    from marts.fact_transactions
    group by spend_month
),

summed as (
    select
        spend_month,
        sum(spend) as spend
    from marts.program_utilization
    group by spend_month
)

select
    coalesce(charged.spend_month, summed.spend_month) as spend_month,
    charged.spend as charged,
    summed.spend as summed
from charged
full outer join summed on charged.spend_month = summed.spend_month
where charged.spend is distinct from summed.spend
