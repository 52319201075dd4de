-- What was counted since 1970 in UTC, in the unit `days`, `seconds`, `milliseconds` or
-- `microseconds`, as a moment; NULL where it is none. Days have up to 5 digits, seconds 9 or 10
-- (1973 to 2286), milliseconds 12 or 13, and microseconds 15 or 16, so that none is ever taken for
-- another.
create or replace macro epoch_moment(value, unit) as
    case
        when unit = 'seconds' and regexp_full_match(value, '[1-9][0-9]{8,9}([.]0+)?')
            then make_timestamp(try_cast(split_part(value, '.', 1) as bigint) * 1000000)
        when unit = 'milliseconds' and regexp_full_match(value, '[1-9][0-9]{11,12}([.]0+)?')
            then make_timestamp(try_cast(split_part(value, '.', 1) as bigint) * 1000)
        when unit = 'microseconds' and regexp_full_match(value, '[1-9][0-9]{14,15}([.]0+)?')
            then make_timestamp(try_cast(split_part(value, '.', 1) as bigint))
        when unit = 'days' and regexp_full_match(value, '-?[0-9]{1,5}')
            then make_timestamp(try_cast(value as bigint) * 86400000000)
    end;
