-- The plain amount of an allowance a month, rounded to cents; NULL where it is for something else
-- than a month, a quarter, half a year or a year, or where one of the two is missing.
create or replace macro per_month(each, each_text, every, every_text) as
    case
        when clean_label(every) = 'month' then each
        else cast(cast(money(each) / months_in(clean_label(every)) as decimal(18, 2)) as varchar)
    end;
