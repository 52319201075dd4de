-- Grain: one row per (benefit account record, issue).
-- Purpose: everything that is wrong with an account; quality.issue_types says what follows.
with benefit_accounts as not materialized (
    select
        benefit_account_id,
        coalesce(benefit_account_id_as_written, benefit_account_id) as written_id,
        benefit_type,
        monthly_allowance,
        opened_on,
        opened_on_as_written,
        closed_on,
        closed_on_as_written,
        is_owner_known,
        is_current,
        is_latest_version,
        _source_file,
        _row_number
    from intermediate.int_benefit_accounts
),

look_alike_ids as (
    select id_skeleton(benefit_account_id) as skeleton
    from benefit_accounts
    where benefit_account_id is not null
    group by skeleton
    having count(distinct written_id) > 1
),

found as (
    select _source_file, _row_number, 'missing_benefit_account_id' as issue
    from benefit_accounts
    where benefit_account_id is null
    union all
    select _source_file, _row_number, 'conflicting_benefit_account_id' as issue
    from benefit_accounts
    where benefit_account_id is not null and not is_latest_version
    union all
    select _source_file, _row_number, 'duplicate_benefit_account' as issue
    from benefit_accounts
    where benefit_account_id is not null and is_latest_version and not is_current
    union all
    select _source_file, _row_number, 'orphan_benefit_account' as issue
    from benefit_accounts
    where not is_owner_known
    union all
    select
        benefit_accounts._source_file,
        benefit_accounts._row_number,
        'unknown_benefit_type' as issue
    from benefit_accounts
    anti join staging.stg_category_benefit_mappings as mappings
        on benefit_accounts.benefit_type = mappings.benefit_type
    union all
    select _source_file, _row_number, 'invalid_allowance' as issue
    from benefit_accounts
    where monthly_allowance is null
    union all
    select _source_file, _row_number, 'invalid_opening_date' as issue
    from benefit_accounts
    where opened_on_as_written is not null
    union all
    select _source_file, _row_number, 'invalid_closing_date' as issue
    from benefit_accounts
    where closed_on_as_written is not null
    union all
    select _source_file, _row_number, 'closed_before_opened' as issue
    from benefit_accounts
    where closed_on < opened_on
    union all
    select
        benefit_accounts._source_file,
        benefit_accounts._row_number,
        'look_alike_id' as issue
    from benefit_accounts
    semi join look_alike_ids
        on id_skeleton(benefit_accounts.benefit_account_id) = look_alike_ids.skeleton
)

select
    found._source_file,
    found._row_number,
    found.issue,
    issue_types.tier,
    issue_types.severity
from found
left join quality.issue_types as issue_types
    on issue_types.source = 'benefit_accounts' and found.issue = issue_types.issue
