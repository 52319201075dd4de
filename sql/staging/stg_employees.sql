-- Grain: one row per record of the employees file.
-- Purpose: trimmed and typed; what would not cast is kept as written; the email is masked here.
with employees as (
    select
        _source_file,
        _row_number,
        clean_text(employee_id) as employee_id,
        clean_text(first_name) as first_name,
        clean_text(last_name) as last_name,
        clean_text(email) as email,
        clean_text(hire_date) as hire_date,
        clean_label(status) as status,
        clean_text(termination_date) as termination_date
    from base.employees
)

select
    employee_id,
    first_name,
    last_name,
    mask_email(email) as email,
    regexp_full_match(email, '[^@\s]+@[^@\s]+') as is_email_valid,
    iso_date(hire_date) as hire_date,
    if(iso_date(hire_date) is null, hire_date, null) as hire_date_as_written,
    status,
    iso_date(termination_date) as termination_date,
    if(iso_date(termination_date) is null, termination_date, null) as termination_date_as_written,
    _source_file,
    _row_number
from employees
