-- Grain: one row per employee.
-- Purpose: who takes part, with tenure at the as-of date; the email is masked.
select
    employee_id,
    first_name,
    last_name,
    email,
    hire_date,
    status,
    is_terminated,
    date_diff('day', hire_date, getvariable('as_of_date')) as tenure_days
from intermediate.accepted_employees
