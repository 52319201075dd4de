-- Grain: one row per staged employee record.
-- Purpose: which record speaks for an employee id. Identical copies: the first; differing records:
-- the last, in the order of the column that the source names, then of the files' names, then of the
-- file. Content is compared as written, so that addresses which only look alike
-- once masked still differ; the comparison leaves a verdict here, never the values. A last day
-- before the first is not believed.
with employees as (
    select
        employee_id,
        employee_id_as_written,
        first_name,
        last_name,
        email,
        is_email_valid,
        hire_date,
        hire_date_as_written,
        status,
        termination_date,
        termination_date_as_written,
        record_order,
        _source_file,
        _row_number
    from staging.stg_employees
),

written as (
    select
        _source_file,
        _row_number,
        clean_id(employee_id) as employee_id,
        _record_order as record_order,
        [
            clean_text(first_name),
            clean_text(last_name),
            clean_text(email),
            clean_text(hire_date),
            clean_label(status),
            clean_text(termination_date)
        ] as content
    from base.employees
),

repeated_ids as (
    select employee_id
    from written
    where employee_id is not null
    group by employee_id
    having count(*) > 1
),

compared as (
    select
        written._source_file,
        written._row_number,
        count(distinct written.content) over whole_id as version_count,
        row_number() over file_order as record_number,
        count(*) over whole_id as record_count,
        (written.content is not distinct from last_value(written.content) over whole_id)
            as is_latest_version
    from written
    inner join repeated_ids
        on written.employee_id = repeated_ids.employee_id
    window
        file_order as (
            partition by written.employee_id
            order by
                natural_order(written.record_order) nulls first,
                natural_order(written._source_file),
                written._source_file,
                written._row_number
        ),
        whole_id as (
            partition by written.employee_id
            order by
                natural_order(written.record_order) nulls first,
                natural_order(written._source_file),
                written._source_file,
                written._row_number
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
)

select
    employees.employee_id,
    employees.employee_id_as_written,
    employees.first_name,
    employees.last_name,
    employees.email,
    employees.is_email_valid,
    employees.hire_date,
    employees.hire_date_as_written,
    employees.status,
    coalesce(employees.status = 'terminated', false) as is_terminated,
    employees.termination_date,
    employees.termination_date_as_written,
    if(employees.termination_date < employees.hire_date, null, employees.termination_date)
        as employed_until,
    employees.employee_id is not null and coalesce(judged.is_current, true) as is_current,
    employees.employee_id is not null and coalesce(judged.is_latest_version, true)
        as is_latest_version,
    employees._source_file,
    employees._row_number
from employees
left join judged
    on
        employees._source_file = judged._source_file
        and employees._row_number = judged._row_number
