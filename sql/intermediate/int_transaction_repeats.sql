-- Grain: one row per (transaction record, issue).
-- Purpose: what is wrong with a transaction beside others of the same id, or of one that looks like
-- it. An edition is what one file says of an id (one value of the column that orders records, where
-- there is one); where resends conflict, all files are one edition. The latest edition speaks that
-- is valid and in which nothing differs; what says otherwise in an edition before is superseded. An
-- invalid record takes nothing away: it is kept out for its own reason, and the one before it
-- stays, with a flag. A record that does not count does: a charge that a later file declines is no
-- spend.
with alike as (
    select
        _source_file,
        _row_number,
        transaction_id,
        coalesce(transaction_id_as_written, transaction_id) as written_id,
        id_skeleton(transaction_id) as skeleton,
        resends = 'supersede' as is_superseding,
        record_order,
        employee_id,
        merchant,
        amount,
        transaction_timestamp,
        -- A text is sorted faster than a list, and its parts are quoted.
        cast(
            [
                employee_id,
                benefit_account_id,
                merchant,
                cast(amount as varchar),
                amount_as_written,
                cast(transaction_timestamp as varchar),
                transaction_timestamp_as_written,
                category,
                foreign_currency
            ] as varchar
        ) as content
    from intermediate.int_alike_transactions
),

look_alike_ids as (
    select skeleton
    from alike
    group by skeleton
    having count(distinct written_id) > 1
),

invalid as (
    select distinct
        _source_file,
        _row_number
    from intermediate.int_transaction_issues
    where tier = 2
),

-- What does not count has no content; it speaks where it is the latest.
records as (
    select
        alike._source_file,
        alike._row_number,
        alike.transaction_id,
        alike.is_superseding,
        alike.record_order,
        alike.employee_id,
        alike.merchant,
        alike.amount,
        alike.transaction_timestamp,
        alike.content,
        invalid._row_number is null as is_valid
    from alike
    left join invalid
        on alike._source_file = invalid._source_file and alike._row_number = invalid._row_number
    union all
    select
        uncounted._source_file,
        uncounted._row_number,
        uncounted.transaction_id,
        true as is_superseding,
        uncounted.record_order,
        uncounted.employee_id,
        uncounted.merchant,
        uncounted.amount,
        uncounted.transaction_timestamp,
        null as content,
        true as is_valid
    from quality.uncounted_transactions as uncounted
    semi join alike
        on uncounted.transaction_id = alike.transaction_id and alike.is_superseding
),

-- Of few files there are many records, and their names take long to be brought in order.
files as (
    select
        _source_file,
        natural_order(_source_file) as file_order
    from records
    group by _source_file
),

ordered as (
    select
        records.*,
        files.file_order,
        if(
            records.is_superseding,
            [
                coalesce(natural_order(records.record_order), ''),
                files.file_order,
                records._source_file
            ],
            []
        ) as edition
    from records
    inner join files
        on records._source_file = files._source_file
),

compared as (
    select
        *,
        count(distinct content) over (partition by transaction_id, edition) as content_count
    from ordered
),

spoken as (
    select
        transaction_id,
        edition,
        employee_id,
        merchant,
        amount,
        transaction_timestamp,
        content
    from compared
    where is_valid and content_count <= 1 and (content is not null or content_count = 0)
    qualify
        row_number() over (
            partition by transaction_id order by edition desc, _source_file, _row_number
        ) = 1
),

judged as (
    select
        compared._source_file,
        compared._row_number,
        compared.transaction_id,
        compared.edition,
        compared.is_superseding,
        compared.content_count,
        (compared.content is not distinct from spoken.content) as is_spoken,
        (
            compared.content_count = 1
            and compared.edition < spoken.edition
            and compared.content is distinct from spoken.content
        ) as is_superseded,
        (
            compared.amount is distinct from spoken.amount
            and compared.transaction_timestamp is distinct from spoken.transaction_timestamp
            and (
                compared.employee_id is distinct from spoken.employee_id
                or compared.merchant is distinct from spoken.merchant
            )
        ) as is_unrelated,
        abs(date_diff('day', compared.transaction_timestamp, spoken.transaction_timestamp)) > 31
            as is_moved,
        row_number() over (
            partition by compared.transaction_id, compared.content, compared.content_count
            order by
                compared.edition,
                compared.file_order,
                compared._source_file,
                compared._row_number
        ) as copy_number,
        count(distinct compared.content) over (partition by compared.transaction_id)
            as version_count,
        bool_or(compared.edition > spoken.edition) over (partition by compared.transaction_id)
            as is_overruled
    from compared
    left join spoken
        on compared.transaction_id = spoken.transaction_id
    where compared.content is not null
),

-- Another amount at another time, of another employee or at another merchant, is not a restatement:
-- the id was given twice. Where most ids that come again were, all that differ were; so they were
-- where most, and several, are of charges more than a month apart, which may be the same each time.
resent_ids as (
    select
        transaction_id,
        bool_or(is_superseded) as is_superseded,
        bool_or(is_superseded and is_unrelated) as is_unrelated,
        bool_or(is_superseded and (is_unrelated or is_moved)) as is_apart
    from judged
    group by transaction_id
    having count(distinct edition) > 1
),

restarts as (
    select
        count(*) filter (where is_unrelated) > count(*) filter (where not is_unrelated)
        or (
            count(*) filter (where is_apart) > count(*) filter (where is_apart is not true)
            and count(*) filter (where is_apart) > 2
        ) as is_usual
    from resent_ids
),

reused_ids as (
    select resent_ids.transaction_id
    from resent_ids
    cross join restarts
    where resent_ids.is_superseded and (resent_ids.is_unrelated or restarts.is_usual)
),

verdicts as (
    select
        judged._source_file,
        judged._row_number,
        judged.content_count,
        judged.copy_number,
        judged.is_superseded,
        judged.is_superseding and judged.is_spoken and judged.version_count > 1 as is_restated,
        judged.is_spoken and judged.is_overruled as is_held,
        reused_ids.transaction_id is not null as is_reused
    from judged
    left join reused_ids
        on judged.transaction_id = reused_ids.transaction_id
),

found as (
    select _source_file, _row_number, 'conflicting_transaction_id' as issue
    from verdicts
    where content_count > 1
    union all
    select _source_file, _row_number, 'reused_transaction_id' as issue
    from verdicts
    where content_count = 1 and is_reused
    union all
    select _source_file, _row_number, 'superseded_transaction' as issue
    from verdicts
    where is_superseded and not is_reused
    union all
    select _source_file, _row_number, 'duplicate_transaction' as issue
    from verdicts
    where content_count = 1 and copy_number > 1 and not coalesce(is_superseded, false)
    union all
    select _source_file, _row_number, 'restated_transaction' as issue
    from verdicts
    where content_count = 1 and copy_number = 1 and is_restated and not is_reused
    union all
    select _source_file, _row_number, 'invalid_restatement' as issue
    from verdicts
    where content_count = 1 and copy_number = 1 and is_held and not is_reused
    union all
    select
        alike._source_file,
        alike._row_number,
        'look_alike_id' as issue
    from alike
    semi join look_alike_ids
        on alike.skeleton = look_alike_ids.skeleton
)

select
    found._source_file,
    found._row_number,
    found.issue,
    issue_types.tier
from found
left join quality.issue_types as issue_types
    on issue_types.source = 'transactions' and found.issue = issue_types.issue
