-- Grain: one row per source that ends in a mart.
-- Purpose: what a run did with the records, for the table at its end. Flagged records are among the
-- accepted ones.
with files as (
    select
        source,
        cast(sum(records) as bigint) as records,
        cast(sum(rejected) as bigint) as rejected
    from meta.loads
    group by source
),

issues as (
    select 'employees' as source, _source_file, _row_number, tier from quality.employee_issues
    union all
    select 'benefit_accounts' as source, _source_file, _row_number, tier
    from quality.benefit_account_issues
    union all
    select 'transactions' as source, _source_file, _row_number, tier
    from quality.transaction_issues
),

records_with_issues as (
    select
        source,
        _source_file,
        _row_number,
        max(tier) as tier
    from issues
    group by source, _source_file, _row_number
),

found as (
    select
        source,
        count(*) filter (where tier = 1) as flagged,
        count(*) filter (where tier = 2) as quarantined
    from records_with_issues
    group by source
)

select
    files.source,
    files.records,
    files.records
    - files.rejected
    - coalesce(found.flagged, 0)
    - coalesce(found.quarantined, 0) as clean,
    coalesce(found.flagged, 0) as flagged,
    coalesce(found.quarantined, 0) as quarantined,
    files.rejected
from files
left join found on files.source = found.source
order by files.records desc, files.source
