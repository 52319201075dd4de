-- Grain: one row per (month, benefit type, merchant).
-- Purpose: everything that the overview adds up, in at most $most_rows rows. Where the merchants
-- would have more, those with the most spend whose rows fit stay, and the others are one row per
-- month and benefit type without a merchant, which says how much any one of them spent at most.
-- Months beyond the $most_months with the most transactions have no month, benefit types beyond the
-- $most_types with the most spend one name. What is withheld of a small programme's transactions
-- (no accepted one is without an employee) is called so; its spend counts in the sums.
with spend as (
    select
        -- Asked for since DuckDB 1.4.0 makes a date of it where the whole column is null.
        if(
            transaction_timestamp is not null, date_trunc('month', transaction_timestamp), null
        ) as spend_month,
        coalesce(benefit_type, if(employee_id is null, 'withheld', 'no benefit type'))
            as benefit_type,
        coalesce(merchant, if(employee_id is null, 'Withheld', 'No merchant')) as merchant,
        count(*) as transactions,
        count(*) filter (where len(dq_flags) > 0) as flagged,
        coalesce(sum(amount), 0) as spend
    from marts.fact_transactions
    group by all
),

months as (
    select spend_month
    from spend
    where spend_month is not null
    group by spend_month
    order by sum(transactions) desc, spend_month desc
    limit $most_months
),

benefit_types as (
    select benefit_type
    from spend
    group by benefit_type
    order by sum(spend) desc, benefit_type
    limit $most_types
),

cube as (
    select
        strftime(months.spend_month, '%Y-%m') as spend_month,
        coalesce(benefit_types.benefit_type, 'other benefit types') as benefit_type,
        spend.merchant,
        sum(spend.transactions) as transactions,
        sum(spend.flagged) as flagged,
        sum(spend.spend) as spend
    from spend
    left join months on spend.spend_month = months.spend_month
    left join benefit_types on spend.benefit_type = benefit_types.benefit_type
    group by all
),

cells as (
    select count(*) as cell_count
    from (select distinct spend_month, benefit_type from cube) as cells
),

merchants as (
    select
        merchant,
        sum(spend) as spend,
        count(*) as row_count
    from cube
    group by merchant
),

ranked as (
    select
        merchants.merchant,
        merchants.spend,
        row_number() over by_spend as merchant_rank,
        sum(merchants.row_count) over () <= $most_rows
        or sum(merchants.row_count) over by_spend + cells.cell_count <= $most_rows as is_kept
    from merchants
    cross join cells
    window by_spend as (
        order by
            merchants.merchant not in ('No merchant', 'Withheld'),
            merchants.spend desc,
            merchants.merchant
    )
),

folded as (
    select
        count(*) as folded_merchants,
        max(spend) as most_of_folded
    from ranked
    where not is_kept
),

placed as (
    select
        cube.spend_month,
        cube.benefit_type,
        cube.merchant,
        cube.transactions,
        cube.flagged,
        cube.spend,
        ranked.is_kept,
        ranked.merchant_rank
    from cube
    inner join ranked on cube.merchant = ranked.merchant
),

folded_by_month as (
    select
        spend_month,
        sum(spend) as spend
    from placed
    where not is_kept
    group by spend_month, merchant
),

most_by_month as (
    select
        spend_month,
        max(spend) as most_in_month
    from folded_by_month
    group by spend_month
)

select
    placed.spend_month,
    placed.benefit_type,
    if(placed.is_kept, placed.merchant, null) as merchant,
    if(placed.is_kept, placed.merchant_rank, null) as merchant_rank,
    cast(sum(placed.transactions) as bigint) as transactions,
    cast(sum(placed.flagged) as bigint) as flagged,
    sum(placed.spend) as spend,
    max(if(placed.is_kept, null, placed.spend)) as most_in_cell,
    max(if(placed.is_kept, null, most_by_month.most_in_month)) as most_in_month,
    folded.most_of_folded,
    folded.folded_merchants
from placed
cross join folded
left join most_by_month on placed.spend_month is not distinct from most_by_month.spend_month
group by all
order by
    placed.spend_month nulls last,
    placed.benefit_type,
    merchant_rank nulls last
