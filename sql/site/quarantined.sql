-- Grain: one row per record in a quarantine table, in the order of the files.
-- Purpose: the records of variable `relation` that a page shows: `most` of them, the first ones of
-- each reason before the second ones, so that none goes unseen.
with placed as (
    select
        *,
        row_number() over (
            partition by rejection_reason order by _source_file, _row_number
        ) as place
    from query_table(getvariable('relation'))
),

chosen as (
    select *
    from placed
    order by place, rejection_reason
    limit getvariable('most')
)

-- The columns are those that the catalog publishes.
select * exclude (place) -- noqa: AM04
from chosen
order by _source_file, _row_number
