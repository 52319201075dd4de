-- Grain: one row per employee id of which a record is accepted.
-- Purpose: the employees that everything further on works with: what is not in quarantine.
select
    employees.employee_id,
    employees.first_name,
    employees.last_name,
    employees.email,
    employees.hire_date,
    employees.status,
    employees.is_terminated,
    employees.employed_until,
    employees._source_file,
    employees._row_number
from intermediate.int_employees as employees
anti join quality.quarantine_employees as quarantine
    on
        employees._source_file = quarantine._source_file
        and employees._row_number = quarantine._row_number
