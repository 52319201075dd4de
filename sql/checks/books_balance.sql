-- Grain: one row per sum that does not come out; none when the books balance.
-- Purpose: proof that no record and no cent was lost or multiplied between the files and the marts.
-- What each source's records become is declared in the catalog; the run counts it into
-- reconciled(source, place, records, amount), with a row for the raw table of each source at least.
with files as (
    select
        source,
        cast(sum(records) as bigint) as records,
        cast(sum(erased) as bigint) as erased,
        cast(sum(expired) as bigint) as expired
    from meta.loads
    group by source
),

rejected as (
    select
        loads.source,
        count(*) as records
    from raw.rejected_rows as rejected_rows
    inner join meta.loads as loads
        on
            rejected_rows._source_file = loads.file
            and rejected_rows._dlt_load_id = loads.load_id
    group by loads.source
),

places as materialized (
    select
        source,
        any_value(records) filter (where place = 'raw') as raw_records,
        any_value(records) filter (where place = 'staging') as staged_records,
        any_value(records) filter (where place = 'replaced') as replaced_records,
        any_value(amount) filter (where place = 'staging') as staged_amount,
        cast(sum(records) filter (where place in ('accepted', 'quarantine', 'uncounted')) as bigint)
            as judged_records,
        sum(amount) filter (where place in ('accepted', 'quarantine', 'uncounted'))
            as judged_amount,
        if(bool_or(place = 'uncounted'), ' + uncounted', '') as uncounted
    from reconciled
    group by source
),

sums as (
    select
        coalesce(files.source, places.source) as source,
        'records in the files' as left_side,
        coalesce(files.records, 0) as left_value,
        'raw + rejected'
        || if(files.erased > 0, ' + erased', '')
        || if(files.expired > 0, ' + expired', '') as right_side,
        coalesce(places.raw_records, 0)
        + coalesce(rejected.records, 0)
        + coalesce(files.erased, 0)
        + coalesce(files.expired, 0) as right_value
    from files
    full outer join places on files.source = places.source
    left join rejected on coalesce(files.source, places.source) = rejected.source
    union all
    select
        source,
        'raw' as left_side,
        raw_records as left_value,
        'staging' || if(replaced_records > 0, ' + replaced', '') as right_side,
        staged_records + coalesce(replaced_records, 0) as right_value
    from places
    union all
    select
        source,
        'staging' as left_side,
        staged_records as left_value,
        'marts + quarantine' || uncounted as right_side,
        judged_records as right_value
    from places
    union all
    select
        source,
        'USD in staging' as left_side,
        staged_amount as left_value,
        'USD in marts + quarantine' || uncounted as right_side,
        judged_amount as right_value
    from places
)

-- Where a source has no such place, its value is NULL, and there is nothing to compare.
select
    source,
    left_side,
    left_value,
    right_side,
    right_value,
    left_value - right_value as difference
from sums
where left_value <> right_value
order by source, left_side
