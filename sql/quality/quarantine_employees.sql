-- Grain: one row per employee record with a tier-2 issue.
-- Purpose: what was kept out of the marts and why, with the record as it was written, so that it
-- can be found in its file and fixed.
with reasons as (
    select
        _source_file,
        _row_number,
        arg_min(issue, severity) as rejection_reason,
        list(issue order by severity) as rejection_reasons
    from quality.employee_issues
    where tier = 2
    group by _source_file, _row_number
)

select
    reasons.rejection_reason,
    reasons.rejection_reasons,
    employees.employee_id,
    employees.first_name,
    employees.last_name,
    employees.email,
    employees.hire_date,
    employees.status,
    written.employee_id_as_written as raw_employee_id,
    written.first_name_as_written as raw_first_name,
    written.last_name_as_written as raw_last_name,
    written.email_as_written as raw_email,
    written.hire_date_as_written as raw_hire_date,
    written.status_as_written as raw_status,
    reasons._source_file,
    reasons._row_number
from reasons
inner join staging.stg_employees as employees
    on
        reasons._source_file = employees._source_file
        and reasons._row_number = employees._row_number
inner join base.employees as written
    on
        reasons._source_file = written._source_file
        and reasons._row_number = written._row_number
