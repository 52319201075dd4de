-- A date and a time of day as one text. Where both are numbers of a workbook, that is the day with
-- its part: 45662 and 0.4375 are 45662.4375.
create or replace macro day_and_clock(day, clock) as
    case
        when regexp_full_match(day, '[1-9][0-9]{4}') and clock = '0' then day
        when
            regexp_full_match(day, '[1-9][0-9]{4}')
            and regexp_full_match(clock, '0?[.,][0-9]{1,15}')
            then day || regexp_replace(clock, '^0?[.,]', '.')
        else day || ' ' || full_clock(clock)
    end;
