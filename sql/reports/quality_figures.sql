-- Grain: one row per (dataset, figure, name).
-- Purpose: what the data of a run is like, to be compared with that of other runs. Flagged records
-- are among the accepted ones; a record with several flags counts for each of them. What is no
-- spend is neither clean nor not. What is not kept of a file, since its people are erased or it is
-- past its retention, is counted by itself.
with files as (
    select
        source,
        cast(sum(records - erased - expired) as bigint) as records,
        cast(sum(rejected) as bigint) as rejected,
        cast(sum(erased) as bigint) as erased,
        cast(sum(expired) as bigint) as expired
    from meta.loads
    group by source
),

-- What a file lacks a column for.
absent as (
    select
        loads.source,
        loads.file as source_file,
        issue_types.issue
    from meta.loads as loads
    inner join quality.issue_types as issue_types
        on loads.source = issue_types.source and starts_with(issue_types.issue, 'missing_')
    anti join meta.loaded_columns as loaded_columns
        on
            loads.source = loaded_columns.source
            and loads.file = loaded_columns.file
            and issue_types.issue = 'missing_' || loaded_columns.column_name
),

-- A value that is missing since the file has no such column says nothing of the record, and one
-- that a later file restates is no doubt about it.
records_with_issues as (
    select
        all_issues.source,
        all_issues._source_file,
        all_issues._row_number,
        max(all_issues.tier) as tier,
        max(all_issues.tier) filter (
            where absent.issue is null and not starts_with(all_issues.issue, 'restated_')
        ) as tier_of_doubt
    from all_issues
    left join absent
        on
            all_issues.source = absent.source
            and all_issues._source_file = absent.source_file
            and all_issues.issue = absent.issue
    group by all_issues.source, all_issues._source_file, all_issues._row_number
),

found_by_file as materialized (
    select
        source,
        _source_file,
        count(*) filter (where tier = 1) as flagged,
        count(*) filter (where tier = 2) as quarantined,
        count(*) filter (where tier_of_doubt = 1) as doubtful
    from records_with_issues
    group by source, _source_file
),

found as (
    select
        source,
        cast(sum(flagged) as bigint) as flagged,
        cast(sum(quarantined) as bigint) as quarantined,
        cast(sum(doubtful) as bigint) as doubtful
    from found_by_file
    group by source
),

uncounted as (
    select
        source,
        count(*) as uncounted
    from all_uncounted
    group by source
),

-- The files of the last run that loaded any of their source: what is wrong with them does not
-- depend on how much was there before.
new_files as (
    select
        source,
        file,
        records - erased - expired as records
    from meta.loads
    qualify run_id = first_value(run_id) over (partition by source order by loaded_at desc)
),

sources as (
    select
        files.source,
        files.records,
        files.rejected,
        files.erased,
        files.expired,
        coalesce(found.flagged, 0) as flagged,
        coalesce(found.quarantined, 0) as quarantined,
        coalesce(uncounted.uncounted, 0) as uncounted,
        files.records
        - coalesce(uncounted.uncounted, 0)
        - files.rejected
        - coalesce(found.flagged, 0)
        - coalesce(found.quarantined, 0) as clean
    from files
    left join found on files.source = found.source
    left join uncounted on files.source = uncounted.source
),

-- Other records stand for a copy, for what was superseded and for a total: nothing is lost.
replaced as (
    select issue
    from quality.issue_types
    where
        starts_with(issue, 'duplicate_')
        or starts_with(issue, 'superseded_')
        or issue = 'total_record'
),

replaced_records as (
    select
        all_quarantined.source,
        count(*) as records
    from all_quarantined
    semi join replaced on all_quarantined.rejection_reason = replaced.issue
    group by all_quarantined.source
),

quarantined_by_file as (
    select
        all_quarantined.source,
        all_quarantined._source_file,
        count(*) filter (where replaced.issue is null) as lost,
        count(*) filter (where replaced.issue is not null) as replaced
    from all_quarantined
    left join replaced on all_quarantined.rejection_reason = replaced.issue
    group by all_quarantined.source, all_quarantined._source_file
),

-- The files of which most is lost, however much there is of others. Of fewer than four records, two
-- would be most.
lost_files as (
    select
        loads.source,
        loads.file as source_file,
        (loads.rejected + by_file.lost) / (loads.records - by_file.replaced) as lost_rate
    from (
        select
            source,
            file,
            records - erased - expired as records,
            rejected,
            count(*) over (partition by source) as file_count
        from meta.loads
    ) as loads
    inner join quarantined_by_file as by_file
        on loads.source = by_file.source and loads.file = by_file._source_file
    where
        loads.file_count > 1
        and loads.records - by_file.replaced >= 4
        and loads.rejected + by_file.lost > (loads.records - by_file.replaced) / 2
),

-- The files of which most of what is accepted has a flag, by the same measure.
uncounted_by_file as (
    select
        source,
        _source_file,
        count(*) as records
    from all_uncounted
    group by source, _source_file
),

accepted_by_file as (
    select
        loads.source,
        loads.file as source_file,
        loads.parsed
        - coalesce(by_file.lost + by_file.replaced, 0)
        - coalesce(uncounted_by_file.records, 0) as records
    from (
        select
            source,
            file,
            parsed,
            count(*) over (partition by source) as file_count
        from meta.loads
    ) as loads
    left join quarantined_by_file as by_file
        on loads.source = by_file.source and loads.file = by_file._source_file
    left join uncounted_by_file
        on loads.source = uncounted_by_file.source and loads.file = uncounted_by_file._source_file
    where loads.file_count > 1
),

doubtful_files as (
    select
        accepted_by_file.source,
        accepted_by_file.source_file,
        found_by_file.doubtful / accepted_by_file.records as doubtful_rate
    from accepted_by_file
    inner join found_by_file
        on
            accepted_by_file.source = found_by_file.source
            and accepted_by_file.source_file = found_by_file._source_file
    where
        accepted_by_file.records >= 4
        and found_by_file.doubtful > accepted_by_file.records / 2
),

record_rates as (
    select
        sources.source,
        sources.clean + sources.flagged as accepted,
        sources.clean
        + sources.flagged
        + sources.quarantined
        + sources.rejected
        - coalesce(replaced_records.records, 0) as judged
    from sources
    left join replaced_records on sources.source = replaced_records.source
),

flag_rates as (
    select
        record_rates.source,
        coalesce(found.doubtful, 0) / record_rates.accepted as flagged_rate
    from record_rates
    left join found on record_rates.source = found.source
    where record_rates.accepted > 0
),

-- What cannot be read as an amount weighs as much as an amount on average.
money as (
    select
        source,
        rejection_reason,
        coalesce(sum(abs(amount)), 0) as amount,
        count(amount) as amounts,
        count(*) - count(amount) as unreadable
    from all_amounts
    group by source, rejection_reason
),

money_rates as (
    select
        money.source,
        coalesce(sum(money.amount) filter (where money.rejection_reason is null), 0) as accepted,
        coalesce(sum(money.unreadable) filter (where money.rejection_reason is null), 0)
            as accepted_unreadable,
        sum(money.amount) as judged,
        sum(money.unreadable) as judged_unreadable,
        coalesce(sum(money.amount) / nullif(sum(money.amounts), 0), 1) as average
    from money
    anti join replaced on money.rejection_reason = replaced.issue
    group by money.source
),

-- Where most of a file's ids stand for something else in another file, they seem to restart.
clashes as (
    select
        source,
        _source_file,
        count(*) as records
    from all_quarantined
    where
        starts_with(rejection_reason, 'reused_') or starts_with(rejection_reason, 'conflicting_')
    group by source, _source_file
),

restarts as (
    select
        loads.source,
        loads.file as source_file,
        clashes.records / loads.records as restarted_rate
    from (
        select
            source,
            file,
            records - erased - expired as records,
            count(*) over (partition by source) as file_count
        from meta.loads
    ) as loads
    inner join clashes on loads.source = clashes.source and loads.file = clashes._source_file
    where loads.file_count > 1 and clashes.records > loads.records / 2
),

-- Employees with charges that the census lacks; more of them than before its newest load is news.
missing_employees as (
    select
        count(distinct transactions.employee_id) as employees,
        coalesce(sum(transactions.amount), 0) as amount
    from quality.quarantine_transactions as transactions
    anti join staging.stg_employees as employees
        on transactions.employee_id = employees.employee_id
    where transactions.employee_id is not null
),

-- Charges that count twice: as a whole, and in parts of which the ids are that of the whole and a
-- number or letter, such as T1-1 and T1-2 beside T1.
parts as (
    select
        charges.whole_id,
        charges.benefit_account_id,
        sum(charges.amount) as amount
    from intermediate.int_transactions_enriched as charges
    anti join quality.quarantine_transactions as quarantine
        on
            charges._source_file = quarantine._source_file
            and charges._row_number = quarantine._row_number
    where charges.whole_id is not null
    group by charges.whole_id, charges.benefit_account_id
    having count(*) > 1
),

split_charges as (
    select
        count(*) as charges,
        coalesce(sum(parts.amount), 0) as amount
    from marts.fact_transactions as wholes
    inner join parts
        on
            wholes.transaction_id = parts.whole_id
            and wholes.benefit_account_id = parts.benefit_account_id
            and wholes.amount = parts.amount
),

-- The cells that the files have. A column that a file lacks has none, although raw holds NULL.
cells as (
    select
        'raw.' || loads.source as relation,
        sum(loads.parsed) as cell_count
    from meta.loads as loads
    inner join meta.loaded_columns as loaded_columns
        on loads.source = loaded_columns.source and loads.file = loaded_columns.file
    where not starts_with(loaded_columns.column_name, '_')
    group by loads.source
    having sum(loads.parsed) > 0
),

-- Of the raw tables, what the run that built each has found in it.
filled as (
    select
        profiles.relation,
        sum(profiles.row_count - profiles.null_count) as filled_count
    from meta.column_profiles as profiles
    inner join meta.markers as markers
        on profiles.relation = markers.name and profiles.run_id = markers.run_id
    where not starts_with(profiles.column_name, '_')
    group by profiles.relation
),

scores as (
    select
        cells.relation,
        filled.filled_count / cells.cell_count as completeness
    from cells
    inner join filled on cells.relation = filled.relation
),

days as (
    select
        spent_on,
        sum(spend) as spend
    from marts.daily_spend
    where spent_on <= getvariable('as_of_date')
    group by spent_on
    order by spent_on desc
    limit 35
)

select
    source as dataset,
    'records' as figure,
    null as figure_name,
    records as figure_value
from sources
union all
select
    source as dataset,
    'clean' as figure,
    null as figure_name,
    clean as figure_value
from sources
union all
select
    source as dataset,
    'flagged' as figure,
    null as figure_name,
    flagged as figure_value
from sources
union all
select
    source as dataset,
    'quarantined' as figure,
    null as figure_name,
    quarantined as figure_value
from sources
union all
select
    source as dataset,
    'rejected' as figure,
    null as figure_name,
    rejected as figure_value
from sources
union all
select
    source as dataset,
    'clean_rate' as figure,
    null as figure_name,
    clean / (records - uncounted) as figure_value
from sources
where records > uncounted
union all
select
    source as dataset,
    'uncounted' as figure,
    null as figure_name,
    uncounted as figure_value
from sources
union all
select
    source as dataset,
    'erased' as figure,
    null as figure_name,
    erased as figure_value
from sources
union all
select
    source as dataset,
    'expired' as figure,
    null as figure_name,
    expired as figure_value
from sources
union all
select
    source as dataset,
    'accepted_rate' as figure,
    null as figure_name,
    accepted / judged as figure_value
from record_rates
where judged > 0
union all
select
    source as dataset,
    'flagged_rate' as figure,
    null as figure_name,
    flagged_rate as figure_value
from flag_rates
union all
select
    source as dataset,
    'accepted_money_rate' as figure,
    null as figure_name,
    (accepted + accepted_unreadable * average) / (judged + judged_unreadable * average)
        as figure_value
from money_rates
where judged + judged_unreadable * average > 0
union all
select
    source as dataset,
    'restarted_ids' as figure,
    source_file as figure_name,
    restarted_rate as figure_value
from restarts
union all
select
    source as dataset,
    'lost_rate' as figure,
    source_file as figure_name,
    lost_rate as figure_value
from lost_files
union all
select
    source as dataset,
    'doubtful_rate' as figure,
    source_file as figure_name,
    doubtful_rate as figure_value
from doubtful_files
union all
select
    source as dataset,
    'quarantined_by_reason' as figure,
    rejection_reason as figure_name,
    count(*) as figure_value
from all_quarantined
group by source, rejection_reason
union all
select
    source as dataset,
    'flagged_by_flag' as figure,
    issue as figure_name,
    count(*) as figure_value
from all_issues
where tier = 1
group by source, issue
union all
select
    'employees' as dataset,
    'missing_with_charges' as figure,
    null as figure_name,
    employees as figure_value
from missing_employees
union all
select
    'transactions' as dataset,
    'split_charges' as figure,
    null as figure_name,
    charges as figure_value
from split_charges
where charges > 0
union all
select
    'transactions' as dataset,
    'split_amount' as figure,
    null as figure_name,
    amount as figure_value
from split_charges
where charges > 0
union all
select
    'employees' as dataset,
    'missing_charged' as figure,
    null as figure_name,
    amount as figure_value
from missing_employees
union all
select
    relation as dataset,
    'completeness' as figure,
    null as figure_name,
    completeness as figure_value
from scores
union all
select
    'marts.fact_transactions' as dataset,
    'spend_by_day' as figure,
    cast(spent_on as varchar) as figure_name,
    spend as figure_value
from days
union all
select
    source as dataset,
    'new_records' as figure,
    null as figure_name,
    sum(records) as figure_value
from new_files
group by source
union all
select
    all_quarantined.source as dataset,
    'new_quarantined_by_reason' as figure,
    all_quarantined.rejection_reason as figure_name,
    count(*) as figure_value
from all_quarantined
inner join new_files
    on all_quarantined.source = new_files.source and all_quarantined._source_file = new_files.file
group by all_quarantined.source, all_quarantined.rejection_reason
union all
select
    all_issues.source as dataset,
    'new_flagged_by_flag' as figure,
    all_issues.issue as figure_name,
    count(*) as figure_value
from all_issues
inner join new_files
    on all_issues.source = new_files.source and all_issues._source_file = new_files.file
where all_issues.tier = 1
group by all_issues.source, all_issues.issue
