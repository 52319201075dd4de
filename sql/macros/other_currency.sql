-- The currency of an amount, a cleaned label, where it is not the one that is reported (in lower
-- case); NULL where it is. What is not a code is called so, since it may be any text of the file.
create or replace macro other_currency(value, reporting) as
    case
        when value = reporting then null
        when value is null then 'missing'
        when regexp_full_match(value, '[a-z]{3}') then upper(value)
        else 'unknown'
    end;
