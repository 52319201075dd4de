-- Grain: one row per employee.
-- Purpose: who takes part, with tenure at the as-of date or the last day before it; it is NULL for
-- leavers whose last day is not known. The email is masked.
select
    employee_id,
    first_name,
    last_name,
    email,
    hire_date,
    status,
    is_terminated,
    case
        when employed_until is not null or not is_terminated
            then date_diff('day', hire_date, least(getvariable('as_of_date'), employed_until))
    end as tenure_days
from intermediate.accepted_employees
