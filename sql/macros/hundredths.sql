-- The plain decimal text of an amount in hundredths (cents), as one in whole units; NULL where it
-- is not an amount, and where parts of a cent are left.
create or replace macro hundredths(value) as
    case
        when money(value) = trunc(money(value))
            then cast(cast(money(value) * 0.01 as decimal(20, 2)) as varchar)
    end;
