-- A number of Excel's days as a moment, to the millisecond; NULL where it is none. Day 1 is
-- 1 January 1900, and in workbooks that count from 1904 the day after 1 January 1904. Day 60 of the
-- usual calendar is 29 February 1900, which never was; days before it are one off.
create or replace macro excel_moment(value, from_year) as
    case
        when regexp_full_match(value, '[1-9][0-9]{0,6}([.][0-9]{1,15})?')
            and try_cast(value as decimal(38, 15)) < if(from_year = 1904, 2957004, 2958466)
            and (from_year = 1904 or trunc(try_cast(value as decimal(38, 15))) <> 60)
            then case
                when from_year = 1904 then timestamp '1904-01-01'
                when try_cast(value as decimal(38, 15)) < 60 then timestamp '1899-12-31'
                else timestamp '1899-12-30'
            end + to_milliseconds(
                cast(round(try_cast(value as decimal(38, 15)) * 86400000, 0) as bigint)
            )
    end;
