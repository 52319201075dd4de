-- Grain: one row per staged benefit account record.
-- Purpose: which record speaks for an account id (identical copies: the first; differing records:
-- the last, in the order of the column that the source names, then of the files' names, then of the
-- file), how its programme is spelled most often, whether its owner is known, and when it was open:
-- up to the owner's last day at most; an end before the beginning is not believed. The account of a
-- leaver whose last day is not known has no allowance that could be counted for some month and not
-- for another.
with benefit_accounts as (
    select
        benefit_account_id,
        benefit_account_id_as_written,
        employee_id,
        benefit_type,
        program_name,
        monthly_allowance,
        monthly_allowance_as_written,
        current_balance,
        current_balance_as_written,
        opened_on,
        opened_on_as_written,
        closed_on,
        closed_on_as_written,
        [
            employee_id,
            benefit_type,
            program_name,
            cast(monthly_allowance as varchar),
            monthly_allowance_as_written,
            cast(current_balance as varchar),
            current_balance_as_written,
            cast(opened_on as varchar),
            opened_on_as_written,
            cast(closed_on as varchar),
            closed_on_as_written
        ] as content,
        record_order,
        _source_file,
        _row_number
    from staging.stg_benefit_accounts
),

employees as (
    select
        employee_id,
        is_terminated,
        employed_until
    from intermediate.accepted_employees
),

repeated_ids as (
    select benefit_account_id
    from benefit_accounts
    where benefit_account_id is not null
    group by benefit_account_id
    having count(*) > 1
),

compared as (
    select
        benefit_accounts._source_file,
        benefit_accounts._row_number,
        count(distinct benefit_accounts.content) over whole_id as version_count,
        row_number() over file_order as record_number,
        count(*) over whole_id as record_count,
        (
            benefit_accounts.content
            is not distinct from last_value(benefit_accounts.content) over whole_id
        ) as is_latest_version
    from benefit_accounts
    inner join repeated_ids
        on benefit_accounts.benefit_account_id = repeated_ids.benefit_account_id
    window
        file_order as (
            partition by benefit_accounts.benefit_account_id
            order by
                natural_order(benefit_accounts.record_order) nulls first,
                natural_order(benefit_accounts._source_file),
                benefit_accounts._source_file,
                benefit_accounts._row_number
        ),
        whole_id as (
            partition by benefit_accounts.benefit_account_id
            order by
                natural_order(benefit_accounts.record_order) nulls first,
                natural_order(benefit_accounts._source_file),
                benefit_accounts._source_file,
                benefit_accounts._row_number
            rows between unbounded preceding and unbounded following
        )
),

judged as (
    select
        _source_file,
        _row_number,
        is_latest_version,
        record_number = if(version_count = 1, 1, record_count) as is_current
    from compared
),

-- Names that differ in case alone are one programme; of two spellings as frequent, the first in the
-- order of characters.
spellings as (
    select
        benefit_type,
        lower(program_name) as lower_name,
        first(program_name order by account_count desc, program_name) as program_name
    from intermediate.int_program_names
    group by benefit_type, lower_name
    having count(*) > 1
)

select
    benefit_accounts.benefit_account_id,
    benefit_accounts.benefit_account_id_as_written,
    benefit_accounts.employee_id,
    benefit_accounts.benefit_type,
    coalesce(spellings.program_name, benefit_accounts.program_name) as program_name,
    benefit_accounts.monthly_allowance,
    benefit_accounts.monthly_allowance_as_written,
    benefit_accounts.current_balance,
    benefit_accounts.current_balance_as_written,
    benefit_accounts.opened_on,
    benefit_accounts.opened_on_as_written,
    benefit_accounts.closed_on,
    benefit_accounts.closed_on_as_written,
    if(benefit_accounts.closed_on < benefit_accounts.opened_on, null, benefit_accounts.opened_on)
        as open_from,
    least(
        if(
            benefit_accounts.closed_on < benefit_accounts.opened_on,
            null,
            benefit_accounts.closed_on
        ),
        employees.employed_until
    ) as open_until,
    coalesce(employees.employed_until is not null or not employees.is_terminated, false)
        as has_allowance,
    employees.employee_id is not null as is_owner_known,
    benefit_accounts.benefit_account_id is not null and coalesce(judged.is_current, true)
        as is_current,
    benefit_accounts.benefit_account_id is not null and coalesce(judged.is_latest_version, true)
        as is_latest_version,
    benefit_accounts._source_file,
    benefit_accounts._row_number
from benefit_accounts
left join judged
    on
        benefit_accounts._source_file = judged._source_file
        and benefit_accounts._row_number = judged._row_number
left join employees
    on benefit_accounts.employee_id = employees.employee_id
left join spellings
    on
        benefit_accounts.benefit_type is not distinct from spellings.benefit_type
        and lower(benefit_accounts.program_name) = spellings.lower_name
