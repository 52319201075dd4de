-- Grain: one row per record in a quarantine table, in the order of the files.
-- Purpose: the records of variable `relation` that a page shows: `most` of them, the first ones of
-- each reason before the second ones, so that none goes unseen.
with placed as (
    select
        _source_file,
        _row_number,
        rejection_reason,
        row_number() over (
            partition by rejection_reason order by _source_file, _row_number
        ) as place
    from query_table(getvariable('relation'))
),

chosen as (
    select
        _source_file,
        _row_number
    from placed
    order by place, rejection_reason
    limit getvariable('most')
)

-- The columns are those that the catalog publishes.
select records.* -- noqa: AM04
from query_table(getvariable('relation')) as records
inner join chosen
    on
        records._source_file = chosen._source_file
        and records._row_number = chosen._row_number
order by records._source_file, records._row_number
