-- Grain: one row per step of spend, from its least (inclusive) to its most (exclusive) amount; both
-- are NULL for those who spent nothing, the most for the last step.
-- Purpose: how spend is spread over employees. The steps are as wide as 99 in 100 of those who
-- spend need to fit into 15, rounded up to 1, 2 or 5 and zeros. Withheld spend is nobody's.
with spend as (
    select
        employee_id,
        sum(amount) as spend
    from marts.fact_transactions
    where employee_id is not null
    group by employee_id
),

everybody as (
    select coalesce(spend.spend, 0) as spend
    from marts.dim_employees as employees
    full join spend on employees.employee_id = spend.employee_id
),

needed as (
    select greatest(cast(quantile_disc(spend, 0.99) as double) / 15, 1) as step
    from everybody
    where spend > 0
),

powers as (
    select
        step,
        power(10, floor(log10(step))) as power_of_ten
    from needed
),

steps as (
    select
        power_of_ten * case
            when step <= power_of_ten then 1
            when step <= 2 * power_of_ten then 2
            when step <= 5 * power_of_ten then 5
            else 10
        end as width
    from powers
),

counted as (
    select
        if(everybody.spend > 0, least(floor(everybody.spend / steps.width), 15), -1) as place,
        count(*) as employees,
        sum(everybody.spend) as spend
    from everybody
    cross join steps
    group by all
),

places as (
    select cast(unnest(range(-1, cast((select max(place) from counted) as bigint) + 1)) as double)
        as place
)

select
    if(places.place < 0, null, places.place * steps.width) as least_spend,
    if(places.place between 0 and 14, (places.place + 1) * steps.width, null) as most_spend,
    coalesce(counted.employees, 0) as employees,
    coalesce(counted.spend, 0) as spend
from places
cross join steps
left join counted on places.place = counted.place
order by places.place
