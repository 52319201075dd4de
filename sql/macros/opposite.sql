-- The plain decimal text of an amount with the other sign.
create or replace macro opposite(value) as
    if(starts_with(value, '-'), substr(value, 2), '-' || value);
