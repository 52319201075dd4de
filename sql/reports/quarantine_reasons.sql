-- Grain: one row per (source, rejection_reason).
-- Purpose: why records were kept out of the marts, each by its most severe issue.
with quarantined as (
    select 'employees' as source, rejection_reason from quality.quarantine_employees
    union all
    select 'benefit_accounts' as source, rejection_reason from quality.quarantine_benefit_accounts
    union all
    select 'transactions' as source, rejection_reason from quality.quarantine_transactions
)

select
    source,
    rejection_reason,
    count(*) as records
from quarantined
group by source, rejection_reason
order by records desc, source, rejection_reason
