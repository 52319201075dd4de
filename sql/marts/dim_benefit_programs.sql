-- Grain: one row per (benefit_type, program_name).
-- Purpose: the programmes on offer; the allowance is the one that most accounts have (the higher
-- of two as common).
with benefit_accounts as (
    select
        benefit_type,
        program_name,
        monthly_allowance
    from intermediate.int_benefit_accounts
    where is_current and is_owner_known
),

allowances as (
    select
        benefit_type,
        program_name,
        monthly_allowance,
        count(*) as account_count
    from benefit_accounts
    group by benefit_type, program_name, monthly_allowance
)

select
    benefit_type,
    program_name,
    first(
        monthly_allowance
        order by monthly_allowance is null, account_count desc, monthly_allowance desc
    ) as monthly_allowance,
    cast(sum(account_count) as bigint) as account_count
from allowances
group by benefit_type, program_name
