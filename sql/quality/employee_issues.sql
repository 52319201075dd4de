-- Grain: one row per (employee record, issue).
-- Purpose: everything that is wrong with an employee. Tier 2 keeps the record out of the marts,
-- tier 1 only flags it. Severity orders the issues of a record, 1 being the most severe.
with employees as not materialized (
    select
        employee_id,
        email,
        is_email_valid,
        hire_date,
        status,
        is_current,
        is_latest_version,
        _source_file,
        _row_number
    from intermediate.int_employees
)

select _source_file, _row_number, 'missing_employee_id' as issue, 2 as tier, 1 as severity
from employees
where employee_id is null
union all
select _source_file, _row_number, 'conflicting_employee_id' as issue, 2 as tier, 2 as severity
from employees
where employee_id is not null and not is_latest_version
union all
select _source_file, _row_number, 'duplicate_employee' as issue, 2 as tier, 3 as severity
from employees
where employee_id is not null and is_latest_version and not is_current
union all
select _source_file, _row_number, 'unknown_status' as issue, 1 as tier, 4 as severity
from employees
where status is null or status not in ('active', 'on_leave', 'terminated')
union all
select _source_file, _row_number, 'invalid_hire_date' as issue, 1 as tier, 5 as severity
from employees
where hire_date is null
union all
select _source_file, _row_number, 'invalid_email' as issue, 1 as tier, 6 as severity
from employees
where not coalesce(is_email_valid, false)
