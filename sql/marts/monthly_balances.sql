-- Grain: one row per (month, benefit_type, program_name, day from which balances differ).
-- Purpose: the balances of accounts, added up. How many of them have a balance and a difference is
-- counted, since a sum of none is not zero but not known.
select
    balance_month,
    benefit_type,
    program_name,
    differs_since,
    count(*) as account_count,
    coalesce(sum(spend), 0) as spend,
    coalesce(sum(refunds), 0) as refunds,
    coalesce(sum(quarantined), 0) as quarantined,
    coalesce(sum(uncounted), 0) as uncounted,
    count(stated_balance) as stated_count,
    sum(stated_balance) as stated_balance,
    count(difference) as compared_count,
    sum(difference) as difference,
    count(*) filter (where difference <> 0) as differing_accounts
from marts.account_balances
group by balance_month, benefit_type, program_name, differs_since
