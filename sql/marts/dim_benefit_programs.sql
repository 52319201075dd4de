-- Grain: one row per (benefit_type, program_name).
-- Purpose: the programmes on offer; the allowance is the one that most accounts have (the higher
-- of two as common).
with allowances as (
    select
        benefit_type,
        program_name,
        monthly_allowance,
        count(*) as account_count
    from intermediate.accepted_benefit_accounts
    group by benefit_type, program_name, monthly_allowance
),

employees as (
    select
        benefit_type,
        program_name,
        count(distinct employee_id) as employee_count
    from intermediate.accepted_benefit_accounts
    group by benefit_type, program_name
)

select
    allowances.benefit_type,
    allowances.program_name,
    first(
        allowances.monthly_allowance
        order by
            allowances.monthly_allowance is null,
            allowances.account_count desc,
            allowances.monthly_allowance desc
    ) as monthly_allowance,
    cast(sum(allowances.account_count) as bigint) as account_count,
    max(employees.employee_count) as employee_count
from allowances
inner join employees
    on
        allowances.benefit_type is not distinct from employees.benefit_type
        and allowances.program_name is not distinct from employees.program_name
group by allowances.benefit_type, allowances.program_name
