-- A cleaned text in the form YYYY-MM-DD as a date, NULL where it is none.
create or replace macro iso_date(value) as
    case
        when regexp_full_match(value, '[1-9][0-9]{3}-[0-9]{2}-[0-9]{2}')
            then try_cast(value as date)
    end;
