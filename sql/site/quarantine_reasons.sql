-- Grain: one row per most severe issue of the records in a quarantine table.
-- Purpose: how many records are kept out, and why; variable `relation` names the table.
select
    rejection_reason as reason,
    count(*) as records
from query_table(getvariable('relation'))
group by rejection_reason
order by records desc, reason
