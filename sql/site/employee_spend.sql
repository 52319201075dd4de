-- Grain: one row per employee, the one with the most spend first, at most $most_rows.
-- Purpose: who spent how much, by the id: names stay in marts.dim_employees, for those who look
-- people up. Spend that is withheld, since few take part in its programme, has one row; the tenure
-- of who left is not known.
with spend as (
    select
        employee_id,
        count(*) as transactions,
        coalesce(sum(amount), 0) as spend
    from marts.fact_transactions
    group by employee_id
)

select
    coalesce(employees.employee_id, spend.employee_id, 'withheld') as employee_id,
    employees.status,
    if(employees.is_terminated, null, round(employees.tenure_days / 365.25, 1)) as tenure_years,
    coalesce(spend.transactions, 0) as transactions,
    coalesce(spend.spend, 0) as spend,
    count(*) over () as all_rows
from marts.dim_employees as employees
full join spend on employees.employee_id = spend.employee_id
order by coalesce(spend.spend, 0) desc, coalesce(employees.employee_id, spend.employee_id)
limit $most_rows
