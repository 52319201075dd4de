-- Grain: one row per status that is neither active nor terminated, the five most frequent.
-- Purpose: who is left beside those two.
select
    coalesce(status, 'no status') as status,
    count(*) as employees
from marts.dim_employees
where status is distinct from 'active' and not is_terminated
group by all
order by employees desc, status
limit 5
