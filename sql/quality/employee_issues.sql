-- Grain: one row per (employee record, issue).
-- Purpose: everything that is wrong with an employee; quality.issue_types says what follows.
with employees as not materialized (
    select
        employee_id,
        coalesce(employee_id_as_written, employee_id) as written_id,
        email,
        is_email_valid,
        hire_date,
        termination_date,
        termination_date_as_written,
        status,
        is_current,
        is_latest_version,
        _source_file,
        _row_number
    from intermediate.int_employees
),

look_alike_ids as (
    select id_skeleton(employee_id) as skeleton
    from employees
    where employee_id is not null
    group by skeleton
    having count(distinct written_id) > 1
),

found as (
    select _source_file, _row_number, 'missing_employee_id' as issue
    from employees
    where employee_id is null
    union all
    select _source_file, _row_number, 'conflicting_employee_id' as issue
    from employees
    where employee_id is not null and not is_latest_version
    union all
    select _source_file, _row_number, 'duplicate_employee' as issue
    from employees
    where employee_id is not null and is_latest_version and not is_current
    union all
    select _source_file, _row_number, 'unknown_status' as issue
    from employees
    where status = 'unknown'
    union all
    select _source_file, _row_number, 'invalid_hire_date' as issue
    from employees
    where hire_date is null
    union all
    select _source_file, _row_number, 'invalid_email' as issue
    from employees
    where not coalesce(is_email_valid, false)
    union all
    select _source_file, _row_number, 'invalid_termination_date' as issue
    from employees
    where termination_date_as_written is not null
    union all
    select _source_file, _row_number, 'termination_before_hire' as issue
    from employees
    where termination_date < hire_date
    union all
    select
        employees._source_file,
        employees._row_number,
        'look_alike_id' as issue
    from employees
    semi join look_alike_ids
        on id_skeleton(employees.employee_id) = look_alike_ids.skeleton
)

select
    found._source_file,
    found._row_number,
    found.issue,
    issue_types.tier,
    issue_types.severity
from found
left join quality.issue_types as issue_types
    on issue_types.source = 'employees' and found.issue = issue_types.issue
