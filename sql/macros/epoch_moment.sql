-- What was counted since 1970 in UTC, in the unit `seconds` or `milliseconds`, as a moment; NULL
-- where it is none. Seconds have 9 or 10 digits (1973 to 2286), milliseconds 12 or 13, so that
-- neither is ever taken for the other.
create or replace macro epoch_moment(value, unit) as
    case
        when unit = 'seconds' and regexp_full_match(value, '[1-9][0-9]{8,9}([.]0+)?')
            then make_timestamp(try_cast(split_part(value, '.', 1) as bigint) * 1000000)
        when unit = 'milliseconds' and regexp_full_match(value, '[1-9][0-9]{11,12}([.]0+)?')
            then make_timestamp(try_cast(split_part(value, '.', 1) as bigint) * 1000)
    end;
