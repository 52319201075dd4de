-- Grain: one row per (benefit_type, program_name), as it is spelled.
-- Purpose: how many records of benefit accounts spell the name of a programme so.
select
    benefit_type,
    program_name,
    count(*) as account_count
from staging.stg_benefit_accounts
where program_name is not null
group by benefit_type, program_name
