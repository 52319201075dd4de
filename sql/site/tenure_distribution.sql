-- Grain: one row per year of tenure, and one each for those of whom it is not known.
-- Purpose: how long employees who have not left have been there; years without anybody between
-- others have a row, and those from 30 on are one.
with tenures as (
    select
        case
            when tenure_days is null then 1001
            when tenure_days < 0 then 1000
            else least(cast(floor(tenure_days / 365.25) as bigint), 30)
        end as years
    from marts.dim_employees
    where not is_terminated
),

counted as (
    select
        years,
        count(*) as employees
    from tenures
    group by years
),

all_years as (
    select unnest(range(coalesce(max(years) + 1, 0))) as years
    from counted
    where years < 1000
    union all
    select years
    from counted
    where years >= 1000
)

select
    case all_years.years
        when 0 then 'under 1'
        when 30 then '30 or more'
        when 1000 then 'not hired yet'
        when 1001 then 'no hire date'
        else cast(all_years.years as varchar)
    end as tenure,
    coalesce(counted.employees, 0) as employees
from all_years
left join counted on all_years.years = counted.years
order by all_years.years
