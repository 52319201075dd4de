-- Grain: one row per record of the employees file.
-- Purpose: trimmed and typed; what would not cast is kept as written; the email is masked here. A
-- status that is none of the known ones is `unknown`: what a company calls its own is declared. Who
-- vanished from a census of the active has left: on the day of the census that lacks him, at last.
with employees as (
    select
        _source_file,
        _row_number,
        _record_order as record_order,
        clean_id(employee_id) as employee_id,
        if(
            employee_id = clean_id(employee_id),
            null,
            nullif(clean_text(employee_id), clean_id(employee_id))
        ) as employee_id_as_written,
        clean_text(first_name) as first_name,
        clean_text(last_name) as last_name,
        clean_text(email) as email,
        iso_date(clean_text(hire_date)) as hire_date,
        if(hire_date_is_missing, null, hire_date_as_written) as hire_date_as_written,
        clean_label(status) as status,
        iso_date(clean_text(termination_date)) as termination_date,
        if(termination_date_is_missing, null, termination_date_as_written)
            as termination_date_as_written,
        _vanished_on as vanished_on
    from base.employees
)

select
    employee_id,
    employee_id_as_written,
    first_name,
    last_name,
    mask_email(email) as email,
    regexp_full_match(email, '[^@\s]+@[^@\s]+') as is_email_valid,
    hire_date,
    if(hire_date is null, clean_text(hire_date_as_written), null) as hire_date_as_written,
    case
        when vanished_on is not null then 'terminated'
        when status in ('active', 'on_leave', 'terminated') then status
        else 'unknown'
    end as status,
    coalesce(termination_date, vanished_on) as termination_date,
    if(termination_date is null, clean_text(termination_date_as_written), null)
        as termination_date_as_written,
    record_order,
    _source_file,
    _row_number
from employees
