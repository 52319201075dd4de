-- Grain: one row per employee.
-- Purpose: who takes part, with tenure at the as-of date or the last day before it; how long leavers
-- stayed whose last day is not known, is not known either. The email is masked.
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
