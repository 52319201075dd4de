-- A time of day whose digits stand together, with the zero that a number loses: 915 is 0915.
create or replace macro full_clock(value) as
    if(regexp_full_match(value, '[0-9]{3}|[0-9]{5}'), '0' || value, value);
