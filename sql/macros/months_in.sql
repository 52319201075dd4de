-- How many months a quarter, half a year or a year has; NULL for anything else.
create or replace macro months_in(period) as
    case period when 'quarter' then 3 when 'half_year' then 6 when 'year' then 12 end;
