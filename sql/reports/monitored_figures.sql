-- Grain: one row per (kind, dataset, subject, run whose figure was another than before).
-- Purpose: the series that the monitors judge, from the history of the runs. A run counts where it
-- brought anything new: some table with other rows than the last time that the table was built. Of
-- the spend of each day there are only the figures of the newest run, and the newest day that was
-- complete in a run before.
with built as (
    select
        run_id,
        node as relation,
        row_count,
        recorded_at,
        coalesce(content <> lag(content) over (partition by node order by recorded_at), true)
            as is_new
    from meta.materializations
    where outcome = 'built' and row_count is not null and not contains(node, '/')
),

changes as (
    select
        built.run_id,
        any_value(runs.as_of) as as_of,
        row_number() over (order by min(built.recorded_at)) - 1 as ordinal
    from built
    left join meta.runs as runs on built.run_id = runs.run_id
    where built.is_new
    group by built.run_id
),

table_rows as (
    select
        'row_count' as kind,
        relation as dataset,
        null as subject,
        run_id,
        arg_max(row_count, recorded_at) as total,
        0 as found
    from built
    group by relation, run_id
),

newest_profiles as (
    select
        profiles.relation,
        arg_max(profiles.run_id, built.recorded_at) as run_id
    from meta.column_profiles as profiles
    inner join built
        on profiles.relation = built.relation and profiles.run_id = built.run_id
    group by profiles.relation
),

-- A column that no file has any more is not watched.
nulls as (
    select
        'null_rate' as kind,
        profiles.relation as dataset,
        profiles.column_name as subject,
        profiles.run_id,
        max(profiles.row_count) as total,
        max(profiles.null_count) as found
    from meta.column_profiles as profiles
    inner join newest_profiles on profiles.relation = newest_profiles.relation
    inner join meta.column_profiles as newest
        on
            newest_profiles.relation = newest.relation
            and newest_profiles.run_id = newest.run_id
            and profiles.column_name = newest.column_name
    where starts_with(profiles.relation, 'raw.') and not starts_with(profiles.column_name, '_')
    group by profiles.relation, profiles.column_name, profiles.run_id
),

quality as (
    select
        run_id,
        dataset,
        figure,
        coalesce(name, '') as subject,
        value as found
    from meta.quality_figures
),

source_records as (
    select
        run_id,
        dataset,
        figure = 'new_records' as is_new,
        found as total
    from quality
    where figure in ('records', 'new_records')
),

issue_counts as (
    select
        case figure
            when 'quarantined_by_reason' then 'quarantine_rate'
            when 'new_quarantined_by_reason' then 'new_quarantine_rate'
            when 'flagged_by_flag' then 'flag_rate'
            when 'new_flagged_by_flag' then 'new_flag_rate'
            else 'rejected_rate'
        end as kind,
        starts_with(figure, 'new_') as is_new,
        dataset,
        subject,
        run_id,
        found
    from quality
    where figure = 'rejected' or figure like '%_by_reason' or figure like '%_by_flag'
),

issue_kinds as (
    select distinct
        kind,
        is_new,
        dataset,
        subject
    from issue_counts
),

-- A reason that a run did not find was found in no record.
issues as (
    select
        issue_kinds.kind,
        issue_kinds.dataset,
        issue_kinds.subject,
        source_records.run_id,
        source_records.total,
        coalesce(issue_counts.found, 0) as found
    from issue_kinds
    inner join source_records
        on
            issue_kinds.dataset = source_records.dataset
            and issue_kinds.is_new = source_records.is_new
    left join issue_counts
        on
            issue_kinds.kind = issue_counts.kind
            and issue_kinds.dataset = issue_counts.dataset
            and issue_kinds.subject = issue_counts.subject
            and source_records.run_id = issue_counts.run_id
),

figures as (
    select * from table_rows
    union all
    select * from nulls
    union all
    select * from issues
),

ordered as (
    select
        figures.kind,
        figures.dataset,
        figures.subject,
        changes.ordinal,
        changes.as_of,
        figures.total,
        figures.found,
        lag(figures.total) over series as total_before,
        lag(figures.found) over series as found_before
    from figures
    inner join changes on figures.run_id = changes.run_id
    window series as (
        partition by figures.kind, figures.dataset, figures.subject order by changes.ordinal
    )
),

spend as (
    select
        quality.dataset,
        quality.subject,
        changes.ordinal,
        changes.as_of,
        quality.found,
        dense_rank() over (order by changes.ordinal desc) as age,
        cast(quality.subject as date) < changes.as_of as is_complete
    from quality
    inner join changes on quality.run_id = changes.run_id
    where quality.figure = 'spend_by_day'
),

newest_day as (
    select max(subject) as subject
    from spend
    where age = 1 and is_complete
)

select
    kind,
    dataset,
    nullif(subject, '') as subject,
    ordinal,
    as_of,
    total,
    found
from ordered
where total_before is null or total <> total_before or found <> found_before
union all
select
    'spend_per_day' as kind,
    dataset,
    subject,
    ordinal,
    as_of,
    found as total,
    0 as found
from spend
where age = 1
union all
select
    'day_seen' as kind,
    spend.dataset,
    max(spend.subject) as subject,
    max(spend.ordinal) as ordinal,
    null as as_of,
    0 as total,
    0 as found
from spend
inner join newest_day on spend.subject < newest_day.subject
where spend.is_complete and spend.age > 1
group by spend.dataset
union all
select
    'runs' as kind,
    '' as dataset,
    null as subject,
    max(ordinal) as ordinal,
    null as as_of,
    count(*) as total,
    0 as found
from changes
