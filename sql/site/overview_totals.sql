-- Grain: one row.
-- Purpose: the figures that no filter of the overview changes, and what the others add up to; a
-- transaction dated after the as-of date is counted, but is not the newest. The withheld ones are
-- those of small programmes, which have no employee here; their spend is NULL where it is withheld.
with transactions as (
    select
        count(*) as transactions,
        coalesce(sum(amount), 0) as spend,
        max(transaction_timestamp) filter (
            where cast(transaction_timestamp as date) <= cast($as_of as date)
        ) as newest_at,
        count(*) filter (
            where cast(transaction_timestamp as date) > cast($as_of as date)
        ) as dated_later,
        count(*) filter (where employee_id is null) as withheld_transactions,
        sum(amount) filter (where employee_id is null) as withheld_spend
    from marts.fact_transactions
),

employees as (
    select
        count(*) as employees,
        count(*) filter (where status = 'active') as active_employees
    from marts.dim_employees
),

programs as (
    select
        count(*) as programs,
        count(*) filter (where employee_count is null) as withheld_programs
    from marts.dim_benefit_programs
)

select
    transactions.transactions,
    transactions.spend,
    transactions.newest_at,
    transactions.dated_later,
    transactions.withheld_transactions,
    transactions.withheld_spend,
    employees.employees,
    employees.active_employees,
    programs.programs,
    programs.withheld_programs
from transactions
cross join employees
cross join programs
