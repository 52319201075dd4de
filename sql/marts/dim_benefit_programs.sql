-- Grain: one row per (benefit_type, program_name).
-- Purpose: the programmes on offer; the allowance is the one that most accounts have (the higher
-- of two as common).
with benefit_accounts as (
    select
        benefit_type,
        program_name,
        monthly_allowance,
        employee_id
    from intermediate.accepted_benefit_accounts
),

allowances as (
    select
        benefit_type,
        program_name,
        monthly_allowance,
        employee_id,
        count(*) over (partition by benefit_type, program_name, monthly_allowance)
            as allowance_count
    from benefit_accounts
)

select
    benefit_type,
    program_name,
    first(
        monthly_allowance
        order by monthly_allowance is null, allowance_count desc, monthly_allowance desc
    ) as monthly_allowance,
    count(*) as account_count,
    count(distinct employee_id) as employee_count
from allowances
group by benefit_type, program_name
