-- Grain: one row per (month, benefit_type, program_name); every programme has a row in each month
-- with spend.
-- Purpose: how much of the allowance of a month was spent. The allowance is what all accounts of
-- the programme may spend in the month; months are UTC.
with programs as (
    select
        benefit_type,
        program_name,
        count(*) as account_count,
        count(distinct employee_id) as employee_count,
        coalesce(sum(monthly_allowance), 0) as allowance
    from intermediate.accepted_benefit_accounts
    group by benefit_type, program_name
),

spend as (
    select
        cast(date_trunc('month', transaction_timestamp) as date) as spend_month,
        benefit_type,
        program_name,
        sum(amount) as spend
    from marts.fact_transactions
    group by spend_month, benefit_type, program_name
),

months as (
    select distinct spend_month
    from spend
)

select
    months.spend_month,
    programs.benefit_type,
    programs.program_name,
    programs.account_count,
    programs.employee_count,
    cast(programs.allowance as decimal(38, 2)) as allowance,
    cast(coalesce(spend.spend, 0) as decimal(38, 2)) as spend,
    round(coalesce(spend.spend, 0) / nullif(programs.allowance, 0), 4) as utilization_rate
from months
cross join programs
left join spend
    on
        months.spend_month = spend.spend_month
        and programs.benefit_type is not distinct from spend.benefit_type
        and programs.program_name is not distinct from spend.program_name
