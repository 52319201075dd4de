-- Grain: one row per (benefit account record, issue).
-- Purpose: everything that is wrong with an account. Tier 2 keeps the record out of the marts,
-- tier 1 only flags it. Severity orders the issues of a record, 1 being the most severe.
with benefit_accounts as not materialized (
    select
        benefit_account_id,
        benefit_type,
        monthly_allowance,
        is_owner_known,
        is_current,
        is_latest_version,
        _source_file,
        _row_number
    from intermediate.int_benefit_accounts
)

select _source_file, _row_number, 'missing_benefit_account_id' as issue, 2 as tier, 1 as severity
from benefit_accounts
where benefit_account_id is null
union all
select
    _source_file,
    _row_number,
    'conflicting_benefit_account_id' as issue,
    2 as tier,
    2 as severity
from benefit_accounts
where benefit_account_id is not null and not is_latest_version
union all
select _source_file, _row_number, 'duplicate_benefit_account' as issue, 2 as tier, 3 as severity
from benefit_accounts
where benefit_account_id is not null and is_latest_version and not is_current
union all
select _source_file, _row_number, 'orphan_benefit_account' as issue, 2 as tier, 4 as severity
from benefit_accounts
where not is_owner_known
union all
select
    benefit_accounts._source_file,
    benefit_accounts._row_number,
    'unknown_benefit_type' as issue,
    1 as tier,
    5 as severity
from benefit_accounts
anti join staging.stg_category_benefit_mappings as mappings
    on benefit_accounts.benefit_type = mappings.benefit_type
union all
select _source_file, _row_number, 'invalid_allowance' as issue, 1 as tier, 6 as severity
from benefit_accounts
where monthly_allowance is null
