-- A number of the days since 1 January 1904 as a moment, to the millisecond, as workbooks of Excel
-- for Mac count; NULL where it is none.
create or replace macro excel_moment_from_1904(value) as
    case
        when regexp_full_match(value, '[1-9][0-9]{0,6}([.][0-9]{1,15})?')
            and try_cast(value as decimal(38, 15)) < 2957004
            then timestamp '1904-01-01' + to_milliseconds(
                cast(round(try_cast(value as decimal(38, 15)) * 86400000, 0) as bigint)
            )
    end;
