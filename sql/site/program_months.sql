-- Grain: one row per (month, benefit_type, program_name), the newest month first.
-- Purpose: the allowance of each programme against its spend, month by month; a withheld one has
-- neither.
select
    strftime(spend_month, '%Y-%m') as spend_month,
    coalesce(benefit_type, 'no benefit type') as benefit_type,
    coalesce(program_name, 'no name') as program_name,
    employee_count is null as is_withheld,
    allowance,
    spend,
    utilization_rate,
    account_count > 0 and utilization_rate is null as is_unknown,
    count(*) over () as all_rows
from marts.program_utilization
order by spend_month desc, benefit_type, program_name
limit $most_rows
