-- Grain: one row per sum that does not come out; none when the books balance.
-- Purpose: proof that no record and no cent was lost or multiplied between the files and the marts.
with files as (
    select
        source,
        cast(sum(records) as bigint) as records
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

raw_rows as (
    select 'employees' as source, count(*) as records from raw.employees
    union all
    select 'benefit_accounts' as source, count(*) as records from raw.benefit_accounts
    union all
    select 'transactions' as source, count(*) as records from raw.transactions
    union all
    select 'category_benefit_mappings' as source, count(*) as records
    from raw.category_benefit_mappings
),

staged as (
    select 'employees' as source, count(*) as records, null as amount
    from staging.stg_employees
    union all
    select 'benefit_accounts' as source, count(*) as records, null as amount
    from staging.stg_benefit_accounts
    union all
    select 'transactions' as source, count(*) as records, sum(amount) as amount
    from staging.stg_transactions
    union all
    select 'category_benefit_mappings' as source, count(*) as records, null as amount
    from staging.stg_category_benefit_mappings
),

accepted as (
    select 'employees' as source, count(*) as records, null as amount
    from marts.dim_employees
    union all
    select
        'benefit_accounts' as source,
        cast(coalesce(sum(account_count), 0) as bigint) as records,
        null as amount
    from marts.dim_benefit_programs
    union all
    select 'transactions' as source, count(*) as records, sum(amount) as amount
    from marts.fact_transactions
),

quarantined as (
    select 'employees' as source, count(*) as records, null as amount
    from quality.quarantine_employees
    union all
    select 'benefit_accounts' as source, count(*) as records, null as amount
    from quality.quarantine_benefit_accounts
    union all
    select 'transactions' as source, count(*) as records, sum(amount) as amount
    from quality.quarantine_transactions
),

sums as (
    select
        files.source,
        'records in the files' as left_side,
        files.records as left_value,
        'raw + rejected' as right_side,
        raw_rows.records + coalesce(rejected.records, 0) as right_value
    from files
    inner join raw_rows on files.source = raw_rows.source
    left join rejected on files.source = rejected.source
    union all
    select
        raw_rows.source,
        'raw' as left_side,
        raw_rows.records as left_value,
        'staging' as right_side,
        staged.records as right_value
    from raw_rows
    inner join staged on raw_rows.source = staged.source
    union all
    select
        staged.source,
        'staging' as left_side,
        staged.records as left_value,
        'marts + quarantine' as right_side,
        accepted.records + quarantined.records as right_value
    from staged
    inner join accepted on staged.source = accepted.source
    inner join quarantined on staged.source = quarantined.source
    union all
    select
        staged.source,
        'USD in staging' as left_side,
        coalesce(staged.amount, 0) as left_value,
        'USD in marts + quarantine' as right_side,
        coalesce(accepted.amount, 0) + coalesce(quarantined.amount, 0) as right_value
    from staged
    inner join accepted on staged.source = accepted.source
    inner join quarantined on staged.source = quarantined.source
)

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
