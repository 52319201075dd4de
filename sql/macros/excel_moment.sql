-- A number of Excel's calendar of 1900 as a moment, to the millisecond; NULL where it is none. Day
-- 1 is 1 January 1900. Day 60 is 29 February 1900, which never was; days before it are one off.
create or replace macro excel_moment(value) as
    case
        when regexp_full_match(value, '[1-9][0-9]{0,6}([.][0-9]{1,15})?')
            and try_cast(value as decimal(38, 15)) < 2958466
            and trunc(try_cast(value as decimal(38, 15))) <> 60
            then if(
                try_cast(value as decimal(38, 15)) < 60,
                timestamp '1899-12-31',
                timestamp '1899-12-30'
            ) + to_milliseconds(
                cast(round(try_cast(value as decimal(38, 15)) * 86400000, 0) as bigint)
            )
    end;
