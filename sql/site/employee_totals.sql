-- Grain: one row.
-- Purpose: how many employees there are, for how long, and how much they spend. When somebody left
-- is not known, so the tenure is that of those who have not. What of whom is withheld is in the
-- spend alone.
with spend as (
    select
        employee_id,
        coalesce(sum(amount), 0) as spend
    from marts.fact_transactions
    group by employee_id
),

spenders as (
    select
        count(employee_id) as spenders,
        coalesce(sum(spend), 0) as spend,
        avg(spend) filter (where employee_id is not null) as mean_spend,
        median(spend) filter (where employee_id is not null) as median_spend
    from spend
),

people as (
    select
        count(*) as employees,
        count(*) filter (where status = 'active') as active_employees,
        count(*) filter (where is_terminated) as terminated_employees,
        avg(tenure_days / 365.25) filter (where not is_terminated and tenure_days >= 0)
            as mean_tenure,
        count(*) filter (where not is_terminated and tenure_days >= 0) as with_tenure
    from marts.dim_employees
)

select
    people.employees,
    people.active_employees,
    people.terminated_employees,
    people.mean_tenure,
    people.with_tenure,
    spenders.spenders,
    spenders.spend,
    spenders.mean_spend,
    spenders.median_spend
from people
cross join spenders
